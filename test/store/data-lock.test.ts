import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { DataLockedError, lockDataFolder } from '../../src/store/data-lock.ts';
import { createFolder } from '../kit/folder.ts';

interface LockAnswer {
  readonly folder: string;
  readonly held: boolean;
  readonly error: string | null;
}

/** A process that takes locks and holds them until it is killed. */
function startLockProcess() {
  const child = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'lock-process.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const end = once(child, 'close');
  return {
    async lock(folder: string): Promise<LockAnswer> {
      child.stdin.write(`${folder}\n`);
      const { value } = await answers.next();
      return JSON.parse(value as string) as LockAnswer;
    },
    async kill(): Promise<void> {
      child.kill('SIGKILL');
      await end;
    },
    async [Symbol.asyncDispose]() {
      await this.kill();
    },
  };
}

const message = (folder: string) => `Another process uses ${folder}.`;

test('a folder that another process holds is refused, with what to do about it', async () => {
  using folder = createFolder();
  await using other = startLockProcess();
  await other.lock(folder.path);

  const lock = lockDataFolder(folder.path);

  await expect(lock).rejects.toThrow(new DataLockedError(message(folder.path)));
});

test('a folder that this process holds is refused to another one, and to itself', async () => {
  using folder = createFolder();
  await using other = startLockProcess();
  const lock = await lockDataFolder(folder.path);

  const answer = await other.lock(folder.path);

  expect(answer).toEqual({ folder: folder.path, held: false, error: `DataLockedError: ${message(folder.path)}` });
  await expect(lockDataFolder(folder.path)).rejects.toThrow(DataLockedError);
  lock.release();
});

test('a folder whose holder was killed is free', async () => {
  using folder = createFolder();
  const other = startLockProcess();
  await other.lock(folder.path);

  await other.kill();

  const lock = await lockDataFolder(folder.path);
  lock.release();
});

test('a folder whose holders were all killed, one after the other, is free and clean', async () => {
  using folder = createFolder();
  for (let round = 0; round < 3; round += 1) {
    const other = startLockProcess();
    expect(await other.lock(folder.path)).toMatchObject({ held: true });
    await other.kill();
  }

  const lock = await lockDataFolder(folder.path);

  expect(readdirSync(folder.path)).toHaveLength(2);
  lock.release();
  expect(readdirSync(folder.path)).toEqual([]);
});

test('a released folder can be taken again, by this process and by another one', async () => {
  using folder = createFolder();
  await using other = startLockProcess();

  for (let round = 0; round < 3; round += 1) (await lockDataFolder(folder.path)).release();

  expect(await other.lock(folder.path)).toMatchObject({ held: true });
  await expect(lockDataFolder(folder.path)).rejects.toThrow(DataLockedError);
});

test('the lock of one folder is not that of another', async () => {
  using one = createFolder();
  using two = createFolder();
  await using other = startLockProcess();

  const answers = [await other.lock(one.path), await other.lock(two.path)];

  expect(answers.map(({ held }) => held)).toEqual([true, true]);
});

test('a folder that is not there yet is made', async () => {
  using folder = createFolder();
  const path = join(folder.path, 'not', 'there', 'yet');

  const lock = await lockDataFolder(path);

  await expect(lockDataFolder(path)).rejects.toThrow(DataLockedError);
  lock.release();
});

// A socket's own path may have 108 bytes.
test.each([40, 60, 100, 2_000])('a folder with a path of %i bytes more is locked as any other', async (length) => {
  using folder = createFolder();
  const path = join(folder.path, `${'d'.repeat(99)}/`.repeat(20).slice(0, length - 1), 'x');
  await using other = startLockProcess();

  const lock = await lockDataFolder(path);

  expect(await other.lock(path)).toMatchObject({ held: false });
  lock.release();
  expect(await other.lock(path)).toMatchObject({ held: true });
  await other.kill();
  (await lockDataFolder(path)).release();
});

test('the lock of a holder whose clock was ahead is respected too', async () => {
  using folder = createFolder();
  await using other = startLockProcess();
  await other.lock(folder.path);
  for (const name of readdirSync(folder.path)) {
    renameSync(join(folder.path, name), join(folder.path, name.replace(/\d{13}/, '9999999999999')));
  }

  await expect(lockDataFolder(folder.path)).rejects.toThrow(DataLockedError);
});

const ROUNDS = 15;

test.each([
  ['fresh', []],
  ['whose holder was killed', [1]],
  ['whose holders were killed', [1, 2, 3]],
])('of eight processes that start at once, exactly one gets a folder %s', async (_what, dead) => {
  using root = createFolder();
  const folders = Array.from({ length: ROUNDS }, (_, round) => join(root.path, String(round)));
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  for (const _ of dead) {
    const holder = startLockProcess();
    for (const folder of folders) await holder.lock(folder);
    await holder.kill();
  }
  const starters = Array.from({ length: 8 }, startLockProcess);
  await Promise.all(starters.map((starter, index) => starter.lock(join(root.path, `warm-${index}`))));

  const winners: number[] = [];
  const errors = new Set<string>();
  for (const folder of folders) {
    const answers = await Promise.all(starters.map((starter) => starter.lock(folder)));
    winners.push(answers.filter(({ held }) => held).length);
    for (const { error } of answers) if (error) errors.add(error.replace(folder, 'folder'));
  }

  await Promise.all(starters.map((starter) => starter.kill()));
  expect(winners).toEqual(folders.map(() => 1));
  expect([...errors]).toEqual([`DataLockedError: ${message('folder')}`]);
});
