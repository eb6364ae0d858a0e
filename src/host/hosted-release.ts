import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { KeyRing } from '../domain/sealing.ts';
import { announceState, type EventBus } from '../events/bus.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import type { PackageStore } from '../packages/store.ts';
import {
  noteUnhealthy,
  observeRelease,
  recordReleaseEvent,
  releaseSpec,
  type HostedRelease as ReleaseRow,
  type ReleaseProblem,
} from '../store/releases.ts';
import { loadAppEnvironment } from '../targets/app-environment.ts';
import { appFolders } from '../targets/app-folders.ts';
import { openEnvironment } from '../targets/release-environment.ts';
import { terminateGroup } from '../targets/process-group.ts';
import type { Log } from '../telemetry.ts';
import type { AppLogs } from './app-logs.ts';
import type { Backend } from './gateway.ts';
import { findOutput, openOutput, type OutputCollector } from './output.ts';
import { findStaticRoot } from './static-files.ts';
import {
  adoptApp,
  exitProblem,
  startAppProcess,
  unpackRelease,
  untilHealthy,
  watchHealth,
  type AppProcess,
} from './supervisor.ts';

export interface HostedReleaseDeps {
  readonly prisma: PrismaClient;
  readonly bus: EventBus;
  readonly packages: PackageStore;
  readonly keyRing: KeyRing;
  readonly log: Log;
  readonly logs: AppLogs;
  readonly appsFolder: string;
  readonly killGraceMs: number;
  readonly commandPath: string;
  /** After what answers for the release has changed. */
  onBackendChange(): void;
}

/** One release as this process runs it. */
export interface HostedRelease {
  readonly productionAppId: string;
  /** Who answers for it now. */
  backend(): Backend;
  /** Ends its processes. Resolves when nothing more runs, is started or is unpacked for it. */
  stop(): Promise<void>;
}

const RESTART_DELAY_MS = 1_000;
const RESTART_DELAY_MS_MAX = 30_000;
/** After running this long, an app that ends is started again as soon as the first time. */
const STABLE_AFTER_MS = 60_000;
const STORE_AGAIN_MS = 1_000;
const SWITCH_DEADLINE_MS = 60_000;

/**
 * Runs a release until it is stopped: adopts its process, or starts one, and starts it again when it ends while it is
 * live. A release that ends before it is live is given up, and `onGivenUp` called: its deployment fails.
 */
