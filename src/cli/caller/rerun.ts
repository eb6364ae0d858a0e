import { PlanDocument, RedeployDocument, RetryDocument, RollbackDocument } from '../../generated/gql/graphql.ts';
import { CommandError } from './command-error.ts';
import { overlapPolicy } from './deploy.ts';
import type { ExitName } from './exit-codes.ts';
import { createIdempotencyKey, makeAndFollow, type FollowOptions } from './follow/follow-command.ts';
import type { Overlap } from './option-choices.ts';
import { findApp, findDeploymentId, listDeployments, type App } from './references.ts';
import { openSession, type Caller, type Session } from './session.ts';
import { jsonLine } from './spelling.ts';
import { chooseDeployment, words, type DeploymentChoice } from './status.ts';
import { printTable } from './table.ts';

export interface RerunOptions extends FollowOptions {
  readonly reason?: string;
  readonly overlap?: Overlap;
  readonly idempotencyKey?: string;
}

/** Tries a failed or cancelled deployment again. */
export async function runRetry(
  caller: Caller,
  text: string | undefined,
  options: RerunOptions & DeploymentChoice,
): Promise<ExitName> {
  const session = openSession(caller);
  const deploymentId = await chooseDeployment(caller, session, text, options);
  const input = { deploymentId, ...inputOf(options) };
  const make = async () => (await session.client.request(RetryDocument, { input })).retryDeployment;
  return makeAndFollow(caller, session, make, options);
}

/** Ships the version of a deployment once more, with what its app is set to now. */
export async function runRedeploy(
  caller: Caller,
  text: string | undefined,
  options: RerunOptions & DeploymentChoice,
): Promise<ExitName> {
  const session = openSession(caller);
  const deploymentId = await chooseDeployment(caller, session, text, options);
  const input = { deploymentId, ...inputOf(options) };
  const make = async () => (await session.client.request(RedeployDocument, { input })).redeployDeployment;
  return makeAndFollow(caller, session, make, options);
}

export interface RollbackOptions extends RerunOptions {
  readonly to?: string;
  readonly plan?: boolean;
  readonly allowIrreversible?: boolean;
}

/** Goes back to an earlier deployment of an app, or shows what that would do. */
export async function runRollback(
  caller: Caller,
  name: string | undefined,
  options: RollbackOptions,
): Promise<ExitName | void> {
  const session = openSession(caller);
  const app = await findApp(caller, session, name);
  const deploymentId = options.to === undefined ? undefined : await findTarget(session, options.to, app);
  if (options.plan) return showPlan(caller, session, app, deploymentId);
  const { allowIrreversible } = options;
  const input = { productionAppId: app.id, deploymentId, allowIrreversible, ...inputOf(options) };
  const make = async () => (await session.client.request(RollbackDocument, { input })).rollbackDeployment;
  return makeAndFollow(caller, session, make, options);
}

function inputOf({ reason, overlap, idempotencyKey = createIdempotencyKey() }: RerunOptions) {
  return { reason, overlap: overlapPolicy(overlap), idempotencyKey };
}

/** How many deployments are looked through for a version. */
const LOOKED_THROUGH_MAX = 1_000;

/** A deployment, or the last completed one of a version. */
async function findTarget(session: Session, text: string, app: App): Promise<string> {
  if (/^(dep_|@latest$|#?\d+$|https?:)/.test(text)) return findDeploymentId(session, text, app);
  const completed = await listDeployments(session, { app, limit: LOOKED_THROUGH_MAX, status: ['COMPLETED'] });
  const found = completed.find(({ version }) => version.version === text || version.id === text);
  if (found) return found.id;
  throw new CommandError(
    'notFound',
    `${app.subdomain} has no completed deployment of the version ${JSON.stringify(text.slice(0, 100))}.`,
    `"windlass deployments ${app.subdomain} --status completed" lists those that there are.`,
  );
}

async function showPlan(caller: Caller, session: Session, app: App, sourceId: string | undefined): Promise<void> {
  const { deploymentPlan } = await session.client.request(PlanDocument, {
    productionAppId: app.id,
    trigger: 'ROLLBACK',
    sourceId,
  });
  const { source, version, phases } = deploymentPlan;
  if (caller.output.json) return caller.output.result(jsonLine('plan', { source, version, phases }));
  caller.output.say(
    `A rollback of ${app.subdomain} would go back to deployment ${source!.number}, version ${version.version}:`,
  );
  printTable(caller.output, phases, [
    { title: 'PHASE', text: ({ name: phase }) => phase.toLowerCase() },
    { title: 'ACTION', text: ({ action }) => words(action) },
    { title: 'WHY', text: ({ reason }) => reason },
  ]);
}
