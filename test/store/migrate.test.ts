import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDatabase, type Database } from '../../src/store/db.ts';
import { loadMigrations, migrateDatabase, MigrationError, type Migration } from '../../src/store/migrate.ts';
import { createDatabase, createServerDatabase, SERVER_URL } from '../kit/database.ts';
import { createFolder } from '../kit/folder.ts';
import { createRows } from './rows.ts';

/** A database without anything in it. */
async function createEmptyDatabase(): Promise<Database & AsyncDisposable> {
  const server = SERVER_URL === null ? null : await createServerDatabase();
  const database = await openDatabase(server ? { url: server.url } : { folder: null });
  return {
    ...database,
    async [Symbol.asyncDispose]() {
      await database.close();
      await server?.[Symbol.asyncDispose]();
    },
  };
}

async function historyOf({ pool }: Database): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    'select migration_name as name from _prisma_migrations where finished_at is not null order by migration_name',
  );
  return rows.map(({ name }) => name);
}

async function tablesOf({ pool }: Database): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    "select table_name as name from information_schema.tables where table_schema = 'public' order by 1",
  );
  return rows.map(({ name }) => name);
}

/** A migration behind those of this package. */
function laterMigration(name: string, sql: string): Migration {
  return { name: `99991231000000_${name}`, sql, checksum: `checksum of ${name}` };
}

const NAMES = loadMigrations().map(({ name }) => name);

test('an empty database gets every migration in order, and again none', async () => {
  await using database = await createEmptyDatabase();

  const first = await migrateDatabase(database.pool);
  const second = await migrateDatabase(database.pool);

  expect(first).toEqual(NAMES);
  expect(second).toEqual([]);
  expect(await historyOf(database)).toEqual(NAMES);
  const rows = await createRows(database.prisma);
  expect(await database.prisma.productionApp.count({ where: { id: rows.productionAppId } })).toBe(1);
});

test('a migration that is new to a database is the only one that runs', async () => {
  await using database = await createDatabase();
  const later = laterMigration('later', 'create table later (id int); insert into later values (1)');

  const applied = await migrateDatabase(database.pool, [...loadMigrations(), later]);

  expect(applied).toEqual([later.name]);
  expect((await database.pool.query('select id from later')).rows).toEqual([{ id: 1 }]);
});

test('a database that is newer than the code is refused, naming the migration', async () => {
  await using database = await createDatabase();
  const later = laterMigration('later', 'create table later (id int)');
  await migrateDatabase(database.pool, [...loadMigrations(), later]);

  const migrated = migrateDatabase(database.pool);

  await expect(migrated).rejects.toThrow(
    new MigrationError(
      `The database is newer than this Windlass: it has the migration ${later.name}. Start the version that made it, or a later one.`,
    ),
  );
});

test('a migration that was edited after it ran is refused, and nothing runs', async () => {
  await using database = await createDatabase();
  const [first, ...others] = loadMigrations();
  const edited = { ...first!, sql: `${first!.sql}\n-- edited`, checksum: 'another' };
  const later = laterMigration('later', 'create table later (id int)');

  const migrated = migrateDatabase(database.pool, [edited, ...others, later]);

  await expect(migrated).rejects.toThrow(
    new MigrationError(`The migration ${first!.name} was changed after it was applied here.`),
  );
  expect(await tablesOf(database)).not.toContain('later');
  expect(await historyOf(database)).toEqual(NAMES);
});

test('a migration that fails leaves nothing, keeps those before it, and says why', async () => {
  await using database = await createDatabase();
  const good = laterMigration('a_good', 'create table good (id int)');
  const bad = laterMigration('b_bad', 'create table bad (id int); insert into bad values (1); select 1 / 0');
  const never = laterMigration('c_never', 'create table never (id int)');

  const migrated = migrateDatabase(database.pool, [...loadMigrations(), good, bad, never]);

  const error: unknown = await migrated.catch((reason: unknown) => reason);
  expect(error).toEqual(new MigrationError(`The migration ${bad.name} failed, and nothing of it was kept.`));
  expect((error as Error).cause).toMatchObject({ message: 'division by zero' });
  const tables = await tablesOf(database);
  expect(['good', 'bad', 'never'].filter((name) => tables.includes(name))).toEqual(['good']);
  expect(await historyOf(database)).toEqual([...NAMES, good.name]);
});