export function hostRelease(deps: HostedReleaseDeps, release: ReleaseRow, onGivenUp: () => void): HostedRelease {
  const { prisma, bus, log, logs } = deps;
  const spec = releaseSpec.parse(release.spec);
  const folders = appFolders(deps.appsFolder, release.productionAppId);
  const folder = join(folders.releases, release.id);
  const stopping = new AbortController();
  let app: AppProcess | null = null;
  let backend: Backend = { kind: 'none', pause: 'starting' };
  let hasEnded = false;

  async function supervise(): Promise<void> {
    for (let ends = 1; !stopping.signal.aborted; ends += 1) {
      const startedAt = Date.now();
      const problem = await runOnce();
      if (stopping.signal.aborted) return;
      if (Date.now() - startedAt > STABLE_AFTER_MS) ends = 1;
      await observe({ observed: 'unhealthy', problem, pid: null, pidStartedAt: null });
      if (!(await isLive())) {
        await logs.tell(release, problem.message);
        onGivenUp();
        return;
      }
      hasEnded = true;
      await turnUnhealthy();
      const delayMs = Math.min(RESTART_DELAY_MS * 2 ** (ends - 1), RESTART_DELAY_MS_MAX);
      await tellEnd(problem, ends, delayMs);
      await delay(delayMs, undefined, { signal: stopping.signal }).catch(() => {}); // Stopped while it waited.
    }
  }

  /** An app that runs on, but answers no more, turned unhealthy as much as one that ended. */
  async function watch(process: AppProcess, signal: AbortSignal): Promise<void> {
    if (spec.watchMs === 0) return;
    // From the switch on it is watched for watchMs, which the database knows: the switch comes soon.
    const until = Date.now() + spec.watchMs + SWITCH_DEADLINE_MS;
    for (;;) {
      const seen = await watchHealth(process, spec, until, signal);
      if (seen === null) return;
      const message = `It fails its health check: GET ${spec.healthPath}: ${seen}.`;
      if (!(await turnUnhealthy())) continue;
      await logs.tell(release, message);
      await record(message);
      return;
    }
  }

  /** While a new release is watched, it may be taken back for this. */
  async function turnUnhealthy(): Promise<boolean> {
    const isNoted = await persist(() => noteUnhealthy(prisma, release.id));
    if (isNoted) bus.publish('releases', { kind: 'unhealthy' });
    return isNoted ?? false;
  }

  /** An app that ends again and again fills its log, but not its deployment's history: that hears of 1, 2, 4, 8 … ends. */
  async function tellEnd(problem: ReleaseProblem, ends: number, delayMs: number): Promise<void> {
    const times = ends === 1 ? '' : ` This was end number ${ends} in a row.`;
    const message = `${problem.message}${times} It is started again in ${delayMs / 1_000} s.`;
    log.warn({ releaseId: release.id, problem, ends, delayMs }, 'A live release ended and is started again');
    await logs.tell(release, message);
    if (Number.isInteger(Math.log2(ends))) await record(message);
  }

  /** Runs the release until it ends, or fails to become healthy, and says why. */
  async function runOnce(): Promise<ReleaseProblem> {
    const { service } = spec;
    return service.kind === 'static' ? serveFolder(service) : runProcess(service.start);
  }

  /** A static release is healthy as soon as its files are there, and stays so until it is stopped. */
  async function serveFolder(service: { folder: string; fallback: string | null }): Promise<ReleaseProblem> {
    try {
      await unpackRelease(deps.packages, spec, folder);
    } catch (error) {
      log.error({ err: error, releaseId: release.id }, 'A release could not be unpacked');
      return notStartable(`The release could not be unpacked: ${(error as Error).message}`);
    }
    const root = await findStaticRoot(folder, service.folder);
    if (root === null)
      return notStartable(`There is no folder ${JSON.stringify(service.folder)} in the built package.`);
    if (stopping.signal.aborted) return notStartable('It was stopped before it started.');
    await becomeHealthy({ kind: 'static', root, fallback: service.fallback }, 'Its files are served.');
    await untilAborted(stopping.signal);
    setBackend({ kind: 'none', pause: 'restarting' });
    return notStartable('It was stopped.');
  }

  async function runProcess(start: string): Promise<ReleaseProblem> {
    let output: OutputCollector | null = null;
    try {
      output = await obtainProcess(start);
      if (!app) return notStartable('It was stopped before it started.');
      const { port, pid, identity, exited } = app;
      await observe({ observed: 'starting', problem: null, port, pid, pidStartedAt: identity });
      const problem = await untilHealthy(app, start, spec, stopping.signal);
      if (problem) return problem;
      await becomeHealthy({ kind: 'process', port }, `It runs as process ${pid} on port ${port} and is healthy.`);
      const over = new AbortController();
      const watching = watch(app, AbortSignal.any([stopping.signal, over.signal]));
      const end = await exited;
      over.abort();
      await watching;
      setBackend({ kind: 'none', pause: 'restarting' });
      return exitProblem(start, end, 'after it was healthy');
    } catch (error) {
      log.error({ err: error, releaseId: release.id }, 'A release could not be started');
      return notStartable(`The release could not be started: ${(error as Error).message}`);
    } finally {
      await app?.stop(deps.killGraceMs);
      app = null;
      await output?.finish();
    }
  }

  /** Adopts the release's process or starts one, and collects what it prints. */
  async function obtainProcess(start: string): Promise<OutputCollector | null> {
    const outputs = await findOutput(folders.output, release.id);
    app = adopt();
    if (app) {
      const running = outputs.at(-1) ?? null;
      await logs.collectLeftovers(release, running);
      return running === null ? null : logs.collect(release, running);
    }
    // An agent that died between the start of a process and the note of it left one that nobody knows.
    await terminateGroup({ leader: null, marker: release.id }, deps.killGraceMs);
    await logs.collectLeftovers(release, null);
    await unpackRelease(deps.packages, spec, folder);
    if (stopping.signal.aborted) return null;
    const variables = Object.fromEntries(
      openEnvironment(deps.keyRing, release).map(({ name, value }) => [name, value]),
    );
    await logs.tell(release, `$ ${start}`);
    const output = openOutput(folders.output, release.id);
    app = await startAppProcess(start, spec, {
      folder,
      home: folders.data,
      output,
      commandPath: deps.commandPath,
      marker: release.id,
      environment: { ...variables, ...(await loadAppEnvironment(folders.root)) },
    });
    return logs.collect(release, output.name);
  }

  function adopt(): AppProcess | null {
    if (release.pid === null || release.pidStartedAt === null || release.port === null) return null;
    return adoptApp(release.pid, release.pidStartedAt, release.port, release.id);
  }

  async function becomeHealthy(healthy: Backend, message: string): Promise<void> {
    backend = healthy;
    await observe({ observed: 'healthy', problem: null });
    deps.onBackendChange();
    await logs.tell(release, message);
    if (hasEnded) await record(message);
  }

  function setBackend(next: Backend): void {
    backend = next;
    deps.onBackendChange();
  }

  async function observe(seen: Parameters<typeof observeRelease>[2]): Promise<void> {
    await persist(() => observeRelease(prisma, release.id, seen));
    bus.publish(`release:${release.id}`, { kind: 'observed' });
  }

  async function record(message: string): Promise<void> {
    const change = await persist(() => recordReleaseEvent(prisma, release.id, message));
    if (change) announceState(bus, change);
  }

  async function isLive(): Promise<boolean> {
    const count = await persist(() => prisma.productionApp.count({ where: { liveReleaseId: release.id } }));
    return count !== 0;
  }

  /** A database that is away must not end an app that serves: what cannot be written down now is, later. */
  async function persist<T>(write: () => Promise<T>): Promise<T | null> {
    while (!stopping.signal.aborted) {
      try {
        return await write();
      } catch (error) {
        log.error({ err: error, releaseId: release.id }, 'What a host sees of a release could not be stored yet');
        await delay(STORE_AGAIN_MS, undefined, { signal: stopping.signal }).catch(() => {}); // Stopped while it waited.
      }
    }
    return null;
  }

  const supervised = supervise().catch((error: unknown) => {
    log.error({ err: error, releaseId: release.id }, 'A release could not be supervised');
    onGivenUp();
  });

  return {
    productionAppId: release.productionAppId,
    backend: () => backend,
    async stop() {
      stopping.abort();
      await app?.stop(deps.killGraceMs);
      await supervised;
    },
  };
}

/** Also when it was aborted before: an event that is over comes to nobody. */
async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

function notStartable(message: string): ReleaseProblem {
  return { kind: 'not_startable', message, exitCode: null, signal: null };
}
