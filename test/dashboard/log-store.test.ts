import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import type { LineFilter } from '../../src/dashboard/deployment/log/log-filter.ts';
import { createLogSource, type LogSource } from '../../src/dashboard/deployment/log/log-source.ts';
import { createLogStore, type LogStore } from '../../src/dashboard/deployment/log/log-store.ts';
import type { NewLogLine } from '../../src/store/logs.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { createOwner, type Member } from '../kit/seed.ts';
import { until } from '../kit/until.ts';
import { holdDeployment, type HeldDeployment } from '../kit/written-log.ts';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane({ roles: ['api'] });
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

interface OpenLog extends AsyncDisposable {
  readonly store: LogStore;
  /** The windows that were read: the line before each. */
  readonly reads: number[];
}

/** A log as the page opens it. It is shown at once, since there are no frames here. */
async function openLog({ id }: HeldDeployment, linesMax?: number): Promise<OpenLog> {
  const leaving = new AbortController();
  const connection = { url: plane.app.url!, token: owner.token, signal: leaving.signal, webSocketImpl: WebSocket };
  const source = createLogSource({ ...connection, deploymentId: id });
  const reads: number[] = [];
  const counted: LogSource = {
    ...source,
    readLines(window) {
      reads.push(window.after);
      return source.readLines(window);
    },
  };
  const store = createLogStore({ source: counted, schedule: queueMicrotask, linesMax });
  await until('the log is open', () => store.state().isOpened);
  return {
    store,
    reads,
    async [Symbol.asyncDispose]() {
      store.close();
      leaving.abort();
    },
  };
}

const numbered = (from: number, count: number): (Partial<NewLogLine> & { message: string })[] =>
  Array.from({ length: count }, (_unused, index) => ({
    message: `line ${from + index}`,
    level: (from + index) % 10 === 0 ? 'warn' : 'info',
    stream: (from + index) % 4 === 0 ? 'stderr' : 'stdout',
  }));
const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_unused, index) => first + index);
const messagesOf = (store: LogStore, seqs: readonly number[]) => seqs.map((seq) => store.line(seq)?.message);

test('the end of a stored log is there at once, and nothing else is read until it is looked at', async () => {
  const deployment = await holdDeployment(plane, owner);
  await deployment.append([{ message: 'line 1', phase: 'orchestrate' }, ...numbered(2, 5_999)]);
  await using log = await openLog(deployment);
  const { store, reads } = log;

  expect(store.state()).toMatchObject({
    lastSeq: 6_000,
    sections: [
      { phase: 'ORCHESTRATE', attempt: 1, firstSeq: 1, lastSeq: 1 },
      { phase: 'BUILD', attempt: 1, firstSeq: 2, lastSeq: 6_000 },
    ],
  });
  expect(messagesOf(store, [5_901, 6_000, 5_900])).toEqual(['line 5901', 'line 6000', undefined]);
  expect(reads).toEqual([]);

  store.look(range(2_990, 3_050));
  await until('the lines were read', () => messagesOf(store, range(2_990, 3_050)).every(Boolean));

  expect(messagesOf(store, range(2_990, 3_050))).toEqual(range(2_990, 3_050).map((seq) => `line ${seq}`));
  expect(reads).toEqual([2_920]);
});

test('every line that comes is there once, under its number, and the end is told', async () => {
  const deployment = await holdDeployment(plane, owner);
  await deployment.append(numbered(1, 250));
  await using log = await openLog(deployment);
  const { store } = log;

  for (let from = 251; from < 1_000; from += 250) await deployment.append(numbered(from, 250));
  await deployment.append([{ message: 'line 1001', phase: 'package' }]);
  await deployment.end();
  await until('the end was told', () => store.state().hasEnded);

  expect(messagesOf(store, range(151, 1_001))).toEqual(range(151, 1_001).map((seq) => `line ${seq}`));
  expect(store.state()).toMatchObject({
    lastSeq: 1_001,
    error: null,
    sections: [
      { phase: 'BUILD', firstSeq: 1, lastSeq: 1_000 },
      { phase: 'PACKAGE', firstSeq: 1_001, lastSeq: 1_001 },
    ],
  });
});

