import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** The role that owns an app's database, and what connects with it. */
export interface AppDatabase {
  readonly name: string;
  readonly password: string;
}

const CONNECT_DEADLINE_MS = 5_000;

export function createAppDatabase(appId: string): AppDatabase {
  return { name: appId, password: randomBytes(24).toString('base64url') };
}

/** What the app connects with. */
export function appDatabaseUrl(serverUrl: string, { name, password }: AppDatabase): string {
  const url = new URL(serverUrl);
  url.username = name;
  url.password = encodeURIComponent(password); // The setter would leave a percent sign as it is.
  url.pathname = `/${name}`;
  return url.href;
}

/**
 * Makes a role and a database of its own for an app on a PostgreSQL server that many apps share: nobody else may connect
 * to it, and its role may do nothing elsewhere. Repeated, it brings an unfinished one to its end. Answers whether it made
 * the database.
 */
export async function provisionAppDatabase(serverUrl: string, { name, password }: AppDatabase): Promise<boolean> {
  return withServer(serverUrl, async (client) => {
    const role = pg.escapeIdentifier(name);
    const { rowCount: roles } = await client.query('select from pg_roles where rolname = $1', [name]);
    if (!roles) await client.query(`create role ${role} login`);
    await client.query(
      `alter role ${role} with login nosuperuser nocreatedb nocreaterole password ${pg.escapeLiteral(password)}`,
    );
    const { rowCount: databases } = await client.query('select from pg_database where datname = $1', [name]);
    if (!databases) {
      // Only a member of a role may give it a database; a superuser is one of all.
      await client.query(`grant ${role} to current_user`).catch(() => {});
      await client.query(`create database ${role} owner ${role}`);
    }
    await client.query(`revoke connect on database ${role} from public`);
    return !databases;
  });
}

/** Removes what `provisionAppDatabase` made, with everything in it. No error when it is gone. */
export async function dropAppDatabase(serverUrl: string, name: string): Promise<void> {
  await withServer(serverUrl, async (client) => {
    await client.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
    await client.query(`drop role if exists ${pg.escapeIdentifier(name)}`);
  });
}

async function withServer<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_DEADLINE_MS });
  // A connection that breaks while it is idle between two statements; the next one says so.
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {}); // It broke before.
  }
}
