import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LOG_LEVELS, LOG_STREAMS, PHASES } from '../../src/domain/deployment.ts';
import { createMemoryBus } from '../../src/events/bus.ts';
import { followEvents, followLogs, followState, type LogBatch, type LogEvent } from '../../src/events/follow.ts';
import { createFollowers } from '../../src/events/follower.ts';
import type { LogLine, PrismaClient } from '../../src/generated/prisma/client.ts';
import type { Database } from '../../src/store/db.ts';
import { requestCancel } from '../../src/store/cancellations.ts';
import { beginPhase, failDeployment, type Claim } from '../../src/store/deployments.ts';
import { appendLogLines, matchesLogFilter, readLogLines, type NewLogLine } from '../../src/store/logs.ts';
import { createDatabase } from '../kit/database.ts';
import { until } from '../kit/until.ts';
import { FAILURE } from '../kit/written-log.ts';
import { createRows, insertClaimed, logLine, type Rows } from '../store/rows.ts';

let database: Database & AsyncDisposable;
let prisma: PrismaClient;
let rows: Rows;
beforeAll(async () => {
  database = await createDatabase();
  ({ prisma } = database);
});
afterAll(() => database[Symbol.asyncDispose]());

async function claimed(): Promise<Claim> {
  rows = await createRows(prisma);
  return insertClaimed(prisma, rows);
}

const end = (claim: Claim) => failDeployment(prisma, claim, 'failed', FAILURE);
const lines = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_unused, index) => logLine(`n${from + index}`));
const upTo = (count: number) => Array.from({ length: count }, (_unused, index) => index + 1);

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of stream) all.push(item);
  return all;
}

const seqsOf = (events: readonly LogEvent[]) =>
  events.flatMap((event) => (event.kind === 'batch' ? event.lines.map(({ seq }) => seq) : []));

const messages = fc.constantFrom('hay', '100%', 'a_b', 'axb', 'C:\\temp', 'needle', 'NEEDLE', "it's", 'ünï 🚢', '');
const newLine: fc.Arbitrary<NewLogLine> = fc.record({
  at: fc.constant(new Date('2026-01-02T03:04:05.678Z')),
  phase: fc.constantFrom(...PHASES),
  attempt: fc.constant(1),
  stream: fc.constantFrom(...LOG_STREAMS),
  level: fc.constantFrom(...LOG_LEVELS),
  message: messages,
  truncated: fc.constant(false),
});
const filters = fc.record(
  {
    phases: fc.subarray([...PHASES], { minLength: 1 }),
    streams: fc.subarray([...LOG_STREAMS], { minLength: 1 }),
    minLevel: fc.constantFrom(...LOG_LEVELS),
    contains: fc.constantFrom('%', '_', '\\', 'needle', "'", 'ü', '🚢', 'a_b', ''),
  },
  { requiredKeys: [] },
);

test('whatever the filter, its lines are the same from history, live, and by the rule for one line', async () => {
  const given = fc.sample(newLine, { numRuns: 1_500, seed: 7 });
  const claim = await claimed();
  const deps = { prisma, followers: createFollowers({ prisma, bus: createMemoryBus() }) };
  const someFilters = [...fc.sample(filters, { numRuns: 40, seed: 11 }), { contains: '%' }, { contains: '_' }];
  const live = someFilters.map((filter) => collect(followLogs(deps, claim.deploymentId, { after: 0, filter })));
  for (let from = 0; from < given.length; from += 100)
    await appendLogLines(prisma, claim, given.slice(from, from + 100));
  await end(claim);

  const all = await readLogLines(prisma, claim.deploymentId, { limit: 10_000 });
  expect(all).toHaveLength(given.length);
  for (const [index, filter] of someFilters.entries()) {
    const wanted = all.filter((line: LogLine) => matchesLogFilter(line, filter)).map(({ seq }) => seq);
    expect(seqsOf(await live[index]!), JSON.stringify(filter)).toEqual(wanted);
    expect(seqsOf(await collect(followLogs(deps, claim.deploymentId, { after: 0, filter })))).toEqual(wanted);
    const stored = await readLogLines(prisma, claim.deploymentId, { limit: 10_000 }, filter);
    expect(stored.map(({ seq }) => seq)).toEqual(wanted);
  }
});

