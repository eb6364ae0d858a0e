import { ActivateVersionDocument, DeployDocument, type OverlapPolicy } from '../../generated/gql/graphql.ts';
import { commandErrorOf, usageError } from './command-error.ts';
import type { ExitName } from './exit-codes.ts';
import { createIdempotencyKey, makeAndFollow, type FollowOptions } from './follow/follow-command.ts';
import type { Overlap } from './option-choices.ts';
import { pushFolder } from './push.ts';
import { findApp, findVersion, type App } from './references.ts';
import { openSession, type Caller, type Session } from './session.ts';

export interface DeployOptions extends FollowOptions {
  readonly version?: string;
  readonly active?: boolean;
  readonly reason?: string;
  readonly overlap?: Overlap;
  readonly idempotencyKey?: string;
  /** Whether a version that was pushed here becomes the active one once it serves. */
  readonly activate: boolean;
}

export function overlapPolicy(overlap: Overlap | undefined): OverlapPolicy | undefined {
  return overlap?.toUpperCase().replace('-', '_') as OverlapPolicy | undefined;
}

/** Packs, pushes, deploys and follows; or deploys what was pushed before. */
export async function runDeploy(caller: Caller, name: string | undefined, options: DeployOptions): Promise<ExitName> {
  if (options.version !== undefined && options.active) throw usageError('--version and --active exclude each other.');
  const session = openSession(caller);
  const app = await findApp(caller, session, name);
  const key = options.idempotencyKey ?? createIdempotencyKey();
  const { versionId, isPushed } = await chooseVersion(caller, session, app, options);
  const { reason, overlap } = options;
  const input = { productionAppId: app.id, versionId, reason, overlap: overlapPolicy(overlap), idempotencyKey: key };
  const make = async () => (await session.client.request(DeployDocument, { input })).triggerDeployment;
  const exit = await makeAndFollow(caller, session, make, options);
  if (exit === 'completed' && isPushed && options.wait && options.activate) await activate(caller, session, versionId!);
  return exit;
}

async function chooseVersion(
  caller: Caller,
  session: Session,
  app: App,
  { version, active }: DeployOptions,
): Promise<{ versionId: string | undefined; isPushed: boolean }> {
  if (version !== undefined) return { versionId: (await findVersion(session, version, app)).id, isPushed: false };
  if (active) return { versionId: undefined, isPushed: false };
  // Not with the key of the deployment: the same source gives the same version anyway, and another one is refused with it.
  // And not active: that waits until it serves.
  const pushed = await pushFolder(caller, session, app, { activate: false, idempotencyKey: createIdempotencyKey() });
  return { versionId: pushed.id, isPushed: true };
}

/**
 * Only once it serves: what is active is what a deployment ships that names no version, and that should be one that works.
 * The deployment has completed, whatever becomes of this.
 */
async function activate({ output }: Caller, { client }: Session, versionId: string): Promise<void> {
  try {
    await client.request(ActivateVersionDocument, { input: { versionId } });
  } catch (error) {
    const known = commandErrorOf(error);
    if (!known) throw error;
    // A token for some apps alone, as CI should have it, may not choose for the whole entity.
    if (known.exit === 'forbidden') return output.say('The active version stays as it is: you may not choose it.');
    output.warn(`The version serves, but could not be made the active one: ${known.message}`);
  }
}
