import { setTimeout as delay } from 'node:timers/promises';
import { PhaseFailure } from '../domain/errors.ts';
import { Prisma } from '../generated/prisma/client.ts';

/** Errors of a database that is away, restarting, or too busy. */
const AWAY_KINDS = new Set(['DatabaseNotReachable', 'ConnectionClosed', 'SocketTimeout', 'TooManyConnections']);
const AWAY_CODES = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2037']);
/** Of the system, which says so also of a name that is not known for a moment, and of TLS that is cut off. */
const AWAY_ERRNOS =
  /^(?:ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EAI_AGAIN|ENOTFOUND|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN)$/;
/** SQLSTATEs of broken connections, a server that stops or starts, and too many clients. */
const AWAY_SQLSTATES = /^(?:08...|57P0[123]|53300)$/;
const AWAY_TEXTS =
  /Connection terminated|Connection ended|is not queryable|timeout exceeded when trying to connect|Query read timeout|terminating connection|database system is (?:starting up|shutting down|in recovery|not yet accepting)|remaining connection slots|too many clients/i;

const TRY_AGAIN_MS = 250;
/** After this, who waits gives up and says so. */
const OUTAGE_MS_MAX = 120_000;

/** Whether an error says that the database could not be asked, and not that it refused. */
export function isDatabaseAway(error: unknown): boolean {
  // What a phase could not reach was another server, however its cause reads.
  if (error instanceof PhaseFailure) return false;
  if (error instanceof Prisma.PrismaClientKnownRequestError) {
    if (AWAY_CODES.has(error.code)) return true;
    // Every raw query fails with the same code; why is said by the driver.
    const { cause } = (error.meta?.['driverAdapterError'] ?? {}) as { cause?: { kind?: string } };
    if (cause?.kind !== undefined && AWAY_KINDS.has(cause.kind)) return true;
  }
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  if (typeof code === 'string' && (AWAY_ERRNOS.test(code) || AWAY_SQLSTATES.test(code))) return true;
  // A name with several addresses, none of which answers, has one error for each.
  if (error instanceof AggregateError && error.errors.some(isDatabaseAway)) return true;
  return AWAY_TEXTS.test(error.message) || isDatabaseAway(error.cause);
}

/**
 * Writes, and again while the database is away. The reply of a commit may be lost, too: a repeated write must change
 * nothing then and answer null, and `confirm` tells what the first one did. Null: neither did anything.
 */
export async function outlastOutage<T>(
  write: () => Promise<T | null>,
  confirm: () => Promise<T | null> = async () => null,
): Promise<T | null> {
  const deadline = Date.now() + OUTAGE_MS_MAX;
  for (let isFirst = true; ; isFirst = false) {
    try {
      const written = await write();
      return written === null && !isFirst ? await confirm() : written;
    } catch (error) {
      if (!isDatabaseAway(error) || Date.now() > deadline) throw error;
      await delay(TRY_AGAIN_MS);
    }
  }
}

/** Resolves when the database answers again, or when nobody waits any more. */
export async function untilDatabaseAnswers(ask: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await ask();
      return;
    } catch (error) {
      if (!isDatabaseAway(error)) throw error;
      await delay(TRY_AGAIN_MS);
    }
  }
}
