import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';

const BEAT_MS = 250;
/** A process that stood still itself finds its first question too late: only the second one counts. */
const DEADLINES_MS = [900, 600];

/** Knows, less than two seconds after the fact, that a database server does not answer. */
export interface Pulse {
  isAway(): boolean;
  /** Calls back when the database goes away, until `off` is called. */
  onAway(listener: () => void): () => void;
  close(): Promise<void>;
}

/**
 * Asks on a connection of its own. A deadline for each statement would not do: one that is slow, or waits for its turn,
 * would be taken for a server that stands still.
 */
export function startPulse(url: string): Pulse {
  const pools = DEADLINES_MS.map(
    (ms) => new pg.Pool({ connectionString: url, max: 1, connectionTimeoutMillis: ms, query_timeout: ms }),
  );
  // A connection that breaks while it is idle; the next beat opens another.
  for (const pool of pools) pool.on('error', () => {});
  const listeners = new Set<() => void>();
  const closing = new AbortController();
  let isAway = false;

  async function beat(): Promise<boolean> {
    for (const pool of pools) {
      try {
        await pool.query('select 1');
        return true;
      } catch {
        // Asked again, or away.
      }
    }
    return false;
  }

  const beating = (async () => {
    while (!closing.signal.aborted) {
      const wasAway = isAway;
      isAway = !(await beat());
      if (isAway && !wasAway) for (const listener of listeners) listener();
      await delay(BEAT_MS, undefined, { signal: closing.signal }).catch(() => {}); // Closed while it waited.
    }
  })();

  return {
    isAway: () => isAway,
    onAway(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      closing.abort();
      await beating;
      await Promise.all(pools.map((pool) => pool.end()));
    },
  };
}
