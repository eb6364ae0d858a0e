import { z } from 'zod';
import type { Viewer } from '../domain/access.ts';
import { OVERLAP_POLICIES, type OverlapPolicy } from '../domain/overlap.ts';
import { announceChange, announceState, type EventBus } from '../events/bus.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import type { Queue } from '../pipeline/queue.ts';
import { metrics } from '../metrics.ts';
import type { Cancellation } from '../store/cancellations.ts';
import { recordAudit, type Audited } from '../store/audit.ts';
import { insertDeployment, type NewDeployment } from '../store/deployments.ts';
import { applyOverlap } from '../store/overlap.ts';
import type { Statements, Transact } from '../store/statements.ts';
import { makeOnce, type Made } from './idempotency.ts';

export interface DeploymentOperationDeps {
  readonly prisma: PrismaClient;
  readonly statements: Statements;
  readonly transact: Transact;
  readonly bus: EventBus;
  readonly queue: Queue;
}

export const overlapPolicy = z.enum(OVERLAP_POLICIES);

/** What was asked for, as it is compared when the same key comes again. */
interface Request {
  readonly operation: string;
  readonly overlap?: OverlapPolicy | null;
}

/**
 * Makes a deployment once for each key: its rows, what it does to the others of its app, and the ticket that makes a
 * worker take it are one transaction. `plan` is asked in it, and may refuse.
 */
export async function enqueueOnce<Tx extends Statements>(
  { bus, queue }: Pick<DeploymentOperationDeps, 'bus' | 'queue'>,
  transact: Transact<Tx>,
  viewer: Viewer,
  key: string | null | undefined,
  request: Request,
  plan: (tx: Tx) => Promise<Omit<NewDeployment, 'triggeredById'>>,
): Promise<Made> {
  let changes: Cancellation[] = [];
  let audited: Audited | null = null;
  const made = await transact(
    (tx) =>
      makeOnce(tx, viewer, key, { ...request }, async () => {
        const planned = await plan(tx);
        const { id, overlap, nextTurn } = await insertDeployment(tx, { ...planned, triggeredById: viewer.userId });
        changes = await applyOverlap(tx, id, { policy: request.overlap ?? overlap, userId: viewer.userId });
        // It takes over the turn of those that it supersedes: the next turn is the same.
        await queue.sendTicket(tx, planned.productionAppId, nextTurn);
        const { organizationId, productionAppId, versionId, sourceId = null } = planned;
        const details = { productionAppId, versionId, sourceId };
        audited = { organizationId, action: request.operation, subjectId: id, details };
        return id;
      }),
    async (tx) => audited && recordAudit(tx, viewer, audited),
  );
  announceChange(bus);
  announceCancellations(bus, changes);
  return made;
}

/** Tells whoever follows deployments, and the workers at them, that they were or are to be cancelled. After the commit. */
export function announceCancellations(bus: EventBus, changes: readonly Cancellation[]): void {
  for (const change of changes) {
    if (change.outcome !== 'repeated') metrics.cancellations.inc({ outcome: change.outcome });
    announceState(bus, change);
    bus.publish('cancels', { kind: 'cancel', deploymentId: change.deploymentId });
  }
}
