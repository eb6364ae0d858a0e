import { mkdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { dataFolders, type Config } from './config.ts';
import { createMemoryBus, type EventBus } from './events/bus.ts';
import { createChangeFeed } from './events/changes.ts';
import { createFollowers } from './events/follower.ts';
import { createRedisBus } from './events/redis.ts';
import type { Services } from './graphql/context.ts';
import { startHostAgent } from './host/agent.ts';
import { listen, localUrl } from './host/gateway.ts';
import { createGraphQLServer } from './http/graphql.ts';
import { createApiServer } from './http/server.ts';
import { dropStalledConnections } from './http/stalled.ts';
import { acceptWebSockets } from './http/websocket.ts';
import { createFolderStore } from './packages/folder.ts';
import { startRollbackWatch } from './pipeline/automatic-rollback.ts';
import { openQueue } from './pipeline/queue.ts';
import { startReconciler } from './pipeline/reconciler.ts';
import { startRunner } from './pipeline/runner.ts';
import type { Checkpoint } from './pipeline/shipment.ts';
import { lockDataFolder } from './store/data-lock.ts';
import { openDatabase, type Database } from './store/db.ts';
import { bootstrapOrganization } from './store/directory.ts';
import { migrateDatabase } from './store/migrate.ts';
import { startPulse } from './store/pulse.ts';
import { createRuntimeLogReader } from './store/runtime-logs.ts';
import { appFolders } from './targets/app-folders.ts';
import { createLocalTarget } from './targets/local.ts';
import type { Log } from './telemetry.ts';

/** What a process does. `serve` does all three. */
export const ROLES = ['api', 'worker', 'host'] as const;
export type Role = (typeof ROLES)[number];

export interface App {
  /** Where the API answers; null in a process without one. */
  readonly url: string | null;
  readonly gatewayPort: number | null;
  /** The owner token that this start made; null when there was an organization before. */
  readonly madeToken: string | null;
  readonly database: Database;
  /** Stops taking work, hands over what is running, and resolves when nothing of this process is left. */
  stop(): Promise<void>;
}

export interface AppOptions {
  readonly roles: readonly Role[];
  readonly log: Log;
  /** Tests start from the image of a migrated database in memory. */
  readonly databaseImage?: Uint8Array;
  /** Tests end a worker at a chosen moment. */
  readonly checkpoint?: Checkpoint;
}

/** Puts a process together. What was opened is closed again when something later fails to open. */
export async function startApp(config: Config, { roles, log, databaseImage, checkpoint }: AppOptions): Promise<App> {
  const stack = new AsyncDisposableStackLike();
  try {
    const folders = dataFolders(config.dataDir);
    mkdirSync(config.dataDir, { recursive: true });
    const database = await openConfiguredDatabase(config, folders.database, databaseImage);
    stack.defer(() => database.close());
    await migrateDatabase(database.pool);
    const madeToken = await bootstrapOrganization(database.prisma, config.bootstrapToken?.reveal() ?? null);
    const bus = await openBus(config, log);
    stack.defer(() => bus.close());
    const queue = await openQueue(database, config.databaseUrl?.reveal() ?? null, log);
    stack.defer(() => queue.close());

    const { prisma } = database;
    const packages = createFolderStore(folders.packages);
    const limits = { packageBytesMax: config.packageBytesMax, unpackedBytesMax: config.unpackedBytesMax };
    const { killGraceMs, commandPath, runtimeLogBytesMax } = config;
    const runtimeLogs = createRuntimeLogReader((appId) => appFolders(folders.apps, appId).logs);
    const appsDatabaseUrl = config.appsDatabaseUrl?.reveal() ?? null;
    const shared = { prisma, bus, queue, packages, log, limits, killGraceMs, commandPath, runtimeLogs };

    let gatewayPort: number | null = null;
    if (roles.includes('host')) {
      const lock = await lockDataFolder(
        folders.apps,
        `Another Windlass process runs the apps in ${folders.apps}. Stop it first, or set WINDLASS_DATA_DIR to another folder.`,
      );
      stack.defer(async () => lock.release());
      const gateway = { host: config.host, port: config.gatewayPort, domain: config.gatewayDomain };
      const agent = await startHostAgent({
        ...shared,
        appsFolder: folders.apps,
        appsDatabaseUrl,
        runtimeLogBytesMax,
        gateway,
      });
      stack.defer(() => agent.stop());
      gatewayPort = agent.gatewayPort;
    }
    if (roles.includes('worker')) {
      // The data lock says that no other process lives: whatever is in a worker's hands is in a dead one's.
      if (database.embedded) await queue.reclaimAll();
      const cdn = {
        purgeUrl: config.cdnPurgeUrl?.reveal() ?? null,
        purgeWebhook: config.cdnPurgeWebhook?.reveal() ?? null,
      };
      const { gatewayDomain, logBytesMax } = config;
      const target = createLocalTarget({ ...shared, appsFolder: folders.apps, appsDatabaseUrl, gatewayDomain, cdn });
      const deps = { ...shared, target, workspacesFolder: folders.workspaces, logBytesMax, checkpoint };
      const reconciler = await startReconciler({ ...deps, packagesFolder: folders.packages });
      stack.defer(() => reconciler.stop());
      const runner = await startRunner(deps, config.workers);
      stack.defer(() => runner.stop());
      const rollbackWatch = await startRollbackWatch(shared);
      stack.defer(() => rollbackWatch.stop());
    }
    const url = roles.includes('api') ? await startApi(config, shared, gatewayPort, stack) : null;
    return { url, gatewayPort, madeToken, database, stop: () => stack.dispose() };
  } catch (error) {
    await stack.dispose();
    throw error;
  }
}

function openConfiguredDatabase(config: Config, folder: string, image: Uint8Array | undefined): Promise<Database> {
  if (config.databaseUrl) return openDatabase({ url: config.databaseUrl.reveal() });
  return openDatabase(image ? { folder: null, image } : { folder });
}

function openBus(config: Config, log: Log): Promise<EventBus> | EventBus {
  return config.redisUrl ? createRedisBus(config.redisUrl.reveal(), config.redisPrefix, log) : createMemoryBus();
}

async function startApi(
  config: Config,
  shared: Omit<Services, 'publicUrl' | 'appUrl' | 'followers' | 'changes'>,
  gatewayPort: number | null,
  stack: AsyncDisposableStackLike,
): Promise<string> {
  const domain = config.gatewayDomain;
  const appPort = gatewayPort ?? config.gatewayPort;
  let publicUrl = '';
  const services: Services = {
    ...shared,
    followers: createFollowers(shared),
    changes: createChangeFeed(shared),
    // Known once the port is.
    get publicUrl() {
      return publicUrl;
    },
    appUrl: (subdomain) => `http://${subdomain}.${domain}:${appPort}/`,
  };
  const graphql = createGraphQLServer(services);
  const databaseUrl = config.databaseUrl?.reveal() ?? null;
  // The embedded database cannot go away without this process.
  const pulse = databaseUrl === null ? null : startPulse(databaseUrl);
  if (pulse) stack.defer(() => pulse.close());
  const check = async () => void (await services.prisma.$queryRaw`select 1`);
  const server = createApiServer(services, graphql, { check, pulse });
  const { streamStallMs } = config;
  const sockets = acceptWebSockets(server, graphql, { ...services, streamStallMs });
  const stalled = dropStalledConnections(server, streamStallMs);
  // Before it listens: a port that is taken must leave no timer that keeps the process alive.
  stack.defer(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    stalled.stop();
    await sockets.close();
    server.closeAllConnections();
    await closed;
    await graphql.dispose();
  });
  await listen(server, config.port, config.host);
  const url = localUrl(config.host, (server.address() as AddressInfo).port);
  publicUrl = config.publicUrl ?? url;
  return url;
}

/** Node 20 has no AsyncDisposableStack. Undoes in reverse order, each step whatever the others do. */
class AsyncDisposableStackLike {
  #steps: (() => Promise<unknown>)[] = [];

  defer(step: () => Promise<unknown>): void {
    this.#steps.push(step);
  }

  async dispose(): Promise<void> {
    const steps = this.#steps.toReversed();
    this.#steps = [];
    const problems: unknown[] = [];
    for (const step of steps) await step().catch((error: unknown) => problems.push(error));
    if (problems.length > 0) throw new AggregateError(problems, 'Not everything could be stopped cleanly.');
  }
}
