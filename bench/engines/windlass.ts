import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PHASES, type PhaseName } from '../../src/domain/deployment.ts';
import { createKeyRing, KEY_BYTES } from '../../src/domain/sealing.ts';
import { readManifest } from '../../src/domain/manifest.ts';
import { createRedisBus } from '../../src/events/redis.ts';
import type { PrismaClient } from '../../src/generated/prisma/client.ts';
import { triggerDeployment } from '../../src/operations/deployments.ts';
import { createFolderStore } from '../../src/packages/folder.ts';
import { createPublicHosts } from '../../src/packages/public-hosts.ts';
import type { Phase } from '../../src/pipeline/phase.ts';
import { openQueue } from '../../src/pipeline/queue.ts';
import { startRunner } from '../../src/pipeline/runner.ts';
import { openDatabase } from '../../src/store/db.ts';
import { switchToRelease, wantRelease } from '../../src/store/releases.ts';
import type { Target } from '../../src/targets/target.ts';
import { createLog } from '../../src/telemetry.ts';
import { createApp, ownerOf, type Ids } from '../fixtures.ts';
import type { Engine, EngineOptions } from './engine.ts';

/** Deployments of one app run one after another, so there must be more apps than workers. */
const APPS = 20;

export interface WindlassOptions {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly redisPrefix: string;
  readonly ids: Ids;
}

/** The pipeline as a worker process has it, with tickets, claims, transitions, events and hints. Its phases do nothing. */
export async function openWindlass(
  { databaseUrl, redisUrl, redisPrefix, ids }: WindlassOptions,
  { workers, onStart }: EngineOptions,
): Promise<Engine> {
  const log = createLog('silent');
  const folder = mkdtempSync(join(tmpdir(), 'windlass-bench-'));
  const database = await openDatabase({ url: databaseUrl });
  const { prisma } = database;
  const bus = await createRedisBus(redisUrl, redisPrefix, log);
  const queue = await openQueue(database, databaseUrl, log);
  const deps = {
    prisma,
    bus,
    queue,
    log,
    packages: createFolderStore(folder),
    keyRing: createKeyRing([randomBytes(KEY_BYTES)]),
    target: NO_TARGET,
    isolation: { sandbox: null, hosts: createPublicHosts([]), mirrors: {} },
    workspacesFolder: folder,
    limits: { packageBytesMax: 0, unpackedBytesMax: 0 },
    logBytesMax: 0,
    killGraceMs: 0,
    commandPath: '',
    phases: phasesThatDoNothing(prisma, onStart),
  };
  const apps: string[] = [];
  for (let index = 0; index < APPS; index += 1) apps.push(await createApp(database, ids, `bench-${index}`));
  const runner = await startRunner(deps, workers);
  let triggered = 0;
  return {
    name: 'Windlass',
    async trigger() {
      const productionAppId = apps[(triggered += 1) % APPS]!;
      const { id } = await triggerDeployment(deps, ownerOf(ids), { productionAppId, versionId: ids.versionId });
      return id;
    },
    countOpen: () => prisma.deployment.count({ where: { finishedAt: null } }),
    async close() {
      await runner.stop();
      await queue.close();
      await bus.close();
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const NO_TARGET: Target = {
  provision: async () => {},
  environment: async () => ({}),
  secrets: async () => [],
  startRelease: () => Promise.reject(new Error('Nothing runs here.')),
  switchTraffic: () => Promise.reject(new Error('Nothing runs here.')),
  withdraw: async () => {},
  purge: async () => 0,
};

/** One has to: a deployment is completed only when its release is the live one. */
function phasesThatDoNothing(prisma: PrismaClient, onStart: (id: string) => void): Record<PhaseName, Phase> {
  const files = { packageJson: null, hasLockfile: false, hasNodeModules: false };
  // With a build and a migration, so that these phases are not skipped.
  const manifest = readManifest({ windlassJson: '{ "build": "true", "migrate": "true", "start": "true" }', ...files });
  const spec = {
    artifactKey: 'none',
    artifactSha256: 'none',
    service: manifest.service,
    healthPath: manifest.health.path,
    healthTimeoutMs: manifest.health.timeoutMs,
    watchMs: 0,
    drainMs: manifest.drainMs,
    env: {},
  };
  const work: Partial<Record<PhaseName, Phase['run']>> = {
    async orchestrate({ claim }) {
      onStart(claim.deploymentId);
      return {};
    },
    download: async () => ({ outputs: { manifest } }),
    async service_deploy({ app, claim }) {
      const releaseId = await wantRelease(prisma, claim, app.id, { spec, sealedEnvironment: new Uint8Array() });
      await switchToRelease(prisma, claim, releaseId!);
      return { outputs: { releaseId: releaseId! } };
    },
  };
  const phases = PHASES.map((name) => [name, { name, run: work[name] ?? (async () => ({})) }]);
  return Object.fromEntries(phases) as Record<PhaseName, Phase>;
}
