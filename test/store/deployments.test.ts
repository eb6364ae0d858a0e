import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PHASES } from '../../src/domain/deployment.ts';
import { DomainError } from '../../src/domain/errors.ts';
import type { PrismaClient } from '../../src/generated/prisma/client.ts';
import { findCompletedPhase, findStoredLines } from '../../src/store/confirmations.ts';
import type { Database } from '../../src/store/db.ts';
import type { Statements } from '../../src/store/statements.ts';
import { readShipment } from '../../src/store/shipments.ts';
import { findCancelRequest, requestCancel } from '../../src/store/cancellations.ts';
import {
  beginPhase,
  claimNextDeployment,
  completeDeployment,
  completePhase,
  failDeployment,
  handOverDeployment,
} from '../../src/store/deployments.ts';
import { appendLogLines, readLogLines } from '../../src/store/logs.ts';
import { FAILURE } from '../kit/written-log.ts';
import { createDatabase, SERVER_URL } from '../kit/database.ts';
import { until } from '../kit/until.ts';
import { raceCancelAndCompletion } from './cancel-and-completion.ts';
import { createRows, insertClaimed, insertLiveRelease, insertPending, logLine, type Rows } from './rows.ts';

let database: Database & AsyncDisposable;
let prisma: PrismaClient;
let statements: Statements;
let rows: Rows;
beforeAll(async () => {
  database = await createDatabase();
  ({ prisma, statements } = database);
});
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(async () => {
  rows = await createRows(prisma);
});

const NOTHING_MADE = { outputs: {}, skipReason: null };

const claimNext = (worker = 'worker-1') => claimNextDeployment(statements, rows.productionAppId, worker);
const cancel = (deploymentId: string, reason: string | null = null, force = false) =>
  requestCancel(prisma, deploymentId, { userId: rows.userId, reason, force });

/** A deployment with all that is stored of it, to see that nothing of it changed. */
function stored(id: string) {
  return prisma.deployment.findUniqueOrThrow({
    where: { id },
    include: { phases: { orderBy: { name: 'asc' } }, events: { orderBy: { seq: 'asc' } } },
  });
}

async function linesOf(deploymentId: string) {
  const lines = await readLogLines(prisma, deploymentId, { limit: 10_000 });
  return lines.map(({ seq, message }) => [seq, message]);
}

