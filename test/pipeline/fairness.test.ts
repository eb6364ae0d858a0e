import { afterAll, beforeAll, expect, test } from 'vitest';
import { createId } from '../../src/domain/ids.ts';
import { openQueue, type Queue } from '../../src/pipeline/queue.ts';
import type { Database } from '../../src/store/db.ts';
import { claimNextDeployment, failDeployment, insertDeployment } from '../../src/store/deployments.ts';
import { createLog } from '../../src/telemetry.ts';
import { createDatabase, SERVER_URL, urlOf } from '../kit/database.ts';
import { until } from '../kit/until.ts';
import { createRows, type Rows } from '../store/rows.ts';

/** Enough to see an order; the full number where it is quick. */
const DEPLOYMENTS = SERVER_URL === null ? 200 : 1_000;
const APPS = DEPLOYMENTS / 4;

let database: Database & AsyncDisposable;
let queue: Queue;
beforeAll(async () => {
  database = await createDatabase();
  queue = await openQueue(database, await urlOf(database), createLog('silent'));
});
afterAll(async () => {
  await queue.close();
  await database[Symbol.asyncDispose]();
});

async function trigger({ organizationId, versionId, userId }: Rows, productionAppId: string): Promise<void> {
  await database.prisma.$transaction(async (tx) => {
    const about = { organizationId, productionAppId, versionId, triggeredById: userId } as const;
    await insertDeployment(tx, { ...about, trigger: 'manual', reason: null });
    await queue.sendTicket(tx, productionAppId);
  });
}

test(
  `the first deployment of an organization is the next that a worker takes, behind ${DEPLOYMENTS} that another has queued`,
  { timeout: 120_000 },
  async () => {
    const [busy, other] = [await createRows(database.prisma), await createRows(database.prisma)];
    const { entityId } = await database.prisma.productionApp.findUniqueOrThrow({ where: { id: busy.productionAppId } });
    const apps = Array.from({ length: APPS }, () => createId('ProductionApp'));
    await database.prisma.productionApp.createMany({
      data: apps.map((id) => ({ id, organizationId: busy.organizationId, entityId, subdomain: id.replace('_', '-') })),
    });
    for (let i = 0; i < DEPLOYMENTS; i += 1) await trigger(busy, apps[i % APPS]!);
    const begun: string[] = [];
    let atHalf = () => {};
    const half = new Promise<void>((resolve) => {
      atHalf = resolve;
    });
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const failure = { code: 'INTERNAL', phase: null, message: 'x', exitCode: null, signal: null } as const;
    const facts = { ...failure, retryable: false, hint: null, firstSeq: null, lastSeq: null };

    await queue.work(1, async (productionAppId) => {
      const claim = await claimNextDeployment(database.prisma, productionAppId, 'worker');
      if (claim === null) return;
      const { organizationId, number } = await database.prisma.deployment.findUniqueOrThrow({
        where: { id: claim.deploymentId },
      });
      begun.push(organizationId === busy.organizationId ? 'busy' : `other ${number}`);
      // Some of the busy organization's work is done before the other one comes.
      if (begun.length === 20) atHalf();
      if (begun.length === 20) await held;
      await failDeployment(database.prisma, claim, 'failed', facts);
      await database.prisma.$transaction((tx) => queue.sendTicket(tx, productionAppId));
    });
    await half;
    for (let i = 0; i < 3; i += 1) await trigger(other, other.productionAppId);
    release();
    await until('the other organization is done', () => begun.includes('other 3'), 60_000);

    // The busy organization goes on as well.
    expect(begun.slice(19, 24)).toEqual(['busy', 'other 1', 'other 2', 'busy', 'other 3']);
  },
);
