import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';

/** The advisory lock that Prisma's own migrations take. */
const PRISMA_MIGRATE_LOCK = 72707369;

/** The longest that a timer takes. */
const TIMER_MS_MAX = 2_147_483_647;

const HISTORY_TABLE = `create table if not exists _prisma_migrations (
  id varchar(36) primary key, checksum varchar(64) not null, finished_at timestamptz, migration_name varchar(255) not null,
  logs text, rolled_back_at timestamptz, started_at timestamptz not null default now(),
  applied_steps_count integer not null default 0)`;

export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

export interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

/**
 * Brings the database up to date, one transaction per migration, and keeps Prisma's own history table. Processes that
 * start at the same time wait for each other. Refuses a database that is newer than this code, or whose history differs.
 */
export async function migrateDatabase(
  pool: pg.Pool,
  migrations: readonly Migration[] = loadMigrations(),
): Promise<string[]> {
  const client = await pool.connect().catch(refuseUnreachable);
  const isToldByItsStatement = () => {};
  client.on('error', isToldByItsStatement);
  try {
    await client.query(unhurried('select pg_advisory_lock($1)', [PRISMA_MIGRATE_LOCK]));
    await client.query(HISTORY_TABLE);
    const pending = pendingMigrations(await loadHistory(client), migrations);
    for (const migration of pending) await applyMigration(client, migration);
    return pending.map(({ name }) => name);
  } finally {
    // When the connection is gone, so is the lock.
    await client.query('select pg_advisory_unlock($1)', [PRISMA_MIGRATE_LOCK]).catch(() => {});
    client.off('error', isToldByItsStatement);
    client.release();
  }
}

/** However long it takes: an index over millions of rows, or another process that is at it. */
function unhurried(text: string, values?: unknown[]): pg.QueryConfig & { query_timeout: number } {
  return { text, ...(values ? { values } : {}), query_timeout: TIMER_MS_MAX };
}

/** A name with several addresses fails with an error that has a code, but no message. */
function refuseUnreachable(cause: NodeJS.ErrnoException): never {
  const reason = cause.message || cause.code;
  throw new MigrationError(`The database cannot be reached: ${reason}. See that it runs and what DATABASE_URL says.`, {
    cause,
  });
}

/** The migrations of this package, in order. */
export function loadMigrations(folder = findMigrationsFolder()): Migration[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => {
      const sql = readFileSync(join(folder, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Sources and compiled files lie at different depths below the package. */
function findMigrationsFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'prisma', 'migrations'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new MigrationError('The folder prisma/migrations of this package is missing.');
    folder = parent;
  }
  return join(folder, 'prisma', 'migrations');
}

interface Applied {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished_at: Date | null;
}

async function loadHistory(client: pg.PoolClient): Promise<Applied[]> {
  const { rows } = await client.query<Applied>(
    'select migration_name, checksum, finished_at from _prisma_migrations where rolled_back_at is null',
  );
  return rows;
}

function pendingMigrations(history: readonly Applied[], migrations: readonly Migration[]): Migration[] {
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const applied of history) {
    const migration = known.get(applied.migration_name);
    if (!migration) {
      throw new MigrationError(
        `The database is newer than this Windlass: it has the migration ${applied.migration_name}. Start the version that made it, or a later one.`,
      );
    }
    if (migration.checksum !== applied.checksum) {
      throw new MigrationError(`The migration ${applied.migration_name} was changed after it was applied here.`);
    }
    if (applied.finished_at === null) {
      throw new MigrationError(
        `The migration ${applied.migration_name} failed before and must be resolved by hand (prisma migrate resolve).`,
      );
    }
  }
  const applied = new Set(history.map((row) => row.migration_name));
  return migrations.filter(({ name }) => !applied.has(name));
}

/** The script and its history row commit together: a process that dies here leaves neither. */
async function applyMigration(client: pg.PoolClient, { name, sql, checksum }: Migration): Promise<void> {
  await client.query('begin');
  try {
    await client.query(unhurried(sql));
    await client.query(
      `insert into _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
       values ($1, $2, $3, clock_timestamp(), 1)`,
      [randomUUID(), checksum, name],
    );
    await client.query('commit');
  } catch (cause) {
    await client.query('rollback').catch(() => {}); // With its connection gone, it is taken back.
    throw new MigrationError(`The migration ${name} failed, and nothing of it was kept.`, { cause });
  }
}
