import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { collectOutput, findOutput, openOutput, type OutputTarget } from '../../src/host/output.ts';
import { createRuntimeLogReader, openRuntimeLog } from '../../src/store/runtime-logs.ts';
import { createMask } from '../../src/targets/masking.ts';
import { createFolder } from '../kit/folder.ts';
import { until } from '../kit/until.ts';

async function openLog(folder: string) {
  const log = await openRuntimeLog(join(folder, 'log'), 256 * 1024 * 1024);
  const problems: unknown[] = [];
  const target: OutputTarget = {
    log,
    deploymentId: 'dep_1',
    mask: createMask(['hunter2hunter2']),
    onStored: () => {},
    onProblem: (error) => problems.push(error),
  };
  const reader = createRuntimeLogReader(() => join(folder, 'log'));
  const messages = async () => (await reader.read('', { limit: Infinity })).map(({ message }) => message);
  return { target, messages, problems, [Symbol.asyncDispose]: () => log.close() };
}

test('a line is stored when it is whole, and the last one when its process has ended', async () => {
  using folder = createFolder();
  await using log = await openLog(folder.path);
  const output = openOutput(join(folder.path, 'output'), 'rel_1');
  const collector = collectOutput(join(folder.path, 'output'), output.name, log.target);

  writeSync(output.stdout, 'whole\nha');
  writeSync(output.stderr, 'aside\n');
  await until('the whole lines are stored', async () => (await log.messages()).length === 2);
  const early = await log.messages();
  writeSync(output.stdout, 'lf');
  await collector.finish();

  expect(early.toSorted()).toEqual(['aside', 'whole']);
  expect((await log.messages()).at(-1)).toBe('half');
  expect(await findOutput(join(folder.path, 'output'), 'rel_1')).toEqual([]);
  expect(log.problems).toEqual([]);
});

test('what an app prints is stored without its secrets', async () => {
  using folder = createFolder();
  await using log = await openLog(folder.path);
  const output = openOutput(join(folder.path, 'output'), 'rel_1');

  writeSync(output.stdout, 'connecting with hunter2');
  writeSync(output.stdout, 'hunter2 to the database\n');
  await collectOutput(join(folder.path, 'output'), output.name, log.target).finish();

  expect(await log.messages()).toEqual(['connecting with *** to the database']);
});

test('what was printed while nobody collected is stored, in the order of the starts', async () => {
  using folder = createFolder();
  await using log = await openLog(folder.path);
  const outputs = join(folder.path, 'output');
  const [one, other] = [openOutput(outputs, 'rel_1'), openOutput(outputs, 'rel_2')];
  await until('the clock goes on', () => openOutput(outputs, 'rel_1').name !== one.name);
  writeSync(one.stdout, 'first\n');
  writeSync(other.stdout, 'of another release\n');

  const names = await findOutput(outputs, 'rel_1');
  for (const name of names) await collectOutput(outputs, name, log.target).finish();

  expect(names[0]).toBe(one.name);
  expect(await log.messages()).toEqual(['first']);
  expect(await findOutput(outputs, 'rel_2')).toEqual([other.name]);
});

test('what was read is given back to the disk while its process runs on, and nothing is lost', async () => {
  using folder = createFolder();
  await using log = await openLog(folder.path);
  const outputs = join(folder.path, 'output');
  const output = openOutput(outputs, 'rel_1');
  const lines = 150_000;
  const program = `const text = 'x'.repeat(60);
    let n = 0;
    (function write() {
      for (let i = 0; i < 100 && n < ${lines}; i += 1) process.stdout.write((n += 1) + text + '\\n');
      if (n < ${lines}) setTimeout(write, 1);
      else setTimeout(() => {}, 60_000);
    })();`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', output.stdout, output.stderr] });
  const collector = collectOutput(outputs, output.name, log.target);
  const file = join(outputs, `${output.name}.stdout`);

  await until('all is stored', async () => (await log.messages()).length === lines);

  const { size, blocks } = statSync(file);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await collector.finish();
  expect((await log.messages()).map((message) => Number.parseInt(message, 10))).toEqual(
    Array.from({ length: lines }, (_unused, i) => i + 1),
  );
  expect(size).toBeGreaterThan(9_000_000);
  expect(blocks * 512).toBeLessThan(size / 2);
  expect(existsSync(file)).toBe(false);
});

test('an app that prints faster than can be stored fills no disk, and its log says what was skipped', async () => {
  using folder = createFolder();
  await using log = await openLog(folder.path);
  const output = openOutput(join(folder.path, 'output'), 'rel_1');
  const line = Buffer.from(`${'y'.repeat(1023)}\n`.repeat(1024));
  for (let mebibyte = 0; mebibyte < 80; mebibyte += 1) writeSync(output.stdout, line);
  closeSync(output.stdout);

  await collectOutput(join(folder.path, 'output'), output.name, log.target).finish();

  const all = await log.messages();
  const skipped = all.filter((message) => /^\d+ bytes of stdout were skipped/.test(message));
  expect(skipped).toHaveLength(1);
  expect(Number.parseInt(skipped[0]!, 10)).toBeGreaterThan(15 * 1024 * 1024);
  expect(all.at(-1)).toBe('y'.repeat(1023));
});
