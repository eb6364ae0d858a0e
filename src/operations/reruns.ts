import { z } from 'zod';
import type { Viewer } from '../domain/access.ts';
import { refusalOf, type ActionFacts, type DeploymentAction } from '../domain/actions.ts';
import { DomainError } from '../domain/errors.ts';
import type { Transaction } from '../store/db.ts';
import { lockApp, type NewDeployment } from '../store/deployments.ts';
import { findRollbackTarget } from '../store/rollback-targets.ts';
import { findStandings } from '../store/standings.ts';
import type { Transact } from '../store/statements.ts';
import { factsOf, WITH_ACTION_FACTS } from './actions.ts';
import { loadDeploymentFor, loadProductionAppFor, visibleDeployments } from './authorize.ts';
import { enqueueOnce, overlapPolicy, type DeploymentOperationDeps } from './enqueue.ts';
import { idempotencyKey, type Made } from './idempotency.ts';
import { parseInput, reasonText } from './input.ts';

const rerunInput = z.object({
  deploymentId: z.string(),
  overlap: overlapPolicy.nullish(),
  reason: reasonText,
  idempotencyKey,
});
type RerunInput = z.input<typeof rerunInput>;

/**
 * Tries a failed or cancelled deployment again, as a new one that begins at the phase where that one ended. Throws
 * CONFLICT when it completed, is still open, or a newer one came after it.
 */
export function retryDeployment(deps: DeploymentOperationDeps, viewer: Viewer, input: RerunInput): Promise<Made> {
  return rerun(deps, viewer, 'retry', input);
}

/** Ships the version of an earlier deployment again, and makes everything afresh. Throws CONFLICT as a retry does. */
export function redeployDeployment(deps: DeploymentOperationDeps, viewer: Viewer, input: RerunInput): Promise<Made> {
  return rerun(deps, viewer, 'redeploy', input);
}

async function rerun(
  deps: DeploymentOperationDeps,
  viewer: Viewer,
  action: 'retry' | 'redeploy',
  input: RerunInput,
): Promise<Made> {
  const { idempotencyKey: key, ...body } = parseInput(rerunInput, input);
  const source = await loadDeploymentFor(deps.prisma, viewer, body.deploymentId, `${action}Deployment`);
  const request = { operation: `${action}Deployment`, ...body };
  return enqueueOnce(deps, inPrisma(deps), viewer, key, request, async (tx) => {
    await lockApp(tx, source.productionAppId);
    return planFrom(tx, viewer, action, source.id, body.reason ?? null);
  });
}

const rollbackInput = z.object({
  productionAppId: z.string().nullish(),
  deploymentId: z.string().nullish(),
  allowIrreversible: z.boolean().nullish(),
  overlap: overlapPolicy.nullish(),
  reason: reasonText,
  idempotencyKey,
});

/**
 * Goes back to an earlier deployment, with its stored artifact: the one that is named, or the last one before what serves
 * now. Throws CONFLICT when there is none, or migrations since then cannot be undone.
 */
export async function rollbackDeployment(
  deps: DeploymentOperationDeps,
  viewer: Viewer,
  input: z.input<typeof rollbackInput>,
): Promise<Made> {
  const { idempotencyKey: key, ...body } = parseInput(rollbackInput, input);
  const productionAppId = await loadAppToRollBack(deps, viewer, body);
  const request = { operation: 'rollbackDeployment', ...body };
  return enqueueOnce(deps, inPrisma(deps), viewer, key, request, async (tx) => {
    await lockApp(tx, productionAppId);
    const targetId = body.deploymentId ?? (await loadRollbackTarget(tx, productionAppId));
    return planFrom(tx, viewer, 'rollback', targetId, body.reason ?? null, body.allowIrreversible ?? false);
  });
}

/** What a rollback goes back to that names nothing. Throws CONFLICT when there is nothing. */
export async function loadRollbackTarget(tx: Pick<Transaction, '$queryRaw'>, productionAppId: string): Promise<string> {
  const targetId = await findRollbackTarget(tx, productionAppId);
  if (targetId !== null) return targetId;
  throw new DomainError('CONFLICT', 'There is no earlier completed deployment to go back to.');
}

/** What a rerun is decided by is read through Prisma, in the same transaction. */
function inPrisma({ prisma }: DeploymentOperationDeps): Transact<Transaction> {
  return (work, last) =>
    prisma.$transaction(async (tx) => {
      const answer = await work(tx);
      await last?.(tx);
      return answer;
    });
}

async function loadAppToRollBack(
  { prisma }: DeploymentOperationDeps,
  viewer: Viewer,
  { productionAppId, deploymentId }: { productionAppId?: string | null; deploymentId?: string | null },
): Promise<string> {
  if (deploymentId == null) {
    if (productionAppId == null) {
      throw new DomainError('BAD_USER_INPUT', 'Name the production app to roll back, or the deployment to go back to.');
    }
    return (await loadProductionAppFor(prisma, viewer, productionAppId, 'rollbackDeployment')).id;
  }
  const target = await loadDeploymentFor(prisma, viewer, deploymentId, 'rollbackDeployment');
  if (productionAppId == null || productionAppId === target.productionAppId) return target.productionAppId;
  throw new DomainError('CONFLICT', 'The deployment belongs to another production app.');
}

/** The new deployment, if the rules allow it. The app is locked, so that they still do when it is stored. */
async function planFrom(
  tx: Transaction,
  viewer: Viewer,
  action: Exclude<DeploymentAction, 'cancel'>,
  sourceId: string,
  reason: string | null,
  allowIrreversible = false,
): Promise<Omit<NewDeployment, 'triggeredById'>> {
  const source = await tx.deployment.findUniqueOrThrow({
    where: { id: sourceId, ...visibleDeployments(viewer) },
    include: WITH_ACTION_FACTS,
  });
  const standing = (await findStandings(tx, [source.productionAppId])).get(source.productionAppId)!;
  const facts: ActionFacts = factsOf(source, standing, viewer);
  const refusal = refusalOf(action, allowIrreversible ? { ...facts, irreversibleSince: null } : facts);
  if (refusal) throw new DomainError(refusal.code, refusal.reason, { deploymentId: source.id, number: source.number });
  const { organizationId, productionAppId, versionId } = source;
  return { organizationId, productionAppId, versionId, trigger: action, sourceId, reason };
}
