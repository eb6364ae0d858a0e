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

const requests = new AsyncLocalStorage<{ readonly requestId: string }>();

/** Everything that runs below `work` can ask for the id of the request that it serves. */
export function withRequestId<T>(requestId: string, work: () => T): T {
  return requests.run({ requestId }, work);
}

export function currentRequestId(): string {
  return requests.getStore()?.requestId ?? randomUUID();
}
