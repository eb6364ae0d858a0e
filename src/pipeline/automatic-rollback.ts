import { setTimeout as delay } from 'node:timers/promises';
import { announceState, HINT_POLL_MS, type EventBus } from '../events/bus.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { recordAudit } from '../store/audit.ts';
import { claimRollback, findUnhealthyReleases, type UnhealthyRelease } from '../store/automatic-rollbacks.ts';
import type { Transaction } from '../store/db.ts';
import { insertDeployment, lockApp, type StateChange } from '../store/deployments.ts';
import { recordReleaseEvent } from '../store/releases.ts';
import { findRollbackTarget } from '../store/rollback-targets.ts';
import { findStandings } from '../store/standings.ts';
import type { Log } from '../telemetry.ts';
import type { Queue } from './queue.ts';

const STOP_MS_MAX = 2_000;

export interface AutomaticRollbackDeps {
  readonly prisma: PrismaClient;
  readonly bus: EventBus;
  readonly queue: Queue;
  readonly log: Log;
}

export interface RollbackWatch {
  /** Resolves when nothing is looked at any more. */
  stop(): Promise<void>;
}

/**
 * Goes back to the deployment before when a live release has turned unhealthy while it was watched. It is decided once
 * for each release, by whichever worker comes first, and never while a deployment of the app is open. What an automatic
 * rollback brought back is left alone, so that two bad versions do not take turns.
 */
export async function startRollbackWatch(deps: AutomaticRollbackDeps): Promise<RollbackWatch> {
  let looking: Promise<void> | null = null;
  let isStopped = false;
  const look = () => {
    if (isStopped) return;
    looking ??= lookOnce(deps)
      .catch((error: unknown) => deps.log.warn({ err: error }, 'Could not look for unhealthy releases'))
      .finally(() => {
        looking = null;
      });
  };
  const timer = setInterval(look, HINT_POLL_MS);
  const unsubscribe = await deps.bus.subscribe('releases', ({ kind }) => {
    if (kind === 'unhealthy') look();
  });
  return {
    async stop() {
      isStopped = true;
      clearInterval(timer);
      unsubscribe();
      // The work is stopped after this, and must not wait for a database that stands still.
      await Promise.race([looking, delay(STOP_MS_MAX, undefined, { ref: false })]);
    },
  };
}

async function lookOnce(deps: AutomaticRollbackDeps): Promise<void> {
  for (const release of await findUnhealthyReleases(deps.prisma)) await decide(deps, release);
}

async function decide({ prisma, bus, queue, log }: AutomaticRollbackDeps, release: UnhealthyRelease): Promise<void> {
  const change = await prisma.$transaction(async (tx): Promise<StateChange | null> => {
    await lockApp(tx, release.productionAppId);
    if (!(await claimRollback(tx, release))) return null;
    return recordReleaseEvent(tx, release.releaseId, await rollBack(tx, queue, release));
  });
  if (change === null) return;
  announceState(bus, change);
  log.warn({ deploymentId: release.deploymentId }, 'A release turned unhealthy while it was watched');
}

/** Answers what was done, or why nothing was. */
async function rollBack(
  tx: Transaction,
  queue: Queue,
  { productionAppId, organizationId, number, isAutomatic, servedMs }: UnhealthyRelease,
): Promise<string> {
  const what = `It turned unhealthy ${servedMs} ms after it took the traffic.`;
  if (isAutomatic) return `${what} It was brought back by a rollback itself, and is left as it is.`;
  const targetId = await findRollbackTarget(tx, productionAppId);
  if (targetId === null) return `${what} There is no earlier deployment to go back to.`;
  const target = await tx.deployment.findUniqueOrThrow({ where: { id: targetId } });
  const { irreversible } = (await findStandings(tx, [productionAppId])).get(productionAppId)!;
  const obstacle = irreversible.find((later) => later > target.number);
  if (obstacle !== undefined) {
    return `${what} It is left as it is: deployment ${obstacle} ran migrations that are marked as irreversible.`;
  }
  const { id, nextTurn } = await insertDeployment(tx, {
    organizationId,
    productionAppId,
    versionId: target.versionId,
    trigger: 'automatic',
    triggeredById: null,
    reason: `Deployment ${number} turned unhealthy ${servedMs} ms after it took the traffic.`,
    sourceId: target.id,
  });
  await queue.sendTicket(tx, productionAppId, nextTurn);
  const details = { productionAppId, versionId: target.versionId, sourceId: target.id, automatic: true };
  await recordAudit(tx, null, { organizationId, action: 'rollbackDeployment', subjectId: id, details });
  return `${what} A new deployment goes back to deployment ${target.number}.`;
}