describe('inserting', () => {
  test('a new deployment is pending with its eight phases and the event of its making', async () => {
    const deployment = await stored(await insertPending(prisma, rows));

    expect(deployment).toMatchObject({
      number: 1,
      status: 'pending',
      stateVersion: 1,
      run: 0,
      triggeredById: rows.userId,
    });
    expect(deployment.phases.map(({ name, status, attempt }) => [name, status, attempt])).toEqual(
      PHASES.map((name) => [name, 'pending', 1]),
    );
    expect(deployment.events.map(({ seq, type, status }) => [seq, type, status])).toEqual([[1, 'created', 'pending']]);
  });

  test('the deployments of each app are numbered from 1 on', async () => {
    const other = await createRows(prisma);

    for (const of of [rows, rows, other, rows]) await insertPending(prisma, of);

    const numbers = (productionAppId: string) =>
      prisma.deployment.findMany({ where: { productionAppId }, orderBy: { id: 'asc' }, select: { number: true } });
    expect(await numbers(rows.productionAppId)).toEqual([{ number: 1 }, { number: 2 }, { number: 3 }]);
    expect(await numbers(other.productionAppId)).toEqual([{ number: 1 }]);
  });

  test('twenty deployments that are inserted at once get twenty numbers without a gap, in the order of their ids', async () => {
    await Promise.all(Array.from({ length: 20 }, () => insertPending(prisma, rows)));

    const inserted = await prisma.deployment.findMany({
      where: { productionAppId: rows.productionAppId },
      orderBy: { id: 'asc' },
      select: { number: true, createdAt: true },
    });
    expect(inserted.map(({ number }) => number)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
    expect(inserted.map(({ createdAt }) => createdAt.getTime())).toEqual(
      inserted.map(({ createdAt }) => createdAt.getTime()).toSorted((a, b) => a - b),
    );
  });

  test('a transaction that fails gives its number back', async () => {
    const failed = prisma.$transaction(async (tx) => {
      await tx.$executeRaw`update production_apps set deployment_count = deployment_count + 1
        where id = ${rows.productionAppId}`;
      throw new Error('no');
    });
    await expect(failed).rejects.toThrow('no');

    const id = await insertPending(prisma, rows);

    expect((await stored(id)).number).toBe(1);
  });

  test('an app that was deleted gets no deployment', async () => {
    await prisma.productionApp.update({ where: { id: rows.productionAppId }, data: { deletedAt: new Date() } });

    const inserted = insertPending(prisma, rows);

    await expect(inserted).rejects.toThrow(new DomainError('CONFLICT', 'The production app was deleted.'));
    expect(await prisma.deployment.count({ where: { productionAppId: rows.productionAppId } })).toBe(0);
  });
});

describe('claiming', () => {
  test('nothing is claimed where nothing is open', async () => {
    expect(await claimNext()).toBeNull();
  });

  test('the oldest pending deployment of the app is claimed', async () => {
    const [first, second] = [await insertPending(prisma, rows), await insertPending(prisma, rows)];
    await insertPending(prisma, await createRows(prisma));
    const { turn: nextTurn } = await stored(second);

    const claim = await claimNext();

    const shipment = await readShipment(prisma, claim!);
    expect(claim).toEqual({
      ...{ deploymentId: first, run: 1, stateVersion: 3, takenOver: false },
      ...{ workerId: 'worker-1', previousWorkerId: null, lostWorkers: 0, nextTurn },
      // What a worker reads that takes over, as it was when nobody had begun.
      shipment: { ...shipment, phases: shipment!.phases.map((phase) => ({ ...phase, status: 'pending' })) },
    });
    const { status, workerId, startedAt, events, phases } = await stored(first);
    expect([status, workerId, startedAt === null]).toEqual(['in_progress', 'worker-1', false]);
    expect(phases[0]).toMatchObject({ name: 'orchestrate', status: 'in_progress', attempt: 1 });
    expect(events.slice(-2)).toMatchObject([
      { seq: 2, type: 'status', status: 'in_progress' },
      { seq: 3, type: 'phase', phase: 'orchestrate', phaseStatus: 'in_progress' },
    ]);
  });

  test('a deployment in progress is taken over, under a higher run, before a pending one is begun', async () => {
    const claim = await insertClaimed(prisma, rows);
    const waiting = await insertPending(prisma, rows);
    const { startedAt } = await stored(claim.deploymentId);
    const { turn: nextTurn } = await stored(waiting);

    const second = await claimNext('worker-2');

    expect(second).toEqual({
      ...{ deploymentId: claim.deploymentId, run: 2, stateVersion: 4, takenOver: true },
      ...{ workerId: 'worker-2', previousWorkerId: 'worker-1', lostWorkers: 1, nextTurn },
      shipment: null,
    });
    const after = await stored(claim.deploymentId);
    expect([after.status, after.workerId, after.startedAt]).toEqual(['in_progress', 'worker-2', startedAt]);
    expect(after.events.at(-1)).toMatchObject({ seq: 4, type: 'take_over', message: 'Worker worker-2' });
  });

  test('a worker that gives its deployment back, or gets its own again, was not lost', async () => {
    const claim = await insertClaimed(prisma, rows);

    const again = await claimNext('worker-1');
    await handOverDeployment(prisma, again!);
    const other = await claimNext('worker-2');
    await handOverDeployment(prisma, claim); // Too late: it is another's.
    const last = await claimNext('worker-3');

    expect([again, other, last].map((taken) => [taken!.previousWorkerId, taken!.lostWorkers])).toEqual([
      ['worker-1', 0],
      [null, 0],
      ['worker-2', 1],
    ]);
  });

  test('the next pending deployment is claimed once the one before has ended', async () => {
    const claim = await insertClaimed(prisma, rows);
    const next = await insertPending(prisma, rows);
    await failDeployment(statements, claim, 'failed', FAILURE);

    expect(await claimNext()).toMatchObject({ deploymentId: next, run: 1, takenOver: false });
  });

  test('workers that claim at once all get the same deployment, each under a run of its own', async () => {
    await insertPending(prisma, rows);
    await insertPending(prisma, rows);

    const claims = await Promise.all(Array.from({ length: 5 }, (_, n) => claimNext(`worker-${n}`)));

    expect(new Set(claims.map((claim) => claim?.deploymentId)).size).toBe(1);
    expect(claims.map((claim) => claim?.run).toSorted()).toEqual([1, 2, 3, 4, 5]);
  });

  test('the database itself refuses a second deployment in progress of one app', async () => {
    await insertClaimed(prisma, rows);
    const second = await insertPending(prisma, rows);

    const update = prisma.deployment.update({ where: { id: second }, data: { status: 'in_progress' } });

    await expect(update).rejects.toMatchObject({ code: 'P2002' });
    expect((await stored(second)).status).toBe('pending');
  });
});

describe('a claim that another worker took over', () => {
  test.each([
    ['begins no phase', (claim) => beginPhase(statements, claim, 'build')],
    [
      'completes no phase to begin the next',
      (claim) => completePhase(statements, claim, { phase: 'orchestrate', ...NOTHING_MADE }, 'download'),
    ],
    ['completes no deployment', (claim) => completeDeployment(statements, claim)],
    [
      'completes no deployment with its last phase',
      (claim) => completeDeployment(statements, claim, { phase: 'orchestrate', ...NOTHING_MADE }),
    ],
    ['fails no deployment', (claim) => failDeployment(statements, claim, 'failed', FAILURE)],
    ['cancels no deployment', (claim) => failDeployment(statements, claim, 'cancelled', FAILURE)],
    ['appends no log line', (claim) => appendLogLines(statements, claim, [logLine('late')])],
    ['learns of no cancel', (claim) => findCancelRequest(statements, claim)],
  ] satisfies [string, (claim: { deploymentId: string; run: number }) => Promise<unknown>][])(
    '%s, and answers null',
    async (_what, write) => {
      const stale = await insertClaimed(prisma, rows);
      await beginPhase(statements, stale, 'orchestrate');
      await insertLiveRelease(prisma, rows, stale.deploymentId);
      await claimNext('worker-2');
      const before = await stored(stale.deploymentId);

      const answer = await write(stale);

      expect(answer).toBeNull();
      expect(await stored(stale.deploymentId)).toEqual(before);
      expect(await linesOf(stale.deploymentId)).toEqual([]);
    },
  );

  test.each(['failed', 'cancelled'] as const)('writes nothing after the deployment has %s either', async (status) => {
    const claim = await insertClaimed(prisma, rows);
    await failDeployment(statements, claim, status, FAILURE);
    const before = await stored(claim.deploymentId);

    const answers = [
      await beginPhase(statements, claim, 'build'),
      await completePhase(statements, claim, { phase: 'build', ...NOTHING_MADE }, 'package'),
      await failDeployment(statements, claim, 'failed', FAILURE),
      await completeDeployment(statements, claim),
      await appendLogLines(statements, claim, [logLine('late')]),
      await claimNext(),
    ];

    expect(answers).toEqual([null, null, null, null, null, null]);
    expect(await stored(claim.deploymentId)).toEqual(before);
  });
});

describe('phases', () => {
  test('a phase is completed with what it made in the moment in which the next one begins', async () => {
    const claim = await insertClaimed(prisma, rows);

    const end = { phase: 'orchestrate', outputs: { workspace: '/w' }, skipReason: 'Nothing to do.' } as const;
    const change = await completePhase(statements, claim, end, 'download');

    const { phases, events, stateVersion } = await stored(claim.deploymentId);
    expect(change).toEqual({ deploymentId: claim.deploymentId, stateVersion: 5 });
    expect(stateVersion).toBe(5);
    expect(phases[0]).toMatchObject({
      status: 'completed',
      outputs: { workspace: '/w' },
      skipReason: 'Nothing to do.',
    });
    expect(phases[1]).toMatchObject({ status: 'in_progress', attempt: 1, finishedAt: null });
    expect(events.slice(-2).map(({ seq, phase, phaseStatus }) => [seq, phase, phaseStatus])).toEqual([
      [4, 'orchestrate', 'completed'],
      [5, 'download', 'in_progress'],
    ]);
  });

  test('a completion that is repeated changes nothing, and is confirmed to whoever wrote it', async () => {
    const claim = await insertClaimed(prisma, rows);
    const end = { phase: 'orchestrate', ...NOTHING_MADE } as const;
    const first = await completePhase(statements, claim, end, 'download');
    const before = await stored(claim.deploymentId);

    const again = await completePhase(statements, claim, end, 'download');

    expect(again).toBeNull();
    expect(await stored(claim.deploymentId)).toEqual(before);
    expect(await findCompletedPhase(prisma, claim, 'orchestrate')).toMatchObject({ deploymentId: first!.deploymentId });
    expect(await findCompletedPhase(prisma, claim, 'download')).toBeNull();
    expect(await findCompletedPhase(prisma, { ...claim, run: 2 }, 'orchestrate')).toBeNull();
  });

  // The embedded database has one connection: nothing is at work there beside something else.
  test.runIf(SERVER_URL)(
    'a completion that is repeated while the first one is being committed changes nothing',
    async () => {
      const claim = await insertClaimed(prisma, rows);
      const end = { phase: 'orchestrate', ...NOTHING_MADE } as const;
      let [noteWritten, commit] = [() => {}, () => {}];
      const isWritten = new Promise<void>((resolve) => (noteWritten = resolve));
      const mayCommit = new Promise<void>((resolve) => (commit = resolve));
      const first = database.transact(async (tx) => {
        const change = await completePhase(tx, claim, end, 'download');
        noteWritten();
        await mayCommit;
        return change;
      });
      await isWritten;
      const again = completePhase(statements, claim, end, 'download');
      await until('the second one waits for the first', async () => {
        const [{ count }] = await statements.$queryRaw<[{ count: number }]>`
        select count(*)::int as count from pg_locks where not granted and pid in (
          select pid from pg_stat_activity where datname = current_database())`;
        return count > 0;
      });
      commit();

      expect([(await first)?.deploymentId, await again]).toEqual([claim.deploymentId, null]);
      const { events } = await stored(claim.deploymentId);
      expect(events.filter(({ phase }) => phase === 'download')).toHaveLength(1);
    },
  );

  test('a phase that another worker begins again is its next attempt', async () => {
    const first = await insertClaimed(prisma, rows);
    await beginPhase(statements, first, 'build');
    const second = (await claimNext('worker-2'))!;

    await beginPhase(statements, second, 'build');

    const { phases } = await stored(first.deploymentId);
    expect(phases.find(({ name }) => name === 'build')).toMatchObject({ status: 'in_progress', attempt: 2 });
  });

  test('a failure ends the phase that runs, and leaves the others as they were', async () => {
    const claim = await insertClaimed(prisma, rows);
    await completePhase(statements, claim, { phase: 'orchestrate', ...NOTHING_MADE }, 'download');

    await failDeployment(statements, claim, 'failed', FAILURE);

    const { status, errorMessage, failure, phases } = await stored(claim.deploymentId);
    expect({ status, errorMessage, failure }).toEqual({
      status: 'failed',
      errorMessage: FAILURE.message,
      failure: FAILURE,
    });
    expect(phases.map((phase) => phase.status)).toEqual([
      ...['completed', 'failed', 'pending', 'pending'],
      ...['pending', 'pending', 'pending', 'pending'],
    ]);
    expect(phases[1]!.errorMessage).toBe(FAILURE.message);
  });

  test('every change of a whole deployment is an event, with a seq above the one before', async () => {
    const claim = await insertClaimed(prisma, rows);
    for (const [index, next] of PHASES.slice(1).entries()) {
      await completePhase(statements, claim, { phase: PHASES[index]!, ...NOTHING_MADE }, next);
    }
    await insertLiveRelease(prisma, rows, claim.deploymentId);

    await completeDeployment(statements, claim, { phase: PHASES.at(-1)!, ...NOTHING_MADE });

    const { events, stateVersion } = await stored(claim.deploymentId);
    const phaseEvents = PHASES.flatMap((phase) => [`${phase} in_progress`, `${phase} completed`]);
    expect(
      events.map(({ type, status, phase, phaseStatus }) => (type === 'phase' ? `${phase} ${phaseStatus}` : status)),
    ).toEqual(['pending', 'in_progress', ...phaseEvents, 'completed']);
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: stateVersion }, (_, n) => n + 1));
  });

  test('the seqs of the events grow whatever happens to a deployment', async () => {
    const first = await insertClaimed(prisma, rows);
    await cancel(first.deploymentId, 'wrong one');
    const second = (await claimNext('worker-2'))!;
    await cancel(first.deploymentId, null, true);
    await failDeployment(statements, second, 'cancelled', FAILURE);

    const { events, stateVersion } = await stored(first.deploymentId);
    const seqs = events.map(({ seq }) => seq);
    expect(events.map(({ type }) => type)).toEqual([
      ...['created', 'status', 'phase', 'cancel_requested', 'take_over', 'cancel_requested', 'phase', 'status'],
    ]);
    expect(seqs).toEqual([...new Set(seqs)].toSorted((a, b) => a - b));
    expect(seqs.at(-1)).toBe(stateVersion);
  });
});

