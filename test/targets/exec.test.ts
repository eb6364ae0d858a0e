import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { exec, type ExecOptions, type ExecResult } from '../../src/targets/exec.ts';
import { createFolder } from '../kit/folder.ts';
import { processesWith, uniqueNap } from '../kit/processes.ts';
import { until } from '../kit/until.ts';

const PATH = process.env['PATH']!;

interface Run {
  readonly lines: string[];
  /** Each line after the name of its stream. */
  readonly streamed: string[];
  readonly done: Promise<ExecResult>;
  abort(): void;
}

function start(command: string, options: Partial<ExecOptions> = {}): Run {
  const lines: string[] = [];
  const streamed: string[] = [];
  const controller = new AbortController();
  const done = exec(command, {
    cwd: '/',
    env: { PATH },
    killGraceMs: 300,
    signal: controller.signal,
    onOutput(stream, some) {
      lines.push(...some.map(({ message }) => message));
      streamed.push(...some.map(({ message }) => `${stream}: ${message}`));
    },
    ...options,
  });
  done.catch(() => {}); // Its test awaits it, some lines later.
  return { lines, streamed, done, abort: () => controller.abort(new Error('cancelled')) };
}

const napping = (nap: string) => processesWith(`sleep\0${nap}`);

test.each([
  ['true', { exitCode: 0, signal: null }],
  ['exit 3', { exitCode: 3, signal: null }],
  ['windlass-has-no-such-command', { exitCode: 127, signal: null }],
  ['kill -KILL $$', { exitCode: null, signal: 'SIGKILL' }],
  ['kill -TERM $$', { exitCode: null, signal: 'SIGTERM' }],
])('`%s` ends with %j', async (command, result) => {
  expect(await start(command).done).toEqual(result);
});

test('a command runs in its folder', async () => {
  using folder = createFolder();
  const run = start('pwd', { cwd: folder.path });

  await run.done;

  expect(run.lines).toEqual([realpathSync(folder.path)]);
});

test('a folder that is not there is an error that names it, and no command runs', async () => {
  using folder = createFolder();
  const run = start('echo never', { cwd: join(folder.path, 'gone') });

  await expect(run.done).rejects.toMatchObject({ code: 'ENOENT' });
  expect(run.lines).toEqual([]);
});

test('each line is told by its stream, in the order of the stream', async () => {
  const run = start('echo one; echo a >&2; echo two; echo b >&2; printf three');

  await run.done;

  expect(run.streamed.filter((line) => line.startsWith('stdout'))).toEqual([
    'stdout: one',
    'stdout: two',
    'stdout: three',
  ]);
  expect(run.streamed.filter((line) => line.startsWith('stderr'))).toEqual(['stderr: a', 'stderr: b']);
});

test('all output has been handled when a command is done', async () => {
  const run = start('seq 1 50000');

  await run.done;

  expect(run.lines).toEqual(Array.from({ length: 50_000 }, (_, n) => String(n + 1)));
});

test('a command reads nothing', async () => {
  const run = start('cat; echo end');

  await run.done;

  expect(run.lines).toEqual(['end']);
});

test('the environment is what was given, and holds nothing of this process', async () => {
  process.env['WINDLASS_TEST_SECRET'] = 'hunter2';
  const run = start('env', { env: { PATH, GREETING: 'a b\tc' }, marker: 'the-marker' });

  await run.done;

  delete process.env['WINDLASS_TEST_SECRET'];
  const shell = ['PWD=/', 'OLDPWD=/', 'SHLVL=0', 'SHLVL=1', '_=/usr/bin/env'];
  expect(run.lines.filter((line) => !shell.includes(line)).toSorted()).toEqual([
    'GREETING=a b\tc',
    `PATH=${PATH}`,
    'WINDLASS_PROCESS_MARKER=the-marker',
  ]);
});

test('a signal that has aborted before lets nothing start', async () => {
  using folder = createFolder();

  const run = start('touch started', { cwd: folder.path, signal: AbortSignal.abort(new Error('cancelled')) });

  await expect(run.done).rejects.toThrow('cancelled');
  expect(processesWith('touch\0started')).toEqual([]);
});

// `done` settles only when nothing holds the output any more: what an abort does not end makes these time out.
test.each([
  ['the command', (nap: string) => `echo ready; sleep ${nap}`],
  ['its children in the background', (nap: string) => `sleep ${nap} & sleep ${nap} & echo ready; wait`],
  ['a command that ignores SIGTERM', (nap: string) => `trap "" TERM; echo ready; sleep ${nap}; sleep ${nap}`],
  ['a child that ignores SIGTERM', (nap: string) => `(trap "" TERM; sleep ${nap}; sleep ${nap}) & echo ready; wait`],
  ['a child in a session of its own', (nap: string) => `setsid sleep ${nap} & echo ready; wait`],
  [
    'a session that ignores SIGTERM',
    (nap: string) => `setsid sh -c 'trap "" TERM; sleep ${nap}; sleep ${nap}' & echo ready; wait`,
  ],
  ['a child that forked twice', (nap: string) => `(setsid sh -c 'sleep ${nap} &' &); echo ready; sleep ${nap}`],
  [
    'a child that let go of its output',
    (nap: string) => `setsid sh -c 'sleep ${nap} &' >/dev/null 2>&1 </dev/null; echo ready; sleep ${nap}`,
  ],
  ['a command that is stopped', (nap: string) => `echo ready; kill -STOP $$; sleep ${nap}`],
  ['a command that starts another one when it is told to end', trapping],
])('an abort ends %s, with everything that it started', async (_what, command) => {
  const nap = uniqueNap();
  const run = start(command(nap));
  await until('the command is ready', () => run.lines.includes('ready'));

  run.abort();

  await expect(run.done).rejects.toThrow('cancelled');
  expect(napping(nap)).toEqual([]);
});

