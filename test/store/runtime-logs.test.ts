import { appendFileSync, readdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRuntimeLogReader, openRuntimeLog, type NewRuntimeLine } from '../../src/store/runtime-logs.ts';
import { createFolder } from '../kit/folder.ts';

const BYTES_MAX = 32 * 1024;

const line = (message: string, about: Partial<NewRuntimeLine> = {}): NewRuntimeLine => ({
  deploymentId: 'dep_1',
  stream: 'stdout',
  message,
  truncated: false,
  ...about,
});
const numbered = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_unused, i) => line(`line ${from + i}`));
const readerOf = (folder: string) => createRuntimeLogReader(() => folder);
const bytesOf = (folder: string) =>
  readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);

test('lines come back with their numbers, in order, from either end of any range', async () => {
  using folder = createFolder();
  const log = await openRuntimeLog(folder.path, BYTES_MAX);
  for (let n = 1; n <= 200; n += 10) await log.append(numbered(n, n + 9));
  const reader = readerOf(folder.path);

  const range = fc.record({
    after: fc.integer({ min: 0, max: 210 }),
    before: fc.integer({ min: 1, max: 220 }),
    limit: fc.integer({ min: 1, max: 60 }),
    fromEnd: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(range, async ({ after, before, limit, fromEnd }) => {
      const all = Array.from({ length: 200 }, (_unused, i) => i + 1).filter((seq) => seq > after && seq < before);
      const expected = fromEnd ? all.slice(-limit) : all.slice(0, limit);

      const lines = await reader.read('app', { after, before, limit, fromEnd });

      expect(lines.map(({ seq, message }) => [seq, message])).toEqual(expected.map((seq) => [seq, `line ${seq}`]));
    }),
  );
  await log.close();
});

test('the oldest lines go when there is too much, and the numbers go on', async () => {
  using folder = createFolder();
  const log = await openRuntimeLog(folder.path, BYTES_MAX);
  const reader = readerOf(folder.path);

  for (let n = 1; n <= 5_000; n += 10) await log.append(numbered(n, n + 9));

  const { firstSeq, lastSeq } = await reader.bounds('app');
  const lines = await reader.read('app', { limit: 10_000 });
  expect(lastSeq).toBe(5_000);
  expect(firstSeq).toBeGreaterThan(1_000);
  expect(lines.map(({ seq }) => seq)).toEqual(
    Array.from({ length: lastSeq - firstSeq + 1 }, (_unused, i) => firstSeq + i),
  );
  expect(bytesOf(folder.path)).toBeLessThan(BYTES_MAX * 1.5);
  await log.close();
});

// Every length that a file can have when its writer is killed, as the next writer and a reader find it.
test('wherever its writer dies, a log goes on after the last whole write, and its source after that', async () => {
  using whole = createFolder();
  const log = await openRuntimeLog(whole.path, BYTES_MAX);
  await log.append(numbered(1, 3), { name: 'a', readTo: 300 });
  await log.append(numbered(4, 5), { name: 'b', readTo: 200 });
  await log.append(numbered(6, 8), { name: 'a', readTo: 800 });
  await log.close();
  const [name] = readdirSync(whole.path);
  const content = readFileSync(join(whole.path, name!));

  const seen = new Set<string>();
  for (let bytes = 0; bytes <= content.length; bytes += 1) {
    using folder = createFolder();
    appendFileSync(join(folder.path, name!), content.subarray(0, bytes));
    const before = await readerOf(folder.path).read('app', { limit: 100 });
    const again = await openRuntimeLog(folder.path, BYTES_MAX);
    const state = `${before.length} a=${again.readTo('a')} b=${again.readTo('b')}`;
    await again.append([line('after')]);
    await again.close();

    const after = await readerOf(folder.path).read('app', { limit: 100 });
    expect(after.map(({ seq }) => seq)).toEqual(Array.from({ length: before.length + 1 }, (_unused, i) => i + 1));
    expect(after.at(-1)!.message).toBe('after');
    seen.add(state);
  }
  expect([...seen]).toEqual(['0 a=0 b=0', '3 a=300 b=0', '5 a=300 b=200', '8 a=800 b=200']);
});

test('how far a quiet source was read is known after the file that said so is gone', async () => {
  using folder = createFolder();
  const log = await openRuntimeLog(folder.path, BYTES_MAX);
  await log.append([line('quiet')], { name: 'quiet', readTo: 42 });
  for (let n = 1; n <= 5_000; n += 10) await log.append(numbered(n, n + 9), { name: 'loud', readTo: n });
  await log.close();

  const again = await openRuntimeLog(folder.path, BYTES_MAX);

  expect([again.readTo('quiet'), again.readTo('loud'), again.readTo('unknown')]).toEqual([42, 4_991, 0]);
  await again.close();
});

test('a reader that goes on while the log is written, cut and rotated sees each line once', async () => {
  using folder = createFolder();
  const log = await openRuntimeLog(folder.path, 1024 * 1024);
  const reader = readerOf(folder.path);
  const seen: number[] = [];

  for (let n = 1; n <= 3_000; n += 30) {
    await log.append(numbered(n, n + 29));
    const lines = await reader.read('app', { after: seen.at(-1) ?? 0, limit: 1_000 });
    seen.push(...lines.map(({ seq }) => seq));
  }

  expect(seen).toEqual(Array.from({ length: 3_000 }, (_unused, i) => i + 1));
  await log.close();
});

test('a reader believes nothing that a writer could still take back', async () => {
  using folder = createFolder();
  const log = await openRuntimeLog(folder.path, BYTES_MAX);
  await log.append(numbered(1, 2));
  await log.append(numbered(3, 9));
  await log.close();
  const [name] = readdirSync(folder.path);
  const path = join(folder.path, name!);
  const rows = readFileSync(path, 'utf8').split('\n');
  truncateSync(path, rows.slice(0, 6).join('\n').length + 1);

  const lines = await readerOf(folder.path).read('app', { limit: 100 });

  expect(lines.map(({ seq }) => seq)).toEqual([1, 2]);
});

test('lines are found by deployment, stream and text', async () => {
  using folder = createFolder();
  const log = await openRuntimeLog(folder.path, BYTES_MAX);
  await log.append([
    line('one'),
    line('two', { stream: 'stderr' }),
    line('three', { deploymentId: 'dep_2' }),
    line('twofold', { truncated: true }),
  ]);
  const reader = readerOf(folder.path);
  const found = async (filter: object) =>
    (await reader.read('app', { limit: 9 }, filter)).map(({ message }) => message);

  expect(await found({ deploymentId: 'dep_2' })).toEqual(['three']);
  expect(await found({ streams: ['stderr'] })).toEqual(['two']);
  expect(await found({ contains: 'two' })).toEqual(['two', 'twofold']);
  expect(await found({ contains: 'two', streams: ['stdout'] })).toEqual(['twofold']);
  await log.close();
});

test('an app that never ran has an empty log', async () => {
  const reader = createRuntimeLogReader(() => '/nonexistent');

  expect(await reader.bounds('app')).toEqual({ firstSeq: 1, lastSeq: 0 });
  expect(await reader.read('app', { limit: 10 })).toEqual([]);
});