describe('completing', () => {
  test('a deployment whose release does not take the traffic is not completed', async () => {
    const claim = await insertClaimed(prisma, rows);

    const change = await completeDeployment(statements, claim);

    expect(change).toBeNull();
    expect((await stored(claim.deploymentId)).status).toBe('in_progress');
  });

  test('its last phase ends with it or goes on with it, and a completion that is repeated changes nothing', async () => {
    const claim = await insertClaimed(prisma, rows);
    const end = { phase: 'orchestrate', outputs: { workspace: '/w' }, skipReason: null } as const;
    const isDownloading = { ...end, phase: 'download' } as const;
    const before = await stored(claim.deploymentId);

    const withoutRelease = await completeDeployment(statements, claim, end);
    await insertLiveRelease(prisma, rows, claim.deploymentId);
    const withAnotherPhase = await completeDeployment(statements, claim, isDownloading);

    expect([withoutRelease, withAnotherPhase]).toEqual([null, null]);
    expect(await stored(claim.deploymentId)).toEqual(before);
    expect(await completeDeployment(statements, claim, end)).toMatchObject({ stateVersion: before.stateVersion + 2 });
    const after = await stored(claim.deploymentId);
    expect(after.phases[0]).toMatchObject({ status: 'completed', outputs: { workspace: '/w' } });
    expect(await completeDeployment(statements, claim, end)).toBeNull();
    expect(await stored(claim.deploymentId)).toEqual(after);
  });

  test('a cancel that came before it leaves the last phase running', async () => {
    const claim = await insertClaimed(prisma, rows);
    await insertLiveRelease(prisma, rows, claim.deploymentId);
    await cancel(claim.deploymentId);
    const before = await stored(claim.deploymentId);

    const change = await completeDeployment(statements, claim, { phase: 'orchestrate', ...NOTHING_MADE });

    expect(change).toBeNull();
    expect(await stored(claim.deploymentId)).toEqual(before);
  });

  test('every other release of the app is told to stop, and none of another app', async () => {
    const before = await insertClaimed(prisma, rows);
    const old = await insertLiveRelease(prisma, rows, before.deploymentId);
    await completeDeployment(statements, before);
    const foreign = await createRows(prisma);
    const other = await insertLiveRelease(prisma, foreign, await insertPending(prisma, foreign));
    const claim = await insertClaimed(prisma, rows);
    const release = await insertLiveRelease(prisma, rows, claim.deploymentId);

    await completeDeployment(statements, claim);

    const found = await prisma.release.findMany({ where: { id: { in: [old, other, release] } } });
    expect(Object.fromEntries(found.map(({ id, wanted }) => [id, wanted]))).toEqual({
      [old]: 'stopped',
      [other]: 'running',
      [release]: 'running',
    });
  });
});

