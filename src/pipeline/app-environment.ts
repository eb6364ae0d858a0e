import { environmentOf, type EnvironmentPhase, type Variable } from '../domain/environment.ts';
import { PhaseFailure } from '../domain/errors.ts';
import type { Manifest } from '../domain/manifest.ts';
import { SealError, type KeyRing } from '../domain/sealing.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { loadVariables } from '../store/environment.ts';
import { secretsOfVariables } from '../targets/secrets.ts';

/** What the owner of an app set for its builds, migrations and releases. */
export interface AppEnvironment {
  /** As it is now. Its secrets are masked in the log from here on. Throws PhaseFailure when it cannot be read. */
  load(): Promise<readonly Variable[]>;
}

export function createAppEnvironment(
  { prisma, keyRing }: { prisma: PrismaClient; keyRing: KeyRing },
  productionAppId: string,
  onSecrets: (secrets: readonly string[]) => void,
): AppEnvironment {
  return {
    async load() {
      const variables = await loadVariables(prisma, keyRing, productionAppId).catch(refuseUnreadable);
      onSecrets(secretsOfVariables(variables));
      return variables;
    },
  };
}

function refuseUnreadable(cause: unknown): never {
  if (!(cause instanceof SealError)) throw cause;
  const hint = 'Give this worker the key again, in WINDLASS_SECRET_KEY or its file, or set the variables anew.';
  throw new PhaseFailure('INFRA_FAILED', `The app's environment cannot be read. ${cause.message}`, { hint }, { cause });
}

/** What a phase gives to its commands, beside what the manifest says and what was provisioned. */
export async function variablesFor(
  environment: AppEnvironment,
  phase: EnvironmentPhase,
): Promise<Record<string, string>> {
  return environmentOf(await environment.load(), phase);
}

/** Throws PhaseFailure when the app lacks something that the package needs. */
export async function assertSecretsAreSet(
  environment: AppEnvironment,
  // Manifests of older versions name none.
  { secrets = [] }: { readonly secrets?: Manifest['secrets'] },
): Promise<void> {
  if (secrets.length === 0) return;
  const set = new Set((await environment.load()).map(({ name }) => name));
  const missing = secrets.filter((name) => !set.has(name));
  if (missing.length === 0) return;
  const what = missing.length === 1 ? `the variable ${missing[0]}` : `the variables ${missing.join(', ')}`;
  throw new PhaseFailure('INFRA_FAILED', `The package needs ${what}, which the production app does not have.`, {
    hint: 'Set what is missing with `updateProductionApp`, then retry.',
  });
}
