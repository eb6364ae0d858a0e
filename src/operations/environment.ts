import { z } from 'zod';
import { PHASES, type PhaseName } from '../domain/deployment.ts';
import {
  defaultPhases,
  ENVIRONMENT_PHASES,
  nameProblem,
  valueProblem,
  VARIABLES_MAX,
  type Variable,
} from '../domain/environment.ts';
import { DomainError } from '../domain/errors.ts';
import type { KeyRing } from '../domain/sealing.ts';
import type { Transaction } from '../store/db.ts';
import { setVariables } from '../store/environment.ts';

/** Refuses with what is wrong, and never with the value. */
const unlessProblem = (problemOf: (text: string) => string | null) => (text: string, context: z.RefinementCtx) => {
  const message = problemOf(text);
  if (message !== null) context.addIssue({ code: 'custom', message });
};

function isEnvironmentPhase(phase: PhaseName): boolean {
  return ENVIRONMENT_PHASES.some((known) => known === phase);
}

const change = z.object({
  name: z.string().superRefine(unlessProblem(nameProblem)),
  value: z.string().superRefine(unlessProblem(valueProblem)).nullish(),
  isSecret: z.boolean().nullish(),
  phases: z
    .array(z.enum(PHASES).refine(isEnvironmentPhase, `must be of ${ENVIRONMENT_PHASES.join(', ')}`))
    .min(1, 'must name a phase')
    .nullish(),
});

/** Variables to set, and, without a value, to remove. */
export const environmentInput = z
  .array(change)
  .max(VARIABLES_MAX, `must be at most ${VARIABLES_MAX} variables`)
  .refine((changes) => new Set(changes.map(({ name }) => name)).size === changes.length, 'must name a variable once')
  .nullish();
export type EnvironmentInput = z.output<typeof environmentInput>;

/** The variables that are set or removed: of these, their values may be told to nobody. */
export function namesIn(changes: EnvironmentInput): string[] {
  return changes?.map(({ name }) => name) ?? [];
}

/**
 * Makes an app's environment what is asked for, and leaves the rest of it. A variable keeps what is not said of it; a new
 * one is a secret unless it is said not to be. To be called with the app's row locked.
 */
export async function changeEnvironment(
  tx: Transaction,
  keyRing: KeyRing,
  { productionAppId, userId }: { productionAppId: string; userId: string },
  changes: EnvironmentInput,
): Promise<void> {
  if (!changes || changes.length === 0) return;
  const rows = await tx.environmentVariable.findMany({ where: { productionAppId } });
  const known = new Map(rows.map((row) => [row.name, row]));
  const set = changes.flatMap(({ name, value, ...given }): Variable[] => {
    if (value == null) return [];
    const before = known.get(name);
    const isSecret = given.isSecret ?? before?.isSecret ?? true;
    const keepsPhases = before !== undefined && before.isSecret === isSecret;
    const phases = given.phases ?? (keepsPhases ? before.phases : defaultPhases(isSecret));
    return [{ name, value, isSecret, phases: ENVIRONMENT_PHASES.filter((phase) => phases.includes(phase)) }];
  });
  const removed = changes.filter(({ value }) => value == null).map(({ name }) => name);
  if ((await setVariables(tx, keyRing, productionAppId, { set, removed, userId })) > VARIABLES_MAX) {
    throw new DomainError('BAD_USER_INPUT', `A production app can have at most ${VARIABLES_MAX} variables.`);
  }
}

/**
 * An input by which two requests are told apart, without its values: these could be guessed from their hash. One for each
 * key of the ring, the first key's first: what was compared before the keys were changed is known by an older one.
 */
export function comparable(keyRing: KeyRing, changes: EnvironmentInput) {
  const known = changes?.map(({ value, ...rest }) => ({
    rest,
    prints: value == null ? null : keyRing.fingerprints(value),
  }));
  return keyRing.marks.map((_mark, key) =>
    known?.map(({ rest, prints }) => ({ ...rest, value: prints === null ? null : prints[key] })),
  );
}