test('a page of lines is the same whatever its ends, from either side, with a filter or without', async () => {
  const claim = await claimed();
  await appendLogLines(prisma, claim, fc.sample(newLine, { numRuns: 1_200, seed: 3 }));
  const all = await readLogLines(prisma, claim.deploymentId, { limit: 10_000 });
  const ends = fc.option(fc.nat(1_400), { nil: undefined });

  await fc.assert(
    fc.asyncProperty(
      ends,
      fc.option(fc.oneof(fc.nat(1_400), fc.constant(2 ** 31 - 2)), { nil: undefined }),
      fc.integer({ min: 1, max: 300 }),
      fc.boolean(),
      fc.option(filters, { nil: undefined }),
      async (after, before, limit, fromEnd, filter) => {
        const inside = all.filter(
          (line) => line.seq > (after ?? 0) && line.seq < (before ?? Infinity) && matchesLogFilter(line, filter ?? {}),
        );
        const wanted = fromEnd ? inside.slice(-limit) : inside.slice(0, limit);

        const page = await readLogLines(prisma, claim.deploymentId, { after, before, limit, fromEnd }, filter);

        expect(page.map(({ seq }) => seq)).toEqual(wanted.map(({ seq }) => seq));
      },
    ),
    { numRuns: 150 },
  );
});

test('replay joins live without a gap or a repetition, wherever a follower begins and however fast lines come', async () => {
  const claim = await claimed();
  const bus = createMemoryBus();
  const deps = { prisma, followers: createFollowers({ prisma, bus }) };
  const following: { after: number; events: Promise<LogEvent[]> }[] = [];
  for (let batch = 0; batch < 60; batch += 1) {
    const lastSeq = await appendLogLines(prisma, claim, lines(batch * 50 + 1, batch * 50 + 50));
    bus.publish(`deployment:${claim.deploymentId}`, { kind: 'logs', lastSeq: lastSeq! });
    const after = batch % 3 === 0 ? 0 : batch * 40;
    if (batch % 2 === 0) following.push({ after, events: collect(followLogs(deps, claim.deploymentId, { after })) });
  }
  await end(claim);
  bus.publish(`deployment:${claim.deploymentId}`, { kind: 'state', stateVersion: 1 });

  for (const { after, events } of following) {
    expect(seqsOf(await events)).toEqual(upTo(3_000).slice(after));
    expect((await events).at(-1)).toEqual({ kind: 'end', status: 'failed', cursor: 3_000, lineCount: 3_000 });
  }
});

test('a follower that does not read costs no reads, holds up nobody, and gets every line once it reads', async () => {
  const claim = await claimed();
  const deps = { prisma, followers: createFollowers({ prisma, bus: createMemoryBus() }) };
  const slow = followLogs(deps, claim.deploymentId, { after: 0 });
  await appendLogLines(prisma, claim, lines(1, 100));
  const first = await slow.next();
  // Far more than a follower keeps.
  for (let from = 101; from <= 6_001; from += 590) await appendLogLines(prisma, claim, lines(from, from + 589));
  await end(claim);
  const quick = await collect(followLogs(deps, claim.deploymentId, { after: 0 }));

  const rest = await collect(slow);

  expect(seqsOf(quick)).toEqual(upTo(6_590));
  expect([...seqsOf([first.value as LogEvent]), ...seqsOf(rest)]).toEqual(upTo(6_590));
});

test('followers of one deployment that keep up get the very same objects', async () => {
  const claim = await claimed();
  const deps = { prisma, followers: createFollowers({ prisma, bus: createMemoryBus() }) };
  const one = followLogs(deps, claim.deploymentId, { after: 0 });
  const two = followLogs(deps, claim.deploymentId, { after: 0 });
  await appendLogLines(prisma, claim, lines(1, 1));
  await Promise.all([one.next(), two.next()]);

  const next = [one.next(), two.next()];
  await appendLogLines(prisma, claim, lines(2, 4));
  const [ofOne, ofTwo] = await Promise.all(next);

  expect(ofOne!.value).toBe(ofTwo!.value);
  await Promise.all([one.return(), two.return()]);
});

