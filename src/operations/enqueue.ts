import { z } from 'zod';
import type { Viewer } from '../domain/access.ts';
import { OVERLAP_POLICIES, type OverlapPolicy } from '../domain/overlap.ts';
import { announceState, type EventBus } from '../events/bus.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import type { Queue } from '../pipeline/queue.ts';
import { recordAudit } from '../store/audit.ts';
import type { Transaction } from '../store/db.ts';
import { insertDeployment, type NewDeployment, type StateChange } from '../store/deployments.ts';
import { applyOverlap } from '../store/overlap.ts';
import { makeOnce, type Made } from './idempotency.ts';

export interface DeploymentOperationDeps {
  readonly prisma: PrismaClient;
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
export async function enqueueOnce(
  { prisma, bus, queue }: DeploymentOperationDeps,
  viewer: Viewer,
  key: string | null | undefined,
  request: Request,
  plan: (tx: Transaction) => Promise<Omit<NewDeployment, 'triggeredById'>>,
): Promise<Made> {
  let changes: StateChange[] = [];
  const made = await prisma.$transaction((tx) =>
    makeOnce(tx, viewer, key, { ...request }, async () => {
      const planned = await plan(tx);
      const id = await insertDeployment(tx, { ...planned, triggeredById: viewer.userId });
      changes = await applyOverlap(tx, id, { policy: request.overlap ?? null, userId: viewer.userId });
      await queue.sendTicket(tx, planned.productionAppId);
      const { organizationId, productionAppId, versionId, sourceId = null } = planned;
      const details = { productionAppId, versionId, sourceId };
      await recordAudit(tx, viewer, { organizationId, action: request.operation, subjectId: id, details });
      return id;
    }),
  );
  bus.publish('deployments', { kind: 'changed' });
  announceChanges(bus, changes);
  return made;
}

/** Tells whoever follows deployments, and the workers at them, that they were or are to be cancelled. */
export function announceChanges(bus: EventBus, changes: readonly StateChange[]): void {
  for (const change of changes) {
    announceState(bus, change);
    bus.publish(`deployment:${change.deploymentId}`, { kind: 'cancel' });
  }
}
