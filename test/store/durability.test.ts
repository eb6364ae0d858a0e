import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDatabase } from '../../src/store/db.ts';
import { migrateDatabase } from '../../src/store/migrate.ts';
import { createFolder } from '../kit/folder.ts';
import { until } from '../kit/until.ts';

/** A process that writes to the database of a folder until it is killed. */
function startWriting(folder: string) {
  const child = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'writing-process.ts'), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  /** Whole lines only: a kill may cut the last one. */
  const acknowledged = () => text.split('\n').slice(0, -1);
  return {
    acknowledged,
    async kill(): Promise<string[]> {
      child.kill('SIGKILL');
      await closed;
      return acknowledged();
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await closed;
    },
  };
}

test('every row that was acknowledged is there after the process was killed, and no half transaction', async () => {
  using folder = createFolder();
  const acknowledged: string[] = [];

  for (let round = 0; round < 3; round += 1) {
    await using writer = startWriting(folder.path);
    const enough = 1 + Math.floor(Math.random() * 200);
    await until(`${enough} rows are acknowledged`, () => writer.acknowledged().length >= enough);
    acknowledged.push(...(await writer.kill()));

    const { prisma, close } = await openDatabase({ folder: folder.path });
    const users = await prisma.user.findMany({ select: { id: true }, orderBy: { id: 'asc' } });
    const organizations = await prisma.organization.findMany({ select: { id: true }, orderBy: { id: 'asc' } });
    await close();
    const stored = new Set(users.map(({ id }) => id));
    expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
    expect(organizations).toEqual(users);
    // Besides them, each of the two writers may have had one that it was not told of any more.
    expect(stored.size - acknowledged.length).toBeLessThanOrEqual((round + 1) * 4);
  }
}, 120_000);

test.each([
  ['before it made anything', () => true],
  ['while it made its files', (folder: string) => existsSync(join(folder, 'data'))],
  ['when it had made some of them', (folder: string) => existsSync(join(folder, 'data', 'PG_VERSION'))],
])(
  'a process that is killed during its first start, %s, leaves a folder that the next one starts in',
  async (_when, isThere) => {
    using folder = createFolder();
    await using first = startWriting(folder.path);
    await until('the first start has come that far', () => isThere(folder.path));
    await first.kill();

    const { prisma, pool, close } = await openDatabase({ folder: folder.path });

    await migrateDatabase(pool);
    expect(await prisma.user.count()).toBe(first.acknowledged().length);
    await close();
  },
  60_000,
);

// The moment at which a kill leaves files that do not open is too short to be hit: they are made by hand.
test('a first database that was never finished is made anew', async () => {
  using folder = createFolder();
  await (await openDatabase({ folder: folder.path })).close();
  rmSync(join(folder.path, 'data', 'global', 'pg_control'));
  writeFileSync(join(folder.path, 'incomplete'), '');

  const { pool, close } = await openDatabase({ folder: folder.path });

  expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  await close();
  expect(existsSync(join(folder.path, 'incomplete'))).toBe(false);
});

test('what one start wrote is there at the next one, after an orderly end', async () => {
  using folder = createFolder();
  const first = await openDatabase({ folder: folder.path });
  await migrateDatabase(first.pool);
  await first.prisma.user.create({ data: { id: 'usr_1', name: 'Ada' } });
  await first.close();

  const second = await openDatabase({ folder: folder.path });

  expect(await migrateDatabase(second.pool)).toEqual([]);
  expect(await second.prisma.user.findMany({ select: { name: true } })).toEqual([{ name: 'Ada' }]);
  await second.close();
});

test('a database that does not open is an error that names its folder, and holds no lock on it', async () => {
  using folder = createFolder();
  mkdirSync(join(folder.path, 'data', 'base'), { recursive: true });
  writeFileSync(join(folder.path, 'data', 'PG_VERSION'), 'broken');

  const attempts = [await failureOf(folder.path), await failureOf(folder.path)];

  const message = `The embedded database in ${join(folder.path, 'data')} did not open.`;
  expect(attempts).toEqual([message, message]);
  expect(readdirSync(folder.path)).toEqual(['data']);
});

async function failureOf(folder: string): Promise<string> {
  const opened = await openDatabase({ folder }).catch((error: unknown) => error);
  expect(opened).toBeInstanceOf(Error);
  return (opened as Error).message;
}