test('a reader with a way of its own is asked again when it has room, and is given what it did not take', async () => {
  const claim = await claimed();
  const deps = { prisma, followers: createFollowers({ prisma, bus: createMemoryBus() }) };
  const delivered: number[] = [];
  let makeRoom = () => {};
  const hasRoom = new Promise<boolean>((resolve) => {
    makeRoom = () => resolve(true);
  });
  const answers = [true, false, true, hasRoom, true];
  const deliver = ({ lines: [first] }: LogBatch) => {
    delivered.push(first!.seq);
    return answers.shift()!;
  };
  const given = collect(followLogs(deps, claim.deploymentId, { after: 0, deliver }));
  // Who came later is told later.
  const other = followLogs(deps, claim.deploymentId, { after: 0 });
  for (let line = 1; line <= 5; line += 1) {
    await appendLogLines(prisma, claim, lines(line, line));
    await other.next();
  }
  expect(delivered).toEqual([1, 2, 3, 4]);

  makeRoom();
  await until('the next one was delivered', () => delivered.length === 5);
  await end(claim);

  const events = await given;
  expect(events.map(({ kind }) => kind)).toEqual(['batch', 'end']);
  expect(seqsOf(events)).toEqual([2]);
  expect(delivered).toEqual([1, 2, 3, 4, 5]);
  await other.return();
});

test('a change is told to many readers in turns, and others are served in between', async () => {
  const claim = await claimed();
  const deps = { prisma, followers: createFollowers({ prisma, bus: createMemoryBus() }) };
  const readers = 600;
  let told = 0;
  let toldInBetween = 0;
  const deliver = () => {
    told += 1;
    if (told === readers + 1) setImmediate(() => (toldInBetween = told - readers));
    return true;
  };
  const over = Array.from({ length: readers }, () =>
    collect(followLogs(deps, claim.deploymentId, { after: 0, deliver })),
  );
  await appendLogLines(prisma, claim, lines(1, 1));
  await until('all have the first line, and wait', () => told === readers);

  await appendLogLines(prisma, claim, lines(2, 2));
  await until('all have the second line', () => told === 2 * readers);

  expect(toldInBetween).toBeGreaterThan(0);
  expect(toldInBetween).toBeLessThan(readers);
  await end(claim);
  await Promise.all(over);
});

test('nothing is delivered to a reader who has left, not even what the others get at that moment', async () => {
  const claim = await claimed();
  const deps = { prisma, followers: createFollowers({ prisma, bus: createMemoryBus() }) };
  const heard: number[] = [];
  const delivered: number[] = [];
  const leaver = followLogs(deps, claim.deploymentId, {
    after: 0,
    deliver: ({ lines: [first] }) => delivered.push(first!.seq) > 0,
  });
  const others = collect(
    followLogs(deps, claim.deploymentId, {
      after: 0,
      deliver({ lines: [first] }) {
        heard.push(first!.seq);
        if (first!.seq === 2) void leaver.return();
        return true;
      },
    }),
  );
  await appendLogLines(prisma, claim, lines(1, 1));
  await until('the other waits for the second line, and hears of it before the leaver', () => heard.length === 1);
  const over = collect(leaver);
  await until('the leaver waits, too', () => delivered.length === 1);

  await appendLogLines(prisma, claim, lines(2, 2));

  expect(await over).toEqual([]);
  expect(delivered).toEqual([1]);
  await end(claim);
  await others;
});

test('the events of a deployment come once each and in order, from any cursor, and end with the terminal one', async () => {
  const claim = await claimed();
  const deps = { prisma, followers: createFollowers({ prisma, bus: createMemoryBus() }) };
  const live = collect(followEvents(deps, claim.deploymentId, 0));
  for (const phase of PHASES) await beginPhase(prisma, claim, phase);
  await requestCancel(prisma, claim.deploymentId, { userId: rows.userId, reason: null, force: false });
  await end(claim);

  const all = await live;
  const { stateVersion } = await prisma.deployment.findUniqueOrThrow({ where: { id: claim.deploymentId } });
  const after = await collect(followEvents(deps, claim.deploymentId, 5));

  expect(all.map(({ seq }) => seq)).toEqual(upTo(stateVersion));
  expect(all.at(-1)).toMatchObject({ type: 'status', status: 'failed' });
  expect(after.map(({ seq }) => seq)).toEqual(upTo(stateVersion).slice(5));
});

test('the state of a deployment never goes back, and its last one always comes', async () => {
  const claim = await claimed();
  const deps = { prisma, followers: createFollowers({ prisma, bus: createMemoryBus() }) };
  const live = collect(followState(deps, claim.deploymentId));
  for (const phase of PHASES) await beginPhase(prisma, claim, phase);
  await end(claim);

  const versions = await live;

  const { stateVersion } = await prisma.deployment.findUniqueOrThrow({ where: { id: claim.deploymentId } });
  expect(versions).toEqual([...new Set(versions)].toSorted((a, b) => a - b));
  expect(versions.at(-1)).toBe(stateVersion);
});
