import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { pino, type Logger } from 'pino';

export type Log = Logger;

/** The log of this program: JSON lines on standard error. The output of builds and apps is data and never goes here. */
export function createLog(level: string): Log {
  return pino(
    { level, base: undefined, redact: ['*.authorization', '*.token', '*.password'] },
    pino.destination({ dest: 2, sync: true }),
  );
}

export interface RequestOrigin {
  readonly requestId: string;
  /** The address that it came from, as the socket says. */
  readonly address: string | null;
}

const requests = new AsyncLocalStorage<RequestOrigin>();

/** Everything that runs below `work` can ask for the request that it serves. */
export function withRequest<T>(origin: RequestOrigin, work: () => T): T {
  return requests.run(origin, work);
}

/** Null in what no request asked for. */
export function currentRequest(): RequestOrigin | null {
  return requests.getStore() ?? null;
}

export function currentRequestId(): string {
  return currentRequest()?.requestId ?? randomUUID();
}
