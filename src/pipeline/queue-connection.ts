import { setTimeout as delay } from 'node:timers/promises';
import type { Db } from 'pg-boss';
import pg from 'pg';
import type { Database } from '../store/db.ts';
import { createStatementNames, onConnection, type StatementNames } from '../store/statements.ts';
import type { Log } from '../telemetry.ts';

/** Its heartbeats must not wait for connections that others hold. */
const CONNECTIONS_MAX = 4;
const CONNECT_MS_MAX = 5_000;
/** After this, a connection was cut without a word. What a ticket is in hand for is asked again within a second. */
const STATEMENT_MS_MAX = 20_000;
const KEEP_ALIVE_AFTER_MS = 10_000;
const CONNECT = {
  connectionTimeoutMillis: CONNECT_MS_MAX,
  keepAlive: true,
  keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
};
/** While nobody listens, tickets are found by looking for them. */
const LISTEN_AGAIN_MS = 1_000;

/** What pg-boss runs its statements on. */
export interface QueueConnection {
  readonly db: Db;
  readonly backend: 'pglite' | undefined;
  close(): Promise<void>;
}

/**
 * Opens it: connections of its own, or the embedded database's single one, which others use in between. Told of a ticket,
 * it calls `onTicket` and not pg-boss, which would have every idle handler look for that one ticket: eight looks for each
 * deployment, of 0.8 ms of the server's time.
 *
 * pg-boss's own connections name no statements: the server planned each look anew, which was most of its time.
 */
export function openQueueConnection(
  database: Database,
  databaseUrl: string | null,
  log: Log,
  onTicket: () => void,
): QueueConnection {
  if (databaseUrl === null) {
    const { pool } = database;
    const listen: Db['listen'] = (channel, _wakeAll, onListening) =>
      listenOnShared(pool, channel, onTicket, onListening);
    return { db: { executeSql: executeOn(pool, () => ''), listen }, backend: 'pglite', close: async () => {} };
  }
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: CONNECTIONS_MAX,
    query_timeout: STATEMENT_MS_MAX,
    ...CONNECT,
  });
  // A connection that breaks while it is idle; the next statement opens another.
  pool.on('error', () => {});
  const listen: Db['listen'] = (channel, _wakeAll, onListening) =>
    listenAlone(databaseUrl, channel, log, onTicket, onListening);
  return {
    db: { executeSql: executeOn(pool, createStatementNames()), listen },
    backend: undefined,
    close: () => pool.end(),
  };
}

function executeOn(pool: pg.Pool, nameOf: StatementNames): Db['executeSql'] {
  return (text, values = []) =>
    onConnection(pool, async (client) => {
      // Several statements can have no name.
      const query = text.includes(';') ? { text, values } : { name: nameOf({ sql: text }), text, values };
      const result = await client.query(query);
      const results = Array.isArray(result) ? result : [result];
      return { rows: results.flatMap(({ rows }) => rows ?? []) };
    });
}

type Listening = Awaited<ReturnType<NonNullable<Db['listen']>>>;

async function listenOnShared(
  pool: pg.Pool,
  channel: string,
  onTicket: () => void,
  onListening: () => void,
): Promise<Listening> {
  const client = await pool.connect();
  const listener = (message: pg.Notification) => {
    if (message.channel === channel) onTicket();
  };
  client.on('notification', listener);
  await client.query(listenTo(channel));
  client.release();
  onListening();
  return { close: async () => void client.off('notification', listener) };
}

/** On a connection of its own, made anew whenever it breaks. */
async function listenAlone(
  connectionString: string,
  channel: string,
  log: Log,
  onTicket: () => void,
  onListening: () => void,
): Promise<Listening> {
  const closing = new AbortController();
  let client: pg.Client | null = null;

  async function connect(): Promise<void> {
    const next = new pg.Client({ connectionString, ...CONNECT });
    client = next;
    let isListening = false;
    next.on('error', () => {}); // It ends.
    next.on('end', () => {
      if (isListening) void connectAgain();
    });
    next.on('notification', onTicket);
    try {
      await next.connect();
      await next.query(listenTo(channel));
    } catch (error) {
      await next.end().catch(() => {}); // It was not open.
      throw error;
    }
    isListening = true;
    if (closing.signal.aborted) return;
    onListening();
  }

  async function connectAgain(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        await connect();
        return;
      } catch (error) {
        log.debug({ err: error }, 'Nobody listens for tickets; they are looked for');
        await delay(LISTEN_AGAIN_MS, undefined, { signal: closing.signal }).catch(() => {}); // Closed while it waited.
      }
    }
  }

  await connect();
  return {
    async close() {
      closing.abort();
      await client?.end().catch(() => {}); // It was broken.
    },
  };
}

function listenTo(channel: string): string {
  return `listen "${channel.replaceAll('"', '""')}"`;
}
