import { mkdirSync } from 'node:fs';
import { dataFolders, type Config } from './config.ts';
import { createId } from './domain/ids.ts';
import type { Role } from './domain/process.ts';
import type { KeyRing } from './domain/sealing.ts';
import { createMemoryBus, type EventBus } from './events/bus.ts';
import { createRedisBus } from './events/redis.ts';
import { startHostAgent } from './host/agent.ts';
import { startMetricsServer } from './metrics-server.ts';
import { createFolderStore } from './packages/folder.ts';
import { createPublicHosts, type PublicHosts } from './packages/public-hosts.ts';
import { startRollbackWatch } from './pipeline/automatic-rollback.ts';
import type { Isolation } from './pipeline/isolation.ts';
import { openQueue } from './pipeline/queue.ts';
import { startReconciler } from './pipeline/reconciler.ts';
import { startRunner } from './pipeline/runner.ts';
import type { Checkpoint } from './pipeline/shipment.ts';
import { lockDataFolder } from './store/data-lock.ts';
import { countUnreadable } from './store/environment.ts';
import { openDatabase, type Database } from './store/db.ts';
import { bootstrapOrganization } from './store/directory.ts';
import { migrateDatabase } from './store/migrate.ts';
import { forgetProcesses, startHeartbeat, type ProcessFacts } from './store/processes.ts';
import { createRuntimeLogReader } from './store/runtime-logs.ts';
import { loadKeyRing } from './store/secret-keys.ts';
import { appFolders } from './targets/app-folders.ts';
import { createLocalTarget } from './targets/local.ts';
import { openSandbox, SandboxError } from './targets/sandbox.ts';
import type { Log } from './telemetry.ts';
import { VERSION } from './version.ts';

export interface App {
  /** Where the API answers; null in a process without one. */
  readonly url: string | null;
  readonly gatewayPort: number | null;
  /** Where the metrics are; null: nowhere. */
  readonly metricsUrl: string | null;
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

    const { prisma, statements, transact } = database;
    const packages = createFolderStore(folders.packages);
    const keyRing = await openKeyRing(config, database, log);
    const limits = { packageBytesMax: config.packageBytesMax, unpackedBytesMax: config.unpackedBytesMax };
    const { killGraceMs, commandPath, runtimeLogBytesMax, fetchTimeoutMs } = config;
    const hosts = createPublicHosts(config.fetchAllow);
    const runtimeLogs = createRuntimeLogReader((appId) => appFolders(folders.apps, appId).logs);
    const appsDatabaseUrl = config.appsDatabaseUrl?.reveal() ?? null;
    const self = { processId: createId('Process'), startedAt: new Date(), hasEmbeddedDatabase: database.embedded };
    const shared = {
      prisma,
      statements,
      transact,
      bus,
      queue,
      packages,
      keyRing,
      hosts,
      fetchTimeoutMs,
      log,
      limits,
      killGraceMs,
      commandPath,
      runtimeLogs,
      self,
    };
    // The data lock says that no other process lives.
    if (database.embedded) await forgetProcesses(prisma);
    let facts: ProcessFacts = { id: self.processId, startedAt: self.startedAt, roles, version: VERSION };

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
      facts = { ...facts, hostId: agent.hostId };
    }
    if (roles.includes('worker')) {
      // Whatever is in a worker's hands is in a dead one's.
      if (database.embedded) await queue.reclaimAll();
      const cdn = {
        purgeUrl: config.cdnPurgeUrl?.reveal() ?? null,
        purgeWebhook: config.cdnPurgeWebhook?.reveal() ?? null,
      };
      const { gatewayDomain, logBytesMax } = config;
      const isolation = await openIsolation(config, hosts, log);
      const target = createLocalTarget({ ...shared, appsFolder: folders.apps, appsDatabaseUrl, gatewayDomain, cdn });
      const deps = { ...shared, target, isolation, workspacesFolder: folders.workspaces, logBytesMax, checkpoint };
      const reconciler = await startReconciler({ ...deps, packagesFolder: folders.packages });
      stack.defer(() => reconciler.stop());
      const runner = await startRunner({ ...deps, workerId: self.processId }, config.workers);
      stack.defer(() => runner.stop());
      const rollbackWatch = await startRollbackWatch(shared);
      stack.defer(() => rollbackWatch.stop());
      facts = { ...facts, slots: config.workers, isSandboxed: isolation.sandbox !== null };
    }
    let url: string | null = null;
    if (roles.includes('api')) {
      // Loaded only here: a worker or host would hold some 50 MB of schema and servers that it never uses.
      const { startApi } = await import('./http/api.ts');
      const api = await startApi(config, { ...shared, appPort: gatewayPort ?? config.gatewayPort });
      stack.defer(() => api.stop());
      url = api.url;
    }
    const metrics = config.metrics && (await startMetricsServer({ database, bus }, config.metrics));
    if (metrics) stack.defer(() => metrics.stop());
    const heartbeat = await startHeartbeat({ prisma, log }, facts, () => bus.isConnected());
    stack.defer(() => heartbeat.stop());
    return { url, gatewayPort, metricsUrl: metrics?.url ?? null, madeToken, database, stop: () => stack.dispose() };
  } catch (error) {
    await stack.dispose();
    throw error;
  }
}

function openConfiguredDatabase(config: Config, folder: string, image: Uint8Array | undefined): Promise<Database> {
  if (config.databaseUrl) return openDatabase({ url: config.databaseUrl.reveal() });
  return openDatabase(image ? { folder: null, image } : { folder });
}

/** What is sealed with a key that is not here is lost until the key is back: better known at once than in a deployment. */
async function openKeyRing(config: Config, { prisma }: Database, log: Log): Promise<KeyRing> {
  const file = config.secretKeyFile ?? dataFolders(config.dataDir).secretKey;
  const keyRing = await loadKeyRing({ keys: config.secretKey?.reveal() ?? null, file });
  const count = await countUnreadable(prisma, keyRing);
  if (count > 0) {
    log.error(
      { count },
      'Secrets of apps were sealed with a key that is not here: put it back into WINDLASS_SECRET_KEY',
    );
  }
  return keyRing;
}

/** Builds are code of strangers: without a sandbox a worker says so at its start, or does not start. */
async function openIsolation(config: Config, hosts: PublicHosts, log: Log): Promise<Isolation> {
  const { commandPath, sandboxFolders: folders, buildMirrors: mirrors } = config;
  const limits = {
    memoryBytes: config.buildMemoryBytesMax,
    processes: config.buildProcessesMax,
    diskBytes: config.buildDiskBytesMax,
  };
  const rest = { hosts, mirrors };
  try {
    if (config.sandbox === 'off') throw new SandboxError('WINDLASS_SANDBOX is off.');
    const sandbox = await openSandbox({ commandPath, folders, limits });
    for (const gap of sandbox.gaps) log.warn(gap);
    return { sandbox, ...rest };
  } catch (error) {
    if (!(error instanceof SandboxError) || config.requireSandbox) throw error;
    log.warn(`BUILDS ARE NOT ISOLATED: they can read and do what this process can. ${error.message}`);
    return { sandbox: null, ...rest };
  }
}

function openBus(config: Config, log: Log): Promise<EventBus> | EventBus {
  return config.redisUrl ? createRedisBus(config.redisUrl.reveal(), config.redisPrefix, log) : createMemoryBus();
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
