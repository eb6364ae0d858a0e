import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Failure } from '../../src/domain/deployment.ts';
import { createId } from '../../src/domain/ids.ts';
import type { Database } from '../../src/store/db.ts';
import { claimNextDeployment, failDeployment, insertDeployment } from '../../src/store/deployments.ts';
import { applyOverlap } from '../../src/store/overlap.ts';
import { findNextTurn } from '../../src/store/turns.ts';
import { createDatabase } from '../kit/database.ts';
import { createRows, insertPending, type Rows } from './rows.ts';

let database: Database & AsyncDisposable;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(async () => {
  await database.prisma.deployment.deleteMany();
});

const turnOf = async (id: string) =>
  (await database.prisma.deployment.findUniqueOrThrow({ where: { id }, select: { turn: true } })).turn;
const trigger = async (rows: Rows) => turnOf(await insertPending(database.prisma, rows));
const claim = (rows: Rows) => claimNextDeployment(database.prisma, rows.productionAppId, 'worker');

const FAILURE: Failure = {
  code: 'INTERNAL',
  phase: null,
  message: 'x',
  exitCode: null,
  signal: null,
  retryable: false,
  hint: null,
  firstSeq: null,
  lastSeq: null,
};

/** What a worker would take first of two apps. */
async function claimFirst(a: Rows, b: Rows) {
  const [turnA, turnB] = [
    (await findNextTurn(database.prisma, a.productionAppId)) ?? Infinity,
    (await findNextTurn(database.prisma, b.productionAppId)) ?? Infinity,
  ];
  const rows = turnA <= turnB ? a : b;
  return { organizationId: rows.organizationId, claim: (await claim(rows))! };
}

/** Another app of the same organization. */
async function anotherApp(rows: Rows): Promise<Rows> {
  const { entityId, organizationId } = await database.prisma.productionApp.findUniqueOrThrow({
    where: { id: rows.productionAppId },
  });
  const productionAppId = createId('ProductionApp');
  const data = { id: productionAppId, organizationId, entityId, subdomain: productionAppId.replace('_', '-') };
  await database.prisma.productionApp.create({ data });
  return { ...rows, productionAppId };
}

test('the first deployment of an organization comes before all that another has queued, and then they take turns', async () => {
  const busy = await createRows(database.prisma);
  const turns: number[] = [];
  for (let i = 0; i < 10; i += 1) turns.push(await trigger(i % 2 ? busy : await anotherApp(busy)));
  await claim(busy);
  const [running, ...waiting] = turns.slice(1).map((turn) => turn - turns[1]!);

  const other = await createRows(database.prisma);
  const theirs = [await trigger(other), await trigger(other), await trigger(other)].map((turn) => turn - turns[1]!);

  expect([running, ...waiting]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(theirs).toEqual([-1, 0, 1]);
});

test('between two deployments, when none is in progress, a newcomer still comes before all that wait', async () => {
  const busy = await createRows(database.prisma);
  for (let i = 0; i < 4; i += 1) await trigger(busy);
  const claimed = (await claim(busy))!;
  await failDeployment(database.prisma, claimed, 'failed', FAILURE);

  const turn = await trigger(await createRows(database.prisma));

  expect(turn).toBeLessThan((await findNextTurn(database.prisma, busy.productionAppId))!);
});

test('who triggers while another organization has work never falls behind all of it', async () => {
  const [busy, other] = [await createRows(database.prisma), await createRows(database.prisma)];
  for (let i = 0; i < 5; i += 1) await trigger(busy);
  const begun: string[] = [];

  for (let i = 0; i < 4; i += 1) {
    const mine = await claimFirst(busy, other);
    begun.push(mine.organizationId === busy.organizationId ? 'busy' : 'other');
    await trigger(other);
    await failDeployment(database.prisma, mine.claim, 'failed', FAILURE);
  }

  expect(begun).toContain('busy');
  expect(begun).toContain('other');
});

test('what an organization had queued in the past does not count against it', async () => {
  const past = await createRows(database.prisma);
  const first = await trigger(past);
  for (let i = 0; i < 5; i += 1) await trigger(past);
  await database.prisma.deployment.updateMany({ data: { status: 'cancelled' } });

  expect(await trigger(past)).toBe(first);
});

test('a deployment that supersedes others has the turn of the first of them, as was known when it was inserted', async () => {
  const rows = await createRows(database.prisma);
  const first = await trigger(rows);
  await trigger(rows);

  const { id: newest, nextTurn } = await database.prisma.$transaction(async (tx) => {
    const { organizationId, productionAppId, versionId, userId } = rows;
    const about = { organizationId, productionAppId, versionId, triggeredById: userId } as const;
    const inserted = await insertDeployment(tx, { ...about, trigger: 'manual', reason: null });
    await applyOverlap(tx, inserted.id, { policy: 'queue_latest', userId });
    return inserted;
  });

  expect(await turnOf(newest)).toBe(first);
  expect(nextTurn).toBe(first);
});