describe('cancelling', () => {
  test('a pending deployment is cancelled at once', async () => {
    const id = await insertPending(prisma, rows);

    const change = await cancel(id, 'wrong one');

    expect(change).toEqual({ deploymentId: id, stateVersion: 2, outcome: 'cancelled' });
    const { status, cancelReason, cancelRequestedById, errorMessage, finishedAt } = await stored(id);
    expect({ status, cancelReason, cancelRequestedById, errorMessage }).toEqual({
      status: 'cancelled',
      cancelReason: 'wrong one',
      cancelRequestedById: rows.userId,
      errorMessage: 'The deployment was cancelled before it started.',
    });
    expect(finishedAt).not.toBeNull();
    expect(await claimNext()).toBeNull();
  });

  test('a deployment in progress is only asked to end, and its worker learns of it', async () => {
    const claim = await insertClaimed(prisma, rows);
    const before = await findCancelRequest(statements, claim);

    const change = await cancel(claim.deploymentId, 'wrong one');

    expect(before).toEqual({ requested: false, forced: false });
    expect(change).toEqual({ deploymentId: claim.deploymentId, stateVersion: 4, outcome: 'requested' });
    expect((await stored(claim.deploymentId)).status).toBe('in_progress');
    expect(await findCancelRequest(statements, claim)).toEqual({ requested: true, forced: false });
  });

  test('asking twice changes nothing, whoever asks', async () => {
    const claim = await insertClaimed(prisma, rows);
    const first = await cancel(claim.deploymentId, 'the first reason');
    const before = await stored(claim.deploymentId);

    const second = await cancel(claim.deploymentId, 'another reason');

    expect(second).toEqual({ ...first, outcome: 'repeated' });
    expect(await stored(claim.deploymentId)).toEqual(before);
  });

  test('asking again with force adds the force, once, and keeps the reason', async () => {
    const claim = await insertClaimed(prisma, rows);
    await cancel(claim.deploymentId, 'the first reason');

    const forced = await cancel(claim.deploymentId, 'another reason', true);
    const again = await cancel(claim.deploymentId, null, true);

    expect([forced?.stateVersion, again?.stateVersion]).toEqual([5, 5]);
    expect(await findCancelRequest(statements, claim)).toEqual({ requested: true, forced: true });
    expect((await stored(claim.deploymentId)).cancelReason).toBe('the first reason');
  });

  test('ten that ask at once see the same state, and one of them made the request', async () => {
    const claim = await insertClaimed(prisma, rows);

    const changes = await Promise.all(Array.from({ length: 10 }, () => cancel(claim.deploymentId)));

    const state = { deploymentId: claim.deploymentId, stateVersion: 4 };
    expect(changes).toEqual(changes.map(() => expect.objectContaining(state)));
    expect(changes.filter((change) => change?.outcome === 'requested')).toHaveLength(1);
    expect(changes.filter((change) => change?.outcome === 'repeated')).toHaveLength(9);
    const { events } = await stored(claim.deploymentId);
    expect(events.filter(({ type }) => type === 'cancel_requested')).toHaveLength(1);
  });

  test.each(['completed', 'failed', 'cancelled'] as const)('a deployment that has %s stays so', async (status) => {
    const claim = await insertClaimed(prisma, rows);
    await insertLiveRelease(prisma, rows, claim.deploymentId);
    if (status === 'completed') await completeDeployment(statements, claim);
    else await failDeployment(statements, claim, status, FAILURE);
    const before = await stored(claim.deploymentId);

    const change = await cancel(claim.deploymentId, 'too late', true);

    expect(before.status).toBe(status);
    expect(change).toBeNull();
    expect(await stored(claim.deploymentId)).toEqual(before);
  });

  test('of a cancel and a completion at once exactly one wins, and both are told the same', async () => {
    const outcomes = await raceCancelAndCompletion(prisma, rows, 50);

    expect(outcomes.toSorted()).toEqual(['cancelled', 'completed']);
  }, 60_000);

  test('of a cancel and a claim at once, either nothing starts or the worker learns of the cancel', async () => {
    for (let round = 0; round < 20; round += 1) {
      const id = await insertPending(prisma, rows);
      const [change, claim] = await Promise.all([cancel(id), claimNext()]);

      expect(change?.outcome).toBe(claim ? 'requested' : 'cancelled');
      if (!claim) continue;
      expect(await findCancelRequest(statements, claim)).toEqual({ requested: true, forced: false });
      await failDeployment(statements, claim, 'cancelled', FAILURE);
    }
  });
});

