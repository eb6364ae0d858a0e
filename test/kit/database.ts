import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { inject } from 'vitest';
import { openDatabase, type Database } from '../../src/store/db.ts';
import { migrateDatabase } from '../../src/store/migrate.ts';

export const SERVER_URL = process.env['TEST_DATABASE_URL'] || null;

/** The image of a migrated embedded database. */
export function databaseImage(): Uint8Array {
  return readFileSync(inject('databaseImage'));
}

/** A database of its own on the server that the tests run on, dropped at the end. */
export async function createServerDatabase(): Promise<AsyncDisposable & { url: string }> {
  const name = `windlass_test_${randomUUID().replaceAll('-', '')}`;
  await onServer(`create database ${name}`);
  const url = new URL(SERVER_URL!);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      await onServer(`drop database if exists ${name} with (force)`);
    },
  };
}

async function onServer(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: SERVER_URL! });
  await client.connect();
  await client.query(sql);
  await client.end();
}

/** An empty, migrated database of the kind that the tests run on. */
export async function createDatabase(): Promise<Database & AsyncDisposable> {
  if (SERVER_URL === null) {
    const database = await openDatabase({ folder: null, image: databaseImage() });
    return { ...database, [Symbol.asyncDispose]: () => database.close() };
  }
  const server = await createServerDatabase();
  const database = await openDatabase({ url: server.url });
  await migrateDatabase(database.pool);
  return {
    ...database,
    async [Symbol.asyncDispose]() {
      await database.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** The URL of a server's database, for who opens connections of his own; null for an embedded one. */
export async function urlOf({ pool }: Database): Promise<string | null> {
  if (SERVER_URL === null) return null;
  const { rows } = await pool.query<{ name: string }>('select current_database() as name');
  const url = new URL(SERVER_URL);
  url.pathname = `/${rows[0]!.name}`;
  return url.href;
}