test('what was not looked at for long is dropped, and read again when it is', async () => {
  const deployment = await holdDeployment(plane, owner);
  await deployment.append(numbered(1, 3_000));
  await using log = await openLog(deployment, 500);
  const { store } = log;

  for (const first of [1, 601, 1_201, 1_801]) {
    store.look(range(first, first + 40));
    await until('the lines were read', () => messagesOf(store, range(first, first + 40)).every(Boolean));
  }
  expect(messagesOf(store, [1, 1_801])).toEqual([undefined, 'line 1801']);

  store.look([1, 2, 3]);
  await until('the lines were read', () => store.line(3) !== undefined);

  expect(messagesOf(store, [1, 2, 3])).toEqual(['line 1', 'line 2', 'line 3']);
});

test.each<[string, LineFilter, (seq: number) => boolean]>([
  ['a level', { minLevel: 'WARN' }, (seq) => seq % 10 === 0],
  ['a stream', { streams: ['STDERR'] }, (seq) => seq % 4 === 0],
  ['a text', { contains: 'line 11' }, (seq) => String(seq).startsWith('11')],
  [
    'all three',
    { minLevel: 'WARN', streams: ['STDERR'], contains: '2' },
    (seq) => seq % 20 === 0 && String(seq).includes('2'),
  ],
])(
  'a filter by %s lets the same lines pass of those stored before and of those that come',
  async (_name, filter, isMatch) => {
    const deployment = await holdDeployment(plane, owner);
    await deployment.append(numbered(1, 700));
    await using log = await openLog(deployment);
    const { store } = log;

    store.choose(filter, null);
    await deployment.append(numbered(701, 300));
    await until('all matches are known', () => store.state().shown?.isComplete === true);
    await deployment.append(numbered(1_001, 300));
    await deployment.end();
    await until('the end was told', () => store.state().hasEnded);

    const matches = range(1, 1_300).filter(isMatch);
    expect(store.state().shown!.seqs).toEqual(matches);
    const few = matches.slice(0, 60);
    store.look(few);
    await until('the lines were read', () => messagesOf(store, few).every(Boolean));
    expect(messagesOf(store, few)).toEqual(few.map((seq) => `line ${seq}`));
  },
);

test('a search goes over what is shown, and what is shown stays until the next choice is known', async () => {
  const deployment = await holdDeployment(plane, owner);
  await deployment.append(numbered(1, 500));
  await using log = await openLog(deployment);
  const { store } = log;
  store.look(range(1, 40));

  store.choose({ minLevel: 'WARN' }, { minLevel: 'WARN', contains: '5' });
  expect(store.state()).toMatchObject({ shown: null, isChoosing: true });
  await until('all hits are known', () => store.state().hits?.isComplete === true && !store.state().isChoosing);

  expect(store.state().shown!.seqs).toEqual(range(1, 50).map((tenth) => tenth * 10));
  expect(store.state().hits!.seqs).toEqual([50, 150, 250, 350, 450, 500]);

  store.choose({}, null);
  expect(store.state()).toMatchObject({ shown: null, hits: null, isChoosing: false });
});

test('chosen lines are read whole for copying, without those that are not shown', async () => {
  const deployment = await holdDeployment(plane, owner);
  await deployment.append(numbered(1, 2_600));
  await using log = await openLog(deployment);
  const { store } = log;

  expect((await store.read(2, 2_501)).map(({ seq }) => seq)).toEqual(range(2, 2_501));

  store.choose({ minLevel: 'WARN' }, null);
  await until('the choice is shown', () => store.state().shown !== null);
  expect((await store.read(15, 45)).map(({ seq }) => seq)).toEqual([20, 30, 40]);
});

test('a deployment that nobody may see has an error and no lines', async () => {
  const deployment = await holdDeployment(plane, await createOwner(plane));
  await using log = await openLog(deployment);

  await until('there is an error', () => log.store.state().error !== null);

  expect(log.store.state()).toMatchObject({ lastSeq: 0, error: { code: 'NOT_FOUND' } });
});
