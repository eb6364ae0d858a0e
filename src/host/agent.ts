import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createId } from '../domain/ids.ts';
import type { KeyRing } from '../domain/sealing.ts';
import { HINT_POLL_MS, type EventBus } from '../events/bus.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import type { PackageStore } from '../packages/store.ts';
import {
  claimReleases,
  observeRelease,
  observeRoutes,
  registerHost,
  releaseSpec,
  type HostedRelease as ReleaseRow,
} from '../store/releases.ts';
import { appFolders } from '../targets/app-folders.ts';
import { processIdentity, terminateGroup } from '../targets/process-group.ts';
import { removeFolder } from '../targets/removal.ts';
import { localUrl } from '../listen.ts';
import type { Log } from '../telemetry.ts';
import { createAppLogs } from './app-logs.ts';
import { openGateway, type Route } from './gateway.ts';
import { hostRelease, type HostedRelease } from './hosted-release.ts';
import { createAppRemover } from './removal.ts';

export interface HostAgentDeps {
  readonly prisma: PrismaClient;
  readonly bus: EventBus;
  readonly packages: PackageStore;
  readonly keyRing: KeyRing;
  readonly log: Log;
  readonly appsFolder: string;
  /** Where apps have databases that go with them; null: nowhere. */
  readonly appsDatabaseUrl: string | null;
  readonly killGraceMs: number;
  readonly commandPath: string;
  /** How much of what each app prints is kept. */
  readonly runtimeLogBytesMax: number;
  readonly gateway: { readonly host: string; readonly port: number; readonly domain: string };
}

export interface HostAgent {
  readonly hostId: string;
  readonly gatewayPort: number;
  /** Stops the gateway and all apps. They start again with the next agent of this data folder. */
  stop(): Promise<void>;
}

/**
 * Brings what runs on this machine together with the wanted releases of the database, again and again: starts, adopts
 * after a restart, starts crashed ones again, routes, drains, stops, and removes what deleted apps leave. It holds
 * nothing that the rows do not say.
 */
export async function startHostAgent(deps: HostAgentDeps): Promise<HostAgent> {
  const { prisma, bus, log } = deps;
  const hosted = new Map<string, HostedRelease>();
  const stopping = new Set<string>();
  const logs = createAppLogs(deps);
  const hostId = loadHostId(deps.appsFolder);
  const purgeSecret = randomBytes(24).toString('base64url');
  const remover = createAppRemover(deps);
  const gateway = await openGateway({ ...deps.gateway, purgeSecret, log });
  await registerHost(prisma, { id: hostId, gatewayUrl: localUrl(deps.gateway.host, gateway.port), purgeSecret });

  let isStopped = false;
  let wake = () => {};
  const look = () => wake();
  const unsubscribe = await bus.subscribe('releases', look);

  async function reconcile(): Promise<void> {
    const releases = await claimReleases(prisma, hostId);
    for (const release of releases) {
      const known = hosted.get(release.id);
      if (release.wanted === 'running' && !known && shouldRun(release)) host(release);
    }
    await route(releases);
    for (const release of releases) {
      if (release.wanted === 'stopped') void stopRelease(release);
    }
    await remover.look();
  }

  /** A release that failed before it ever served is not tried again: its deployment has failed. */
  function shouldRun(release: ReleaseRow): boolean {
    return release.observed !== 'unhealthy' || release.productionApp.liveReleaseId === release.id;
  }

  function host(release: ReleaseRow): void {
    const givenUp = () => hosted.delete(release.id);
    hosted.set(release.id, hostRelease({ ...deps, logs, onBackendChange: look }, release, givenUp));
  }

  async function route(releases: readonly ReleaseRow[]): Promise<void> {
    const live = releases.filter((release) => release.productionApp.liveReleaseId === release.id);
    const routes = live.map((release): [string, Route] => {
      const backend = hosted.get(release.id)?.backend() ?? { kind: 'none', pause: 'starting' };
      return [release.productionApp.subdomain, { releaseId: release.id, backend }];
    });
    gateway.setRoutes(new Map(routes));
    const routed = routes.filter(([, { backend }]) => backend.kind !== 'none').map(([, { releaseId }]) => releaseId);
    const changed = releases.filter((release) => (release.routedAt !== null) !== routed.includes(release.id));
    if (changed.length === 0) return;
    await observeRoutes(prisma, hostId, routed);
    for (const release of changed) bus.publish(`release:${release.id}`, { kind: 'observed' });
  }

  /** Lets open requests finish within the release's limit, then ends its processes and removes its folder. */
  async function stopRelease(release: ReleaseRow): Promise<void> {
    if (stopping.has(release.id)) return;
    stopping.add(release.id);
    try {
      const { drainMs } = releaseSpec.parse(release.spec);
      const deadline = Date.now() + drainMs;
      while (gateway.openRequests(release.id) > 0 && Date.now() < deadline && !isStopped) await delay(50);
      const entry = hosted.get(release.id);
      if (entry) await entry.stop();
      else await endUnhosted(release);
      await logs.tell(release, 'It was stopped.');
      await removeFolder(join(appFolders(deps.appsFolder, release.productionAppId).releases, release.id));
      await observeRelease(prisma, release.id, { observed: 'stopped', pid: null, pidStartedAt: null });
      bus.publish(`release:${release.id}`, { kind: 'observed' });
      hosted.delete(release.id);
      if (!isAppHosted(release.productionAppId)) await logs.close(release.productionAppId);
    } catch (error) {
      // The next round tries again.
      if (!isStopped) log.error({ err: error, releaseId: release.id }, 'A release could not be stopped');
    } finally {
      stopping.delete(release.id);
    }
  }

  /** What an agent before this one ran, and was told to stop while no agent was there. */
  async function endUnhosted(release: ReleaseRow): Promise<void> {
    const trace = { leader: release.pid !== null && isSameProcess(release) ? release.pid : null, marker: release.id };
    await terminateGroup(trace, deps.killGraceMs);
    await logs.collectLeftovers(release, null);
  }

  function isAppHosted(productionAppId: string): boolean {
    return [...hosted.values()].some((entry) => entry.productionAppId === productionAppId);
  }

  const running = (async () => {
    while (!isStopped) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await reconcile().catch((error: unknown) => {
        if (!isStopped) log.error({ err: error }, 'The host agent could not bring its releases up to date');
      });
      let timer: NodeJS.Timeout | undefined;
      if (!isStopped)
        await Promise.race([woken, new Promise((resolve) => (timer = setTimeout(resolve, HINT_POLL_MS)))]);
      clearTimeout(timer);
    }
  })();

  return {
    hostId,
    gatewayPort: gateway.port,
    async stop() {
      isStopped = true;
      unsubscribe();
      wake();
      await running;
      await remover.settled();
      await gateway.close();
      await Promise.all([...hosted.values()].map((entry) => entry.stop()));
      await logs.closeAll();
    },
  };
}

/** Process numbers are used again. */
function isSameProcess({ pid, pidStartedAt }: ReleaseRow): boolean {
  return pid !== null && pidStartedAt !== null && processIdentity(pid) === pidStartedAt;
}

/** A machine's id lives with its apps: whoever has the folder has their processes. */
function loadHostId(appsFolder: string): string {
  const file = join(appsFolder, 'host-id');
  mkdirSync(appsFolder, { recursive: true });
  if (!existsSync(file)) writeFileSync(file, createId('Host'), { flag: 'wx' });
  return readFileSync(file, 'utf8').trim();
}
