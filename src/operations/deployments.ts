import { z } from 'zod';
import type { Viewer } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import { recordAudit } from '../store/audit.ts';
import { requestCancel } from '../store/cancellations.ts';
import { loadDeploymentFor, loadTriggerTarget } from './authorize.ts';
import { announceCancellations, enqueueOnce, overlapPolicy, type DeploymentOperationDeps } from './enqueue.ts';
import { idempotencyKey, type Made } from './idempotency.ts';
import { parseInput, reasonText } from './input.ts';
import { versionToShip } from './versions.ts';

const triggerInput = z.object({
  productionAppId: z.string(),
  versionId: z.string().nullish(),
  overlap: overlapPolicy.nullish(),
  reason: reasonText,
  idempotencyKey,
});

/**
 * Creates a deployment and, in the same transaction, the ticket that makes a worker take it. Without a version, the
 * entity's active one is deployed. Throws OVERLAP_REJECTED when another one is open and the policy is to reject.
 */
export async function triggerDeployment(
  deps: DeploymentOperationDeps,
  viewer: Viewer,
  input: z.input<typeof triggerInput>,
): Promise<Made> {
  const { idempotencyKey: key, ...body } = parseInput(triggerInput, input);
  const target = await loadTriggerTarget(deps.statements, viewer, body.productionAppId, body.versionId ?? null);
  return enqueueOnce(deps, deps.transact, viewer, key, { operation: 'triggerDeployment', ...body }, async () => ({
    organizationId: target.organizationId,
    productionAppId: target.id,
    versionId: versionToShip(target, body.versionId ?? null),
    trigger: 'manual',
    reason: body.reason ?? null,
  }));
}

const cancelInput = z.object({ deploymentId: z.string(), reason: reasonText, force: z.boolean().nullish() });

/**
 * Cancels a waiting deployment at once and asks the worker of a running one to stop. Asking twice gives the same answer;
 * throws ALREADY_FINISHED for one that has ended otherwise.
 */
export async function cancelDeployment(
  { prisma, bus }: DeploymentOperationDeps,
  viewer: Viewer,
  input: z.input<typeof cancelInput>,
): Promise<string> {
  const { deploymentId, reason, force } = parseInput(cancelInput, input);
  const deployment = await loadDeploymentFor(prisma, viewer, deploymentId, 'cancelDeployment');
  const request = { userId: viewer.userId, reason: reason ?? null, force: force ?? false };
  const change = await prisma.$transaction(async (tx) => {
    const requested = await requestCancel(tx, deployment.id, request);
    const details = { reason: request.reason, force: request.force };
    const { organizationId, id: subjectId } = deployment;
    if (requested) await recordAudit(tx, viewer, { organizationId, action: 'cancelDeployment', subjectId, details });
    return requested;
  });
  if (change) {
    announceCancellations(bus, [change]);
    return deployment.id;
  }
  const { status } = await prisma.deployment.findUniqueOrThrow({
    where: { id: deployment.id, organizationId: deployment.organizationId },
    select: { status: true },
  });
  if (status === 'cancelled') return deployment.id;
  throw new DomainError('ALREADY_FINISHED', `The deployment has ${status} already and cannot be cancelled.`, {
    status,
  });
}