test('a migration that ran but cannot be recorded leaves nothing', async () => {
  await using database = await createDatabase();
  const long = laterMigration('x'.repeat(300), 'create table long (id int)');

  const migrated = migrateDatabase(database.pool, [...loadMigrations(), long]);

  await expect(migrated).rejects.toThrow(MigrationError);
  expect(await tablesOf(database)).not.toContain('long');
  expect(await historyOf(database)).toEqual(NAMES);
});

test('a migration that failed runs again once it is mended', async () => {
  await using database = await createDatabase();
  const bad = laterMigration('mended', 'create table mended (id int); select nonsense');
  const mended = { ...bad, sql: 'create table mended (id int)', checksum: 'mended' };
  await expect(migrateDatabase(database.pool, [...loadMigrations(), bad])).rejects.toThrow(MigrationError);

  const applied = await migrateDatabase(database.pool, [...loadMigrations(), mended]);

  expect(applied).toEqual([mended.name]);
  expect(await tablesOf(database)).toContain('mended');
});

test('a migration that another tool left unfinished is refused until somebody resolved it', async () => {
  await using database = await createDatabase();
  const later = laterMigration('unfinished', 'create table unfinished (id int)');
  await database.pool.query('insert into _prisma_migrations (id, checksum, migration_name) values ($1, $2, $3)', [
    'unfinished',
    later.checksum,
    later.name,
  ]);

  const migrated = migrateDatabase(database.pool, [...loadMigrations(), later]);

  await expect(migrated).rejects.toThrow(
    new MigrationError(
      `The migration ${later.name} failed before and must be resolved by hand (prisma migrate resolve).`,
    ),
  );
  await database.pool.query("update _prisma_migrations set rolled_back_at = now() where id = 'unfinished'");
  expect(await migrateDatabase(database.pool, [...loadMigrations(), later])).toEqual([later.name]);
});

test('a refusal gives its connection and its lock back', async () => {
  await using database = await createDatabase();
  const bad = laterMigration('bad', 'select nonsense');

  for (let attempt = 0; attempt < 12; attempt += 1) {
    await expect(migrateDatabase(database.pool, [...loadMigrations(), bad])).rejects.toThrow(MigrationError);
  }

  expect(await migrateDatabase(database.pool)).toEqual([]);
});

test('two that migrate at once in one process both succeed, and each migration runs once', async () => {
  await using database = await createDatabase();
  const later = laterMigration('once', 'create table once (id int)');
  const migrations = [...loadMigrations(), later];

  const applied = await Promise.all([1, 2, 3].map(() => migrateDatabase(database.pool, migrations)));

  expect(applied.flat()).toEqual([later.name]);
});

test.skipIf(SERVER_URL === null)('processes that migrate an empty server at once wait for each other', async () => {
  await using server = await createServerDatabase();
  const databases = await Promise.all([1, 2, 3, 4].map(() => openDatabase({ url: server.url })));

  const applied = await Promise.all(databases.map(({ pool }) => migrateDatabase(pool)));

  expect(applied.flat()).toEqual(NAMES);
  expect(await historyOf(databases[0]!)).toEqual(NAMES);
  await Promise.all(databases.map((database) => database.close()));
});

test('the migrations of a folder are read in the order of their names, and no other file is', () => {
  using folder = createFolder();
  for (const name of ['2_second', '1_first']) {
    mkdirSync(join(folder.path, name));
    writeFileSync(join(folder.path, name, 'migration.sql'), `select '${name}'`);
  }
  writeFileSync(join(folder.path, 'migration_lock.toml'), '');

  const migrations = loadMigrations(folder.path);

  expect(migrations.map(({ name, sql }) => [name, sql])).toEqual([
    ['1_first', "select '1_first'"],
    ['2_second', "select '2_second'"],
  ]);
});
