import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { PrismaClient } from '../generated/prisma/client.ts';
import { lockDataFolder } from './data-lock.ts';
import { openEmbeddedDatabase, type EmbeddedDatabase } from './pglite.ts';
import { PGliteStream } from './pglite-stream.mjs';
import {
  createStatementNames,
  createStatements,
  createTransact,
  type Statements,
  type Transact,
} from './statements.ts';

/** Runs statements in a transaction that is open already. */
export type Transaction = Omit<PrismaClient, '$connect' | '$disconnect' | '$on' | '$transaction' | '$extends'>;

export interface Database {
  readonly prisma: PrismaClient;
  /** On the same connections, for what is done so often that Prisma's share of it counts. */
  readonly statements: Statements;
  readonly transact: Transact;
  readonly pool: pg.Pool;
  readonly embedded: boolean;
  close(): Promise<void>;
}

export type DatabaseLocation =
  | { readonly url: string; readonly connectionsMax?: number }
  /** `folder` null: in memory, gone with the process. `image`: the dump of a migrated data folder to start from. */
  | { readonly folder: string | null; readonly image?: Uint8Array };

/** Adapters rewrite offsets without converting, so every session runs in UTC. */
const SESSION_OPTIONS = [
  '-c TimeZone=UTC',
  // A process that stands still in the middle of a transaction must not hold its locks for ever.
  '-c idle_in_transaction_session_timeout=10s',
].join(' ');
/** After this, a connection that was cut is given up. No statement of ours takes as long. */
const QUERY_DEADLINE_MS = 60_000;

export async function openDatabase(location: DatabaseLocation): Promise<Database> {
  return 'url' in location ? openServerDatabase(location) : openFolderDatabase(location);
}

function openServerDatabase({ url, connectionsMax = 10 }: { url: string; connectionsMax?: number }): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: connectionsMax,
    options: SESSION_OPTIONS,
    connectionTimeoutMillis: 5_000,
    query_timeout: QUERY_DEADLINE_MS,
    keepAlive: true,
    pipeline: true,
  });
  // A connection that breaks while it is idle; the next query opens another.
  pool.on('error', () => {});
  const nameOf = createStatementNames();
  const prisma = createPrisma(new PrismaPg(pool, { statementNameGenerator: nameOf }));
  return {
    prisma,
    statements: createStatements(pool, nameOf),
    transact: createTransact(pool, nameOf),
    pool,
    embedded: false,
    async close() {
      await prisma.$disconnect();
      await pool.end();
    },
  };
}

/** One connection for all: the embedded database has a single session. */
async function openFolderDatabase({ folder, image }: { folder: string | null; image?: Uint8Array }): Promise<Database> {
  const lock = folder === null ? null : await lockDataFolder(folder, databaseInUse(folder));
  const opened = folder === null ? openEmbeddedDatabase('memory://', image) : openDataFolder(folder);
  const embedded = await opened.catch((error: unknown) => {
    lock?.release();
    throw error;
  });
  const pool = new pg.Pool({
    stream: () => new PGliteStream(embedded),
    user: 'postgres',
    database: 'postgres',
    max: 1,
    idleTimeoutMillis: 0,
    pipeline: true,
  });
  // Its statements have no names: connections come and go, and the one session would know the names of those before.
  const prisma = createPrisma(new PrismaPg(pool));
  return {
    prisma,
    statements: createStatements(pool),
    transact: createTransact(pool),
    pool,
    embedded: true,
    async close() {
      await prisma.$disconnect();
      await pool.end();
      await embedded.close();
      lock?.release();
    },
  };
}

function databaseInUse(folder: string): string {
  return `Another Windlass process uses the database in ${folder}. Stop it first, or set WINDLASS_DATA_DIR to another folder, or DATABASE_URL to a PostgreSQL server that several processes can share.`;
}

/** A process that dies while it makes the very first database leaves it marked, and the next one throws it away. */
async function openDataFolder(folder: string): Promise<EmbeddedDatabase> {
  const data = join(folder, 'data');
  const mark = join(folder, 'incomplete');
  if (existsSync(mark)) rmSync(data, { recursive: true, force: true });
  if (!existsSync(data)) writeFileSync(mark, '');
  const embedded = await openEmbeddedDatabase(data);
  rmSync(mark, { force: true });
  return embedded;
}

function createPrisma(adapter: PrismaPg): PrismaClient {
  return new PrismaClient({
    adapter,
    // Prisma's default of 2 s refuses a transaction that waits for the embedded database's one connection.
    transactionOptions: { maxWait: 15_000, timeout: 15_000 },
  });
}
