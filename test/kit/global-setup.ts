import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { loadMigrations, migrateDatabase } from '../../src/store/migrate.ts';
import { PGliteStream } from '../../src/store/pglite-stream.mjs';
import { openQueue } from '../../src/pipeline/queue.ts';
import { createStatements, createTransact } from '../../src/store/statements.ts';
import { createLog } from '../../src/telemetry.ts';
import type { PrismaClient } from '../../src/generated/prisma/client.ts';

declare module 'vitest' {
  interface ProvidedContext {
    databaseImage: string;
  }
}

const CACHE = 'node_modules/.cache/windlass';

/**
 * One migrated database image for all tests, kept between runs: a test file that starts from a copy of it needs 0.4 s
 * instead of 2.5 s.
 */
export default async function setup({ provide }: TestProject): Promise<void> {
  const hash = createHash('sha256').update(readFileSync('node_modules/@electric-sql/pglite/package.json'));
  hash.update(readFileSync('node_modules/pg-boss/package.json'));
  for (const { checksum } of loadMigrations()) hash.update(checksum);
  const file = `${CACHE}/${hash.digest('hex').slice(0, 16)}.tar`;
  if (!existsSync(file)) await makeImage(file);
  provide('databaseImage', file);
}

async function makeImage(file: string): Promise<void> {
  const database = await PGlite.create();
  const pool = new pg.Pool({
    stream: () => new PGliteStream(database),
    user: 'postgres',
    database: 'postgres',
    max: 1,
    pipeline: true,
  });
  await migrateDatabase(pool);
  // The queue's own tables take longer than ours.
  const queue = await openQueue(
    {
      pool,
      statements: createStatements(pool),
      transact: createTransact(pool),
      embedded: true,
      prisma: null as unknown as PrismaClient,
      close: async () => {},
    },
    null,
    createLog('silent'),
  );
  await queue.close();
  await pool.end();
  mkdirSync(CACHE, { recursive: true });
  writeFileSync(`${file}.new`, Buffer.from(await (await database.dumpDataDir('none')).arrayBuffer()));
  renameSync(`${file}.new`, file);
  await database.close();
}