function trapping(nap: string): string {
  return `trap 'setsid sleep ${nap} & exit' TERM; echo ready; sleep ${nap} & wait`;
}

test('a command gets the whole grace to end by itself', async () => {
  const run = start(`trap 'sleep 0.3; echo cleaned; exit' TERM; echo ready; sleep 30 & wait`, { killGraceMs: 20_000 });
  await until('the command is ready', () => run.lines.includes('ready'));

  run.abort();

  await expect(run.done).rejects.toThrow('cancelled');
  expect(run.lines).toEqual(['ready', 'cleaned']);
});

test.each([
  ['in the background', (nap: string) => `sleep ${nap} & exit 5`],
  ['in a session of its own', (nap: string) => `setsid sleep ${nap} & exit 5`],
  ['after two forks', (nap: string) => `(setsid sh -c 'sleep ${nap} &' &); exit 5`],
  ['without output', (nap: string) => `setsid sleep ${nap} >/dev/null 2>&1 </dev/null & exit 5`],
  [
    'without output and deaf to SIGTERM',
    (nap: string) =>
      `setsid sh -c 'trap "" TERM; touch ready; sleep ${nap}; sleep ${nap}' >/dev/null 2>&1 </dev/null &
       until test -e ready; do sleep 0.01; done; exit 5`,
  ],
])('what a command leaves %s when it ends is ended too, and its exit code stays', async (_where, command) => {
  using folder = createFolder();
  const nap = uniqueNap();

  const result = await start(command(nap), { cwd: folder.path }).done;

  expect(result).toEqual({ exitCode: 5, signal: null });
  expect(napping(nap)).toEqual([]);
});

test('an abort ends no other command that runs', async () => {
  const nap = uniqueNap();
  const [one, other] = [start(`echo ready; sleep ${nap}1`), start(`setsid sleep ${nap}2 & echo ready; wait`)];
  await until('both are ready', () => [one, other].every(({ lines }) => lines.includes('ready')));
  await until('both nap', () => napping(nap).length >= 2);

  one.abort();

  await expect(one.done).rejects.toThrow('cancelled');
  expect(napping(`${nap}2`).length).toBeGreaterThan(0);
  other.abort();
  await expect(other.done).rejects.toThrow('cancelled');
});

test('an abort after the end changes nothing', async () => {
  const run = start('echo one');
  const result = await run.done;

  run.abort();

  expect([result, run.lines]).toEqual([{ exitCode: 0, signal: null }, ['one']]);
});

test('a command waits for the handler of its output, and nothing piles up in between', async () => {
  using folder = createFolder();
  let release!: () => void;
  const held = new Promise<void>((resolve) => (release = resolve));
  let handled = 0;
  const before = process.memoryUsage().rss;
  const run = start(`yes ${'x'.repeat(99)} | head -c 50000000; touch written`, {
    cwd: folder.path,
    async onOutput(_stream, lines) {
      handled += lines.length;
      await held;
    },
  });
  await until('the first lines have come', () => handled > 0);
  await untilStandstill(() => writtenBy('head\0-c\x0050000000'));

  const heldBack = handled;
  const grown = process.memoryUsage().rss - before;
  const hasWritten = existsSync(join(folder.path, 'written'));
  release();
  const result = await run.done;

  expect(hasWritten).toBe(false);
  expect(heldBack).toBeLessThan(10_000);
  expect(grown).toBeLessThan(64 * 1024 * 1024);
  expect(result).toEqual({ exitCode: 0, signal: null });
  expect(handled).toBe(500_000);
}, 60_000);

test('an abort ends a command whose output waits for its handler', async () => {
  const nap = uniqueNap();
  let release!: () => void;
  const held = new Promise<void>((resolve) => (release = resolve));
  let handled = 0;
  const run = start(`sleep ${nap} & yes`, {
    async onOutput(_stream, lines) {
      handled += lines.length;
      await held;
    },
  });
  await until('the first lines have come', () => handled > 0);

  run.abort();
  await until('the command is gone', () => napping(nap).length === 0);
  release();

  await expect(run.done).rejects.toThrow('cancelled');
});

test('an error of the output handler is the error of the command', async () => {
  const run = start('echo one', {
    onOutput() {
      throw new Error('the log is full');
    },
  });

  await expect(run.done).rejects.toThrow('the log is full');
});

// It clears its environment and leaves its session, so that nothing tells whose it is.
test('a child that got away from everything does not hold up the end of its command', async () => {
  const nap = uniqueNap();
  const run = start(`env -i setsid sleep ${nap} & echo done`);

  await expect(run.done).resolves.toEqual({ exitCode: 0, signal: null });

  expect(run.lines).toEqual(['done']);
  for (const pid of napping(nap)) process.kill(Number(pid), 'SIGKILL');
});

test('output without an end is cut into lines that end', async () => {
  const run = start("head -c 1000000 /dev/zero | tr '\\0' x; echo; echo end");

  await run.done;

  expect(run.lines.map((line) => line.length)).toEqual([16 * 1024, 3]);
});

/** How much a process has written. */
function writtenBy(commandLine: string): number {
  const [pid] = processesWith(commandLine);
  return Number(/^wchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1]);
}

/** A process that may write does so many times between any ten looks. */
async function untilStandstill(look: () => number): Promise<void> {
  let last = -1;
  let equal = 0;
  await until('nothing is written any more', () => {
    const now = look();
    equal = now > 0 && now === last ? equal + 1 : 0;
    last = now;
    return equal === 10;
  });
}