describe('log lines', () => {
  test('lines are stored as they are, under the numbers after the last one', async () => {
    const claim = await insertClaimed(prisma, rows);
    const odd = {
      ...logLine('ü "quoted" \\ {1,2} \u{1f600}\ttab'),
      stream: 'stderr',
      level: 'warn',
      truncated: true,
    } as const;

    const seqs = [
      await appendLogLines(statements, claim, [logLine('one'), logLine('')]),
      await appendLogLines(statements, claim, [odd]),
      await appendLogLines(statements, claim, []),
    ];

    expect(seqs).toEqual([2, 3, 3]);
    const lines = await readLogLines(prisma, claim.deploymentId, { limit: 10 });
    const { deploymentId } = claim;
    expect(lines).toEqual([
      { ...logLine('one'), deploymentId, seq: 1 },
      { ...logLine(''), deploymentId, seq: 2 },
      { ...odd, deploymentId, seq: 3 },
    ]);
  });

  test('lines that are appended at once are numbered without a gap, each batch in its order', async () => {
    const claim = await insertClaimed(prisma, rows);
    const batches = Array.from({ length: 20 }, (_, batch) =>
      Array.from({ length: 1 + (batch % 7) }, (_line, n) => logLine(`${batch}:${n}`)),
    );

    const lasts = await Promise.all(batches.map((batch) => appendLogLines(statements, claim, batch)));

    const lines = await linesOf(claim.deploymentId);
    expect(lines.map(([seq]) => seq)).toEqual(Array.from({ length: batches.flat().length }, (_, n) => n + 1));
    for (const [index, batch] of batches.entries()) {
      const last = lasts[index]!;
      expect(lines.slice(last - batch.length, last).map(([, message]) => message)).toEqual(
        batch.map(({ message }) => message),
      );
    }
  });

  test('lines that are appended again after the same line are stored once', async () => {
    const claim = await insertClaimed(prisma, rows);
    const lines = [logLine('one'), logLine('two')];

    const answers = [
      await appendLogLines(statements, claim, lines, 0),
      await appendLogLines(statements, claim, lines, 0),
      await findStoredLines(prisma, claim, 2),
      await findStoredLines(prisma, claim, 3),
      await appendLogLines(statements, claim, [logLine('three')], 2),
    ];

    expect(answers).toEqual([2, null, 2, null, 3]);
    expect((await linesOf(claim.deploymentId)).map(([, message]) => message)).toEqual(['one', 'two', 'three']);
  });

  test('a take-over in between leaves no gap, and nothing of the worker before comes after it', async () => {
    const first = await insertClaimed(prisma, rows);
    const appendAs = (claim: typeof first, name: string) =>
      Array.from({ length: 10 }, (_, n) =>
        appendLogLines(statements, claim, [logLine(`${name} ${n}`), logLine('more')]),
      );
    const early = appendAs(first, 'first');

    const second = (await claimNext('worker-2'))!;
    const answers = await Promise.all([...early, ...appendAs(first, 'stale'), ...appendAs(second, 'second')]);

    const lines = await linesOf(first.deploymentId);
    expect(lines.map(([seq]) => seq)).toEqual(lines.map((_, n) => n + 1));
    expect(lines.length).toBe(answers.filter((answer) => answer !== null).length * 2);
    expect(answers.slice(10, 20)).toEqual(Array.from({ length: 10 }, () => null));
    expect(lines.filter(([, message]) => String(message).startsWith('stale'))).toEqual([]);
    const { lastSeq } = await prisma.deployment.findUniqueOrThrow({ where: { id: first.deploymentId } });
    expect(lastSeq).toBe(lines.length);
  });

  test('a range of lines is read from its beginning or from its end, in order', async () => {
    const claim = await insertClaimed(prisma, rows);
    await appendLogLines(
      prisma,
      claim,
      Array.from({ length: 9 }, (_, n) => logLine(String(n + 1))),
    );
    const read = async (range: Parameters<typeof readLogLines>[2]) =>
      (await readLogLines(prisma, claim.deploymentId, range)).map(({ seq }) => seq);

    expect(await read({ limit: 3 })).toEqual([1, 2, 3]);
    expect(await read({ after: 3, limit: 3 })).toEqual([4, 5, 6]);
    expect(await read({ after: 3, before: 6, limit: 3 })).toEqual([4, 5]);
    expect(await read({ limit: 3, fromEnd: true })).toEqual([7, 8, 9]);
    expect(await read({ before: 7, limit: 3, fromEnd: true })).toEqual([4, 5, 6]);
    expect(await read({ after: 9, limit: 3 })).toEqual([]);
  });
});
