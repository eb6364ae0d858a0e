import { expect, test } from 'vitest';
import { openQueue } from '../../src/pipeline/queue.ts';
import { createLog } from '../../src/telemetry.ts';
import { claimNextDeployment, type Claim } from '../../src/store/deployments.ts';
import { createDatabase, urlOf } from '../kit/database.ts';
import { until } from '../kit/until.ts';
import { createRows, insertPending } from '../store/rows.ts';

const log = createLog('silent');
/** On a server, the queue has connections of its own to the same database. */
async function open() {
  const database = await createDatabase();
  return { database, queue: await openQueue(database, await urlOf(database), log) };
}

test('a ticket exists if and only if its transaction commits', async () => {
  const { database, queue } = await open();
  await using _database = database;
  const handled: string[] = [];
  await queue.work(1, async (app) => void handled.push(app));

  await expect(
    database.prisma.$transaction(async (tx) => {
      await queue.sendTicket(tx, 'rolled-back');
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  await database.prisma.$transaction((tx) => queue.sendTicket(tx, 'committed'));

  await until('the ticket is handled', () => handled.length > 0);
  expect(handled).toEqual(['committed']);
  await queue.close();
});

test('at most one ticket of an app is out at a time, and those of other apps beside it', async () => {
  const { database, queue } = await open();
  await using _database = database;
  const out = new Map<string, number>();
  let together = 0;
  let most = 0;
  let handled = 0;
  await queue.work(4, async (app) => {
    out.set(app, (out.get(app) ?? 0) + 1);
    most = Math.max(most, out.get(app)!);
    together = Math.max(
      together,
      [...out.values()].reduce((sum, count) => sum + count, 0),
    );
    // Whoever came first waits for one of another app: with one lane for all, nobody would ever come.
    await until('another app is out, too', () => together > 1);
    out.set(app, out.get(app)! - 1);
    handled += 1;
  });

  for (let i = 0; i < 5; i += 1) {
    for (const app of ['a', 'b', 'c']) await database.prisma.$transaction((tx) => queue.sendTicket(tx, app));
  }

  await until('all are handled', () => handled === 15);
  expect(most).toBe(1);
  expect(together).toBeGreaterThan(1);
  await queue.close();
});

test('whoever has lost his ticket to another takes no deployment with it', async () => {
  const { database, queue } = await open();
  await using _database = database;
  const { prisma, statements, pool } = database;
  const rows = await createRows(prisma);
  const id = await insertPending(prisma, rows);
  const claims: (Claim | null)[] = [];
  await queue.work(1, async (app, { isHeld }) => {
    await pool.query('update pgboss.job set retry_count = retry_count + 1');
    claims.push(await claimNextDeployment(statements, app, 'worker-1', isHeld));
    await pool.query('update pgboss.job set retry_count = retry_count - 1');
    claims.push(await claimNextDeployment(statements, app, 'worker-1', isHeld));
  });

  await prisma.$transaction((tx) => queue.sendTicket(tx, rows.productionAppId));

  await until('it is handled', () => claims.length === 2);
  expect(claims).toMatchObject([null, { deploymentId: id, run: 1 }]);
  await queue.close();
});

test('a ticket whose handler throws is handed out again', async () => {
  const { database, queue } = await open();
  await using _database = database;
  let tries = 0;
  await queue.work(1, async () => {
    tries += 1;
    if (tries < 3) throw new Error('not yet');
  });

  await database.prisma.$transaction((tx) => queue.sendTicket(tx, 'a'));

  await until('the third try comes', () => tries === 3);
  await queue.close();
});

// The queue looks through what is held in scripts of several statements, which cannot be prepared: not the first time, nor
// when they are known.
test('a ticket whose holder has given no sign of life for longer than its lease is handed out again', async () => {
  const { database, queue } = await open();
  await using _database = database;
  await database.prisma.$transaction((tx) => queue.sendTicket(tx, 'lost'));
  const isWaiting = async () => {
    const { rows } = await database.pool.query<{ state: string }>('select state from pgboss.job');
    return rows.map(({ state }) => state).join() === 'retry';
  };
  for (let round = 0; round < 3; round += 1) {
    await database.pool.query(
      "update pgboss.job set state = 'active', started_on = now(), heartbeat_on = now() - interval '1 minute'",
    );
    await until('it waits again', isWaiting);
  }
  const handled: string[] = [];

  await queue.work(1, async (app) => void handled.push(app));

  await until('it is handled', () => handled.length > 0);
  expect(handled).toEqual(['lost']);
  await queue.close();
});
