import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { collectDefaultMetrics } from 'prom-client';
import type { EventBus } from './events/bus.ts';
import { listen, localUrl } from './listen.ts';
import { metrics, registry } from './metrics.ts';
import type { Database } from './store/db.ts';
import { readQueueState } from './store/installation.ts';
import { VERSION } from './version.ts';

/** Whoever scrapes waits no longer for the database than so. */
const DATABASE_DEADLINE_MS = 2_000;

export interface MetricsServer {
  readonly url: string;
  stop(): Promise<void>;
}

interface Observed {
  readonly database: Database;
  readonly bus: EventBus;
}

let hasDefaults = false;

/** `/metrics` on a listener of its own, never on that of the API: it asks for no token. */
export async function startMetricsServer(
  observed: Observed,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<MetricsServer> {
  if (!hasDefaults) collectDefaultMetrics({ register: registry });
  hasDefaults = true;
  metrics.info.set({ version: VERSION }, 1);
  const server = createServer((request, response) => {
    if (request.url !== '/metrics' || request.method !== 'GET') {
      response.writeHead(404).end();
      return;
    }
    observe(observed)
      .then(() => registry.metrics())
      .then(
        (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
        () => response.writeHead(500).end(), // It says nothing of why: nobody signs in here.
      );
  });
  await listen(server, { port, host, setting: 'WINDLASS_METRICS' });
  return {
    url: `${localUrl(host, (server.address() as AddressInfo).port)}/metrics`,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** What is read when it is asked for, and not counted. */
async function observe({ database: { prisma, pool }, bus }: Observed): Promise<void> {
  metrics.busConnected.set(bus.isConnected() ? 1 : 0);
  metrics.databaseConnections.set({ state: 'used' }, pool.totalCount - pool.idleCount);
  metrics.databaseConnections.set({ state: 'idle' }, pool.idleCount);
  metrics.databaseConnections.set({ state: 'waiting' }, pool.waitingCount);
  const queue = await Promise.race([
    readQueueState(prisma).catch(() => null), // Then it is away, which is told.
    delay(DATABASE_DEADLINE_MS, null, { ref: false }),
  ]);
  metrics.databaseUp.set(queue === null ? 0 : 1);
  if (queue === null) return;
  const { waiting, inProgress, oldestWaitingSince } = queue;
  metrics.queueDeployments.set({ status: 'pending' }, waiting);
  metrics.queueDeployments.set({ status: 'in_progress' }, inProgress);
  const waitedMs = oldestWaitingSince === null ? 0 : Date.now() - oldestWaitingSince.getTime();
  metrics.queueWaitSeconds.set(Math.max(0, waitedMs) / 1_000);
}
