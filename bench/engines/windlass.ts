import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PhaseName } from '../../src/domain/deployment.ts';
import type { Phase } from '../../src/pipeline/phase.ts';
import type { Statements } from '../../src/store/statements.ts';
import type { Target } from '../../src/targets/target.ts';
import { createApp, ownerOf, type Ids } from '../fixtures.ts';
import type { Engine, EngineOptions } from './engine.ts';

const { PHASES } = await built<typeof import('../../src/domain/deployment.ts')>('domain/deployment');
const { createId } = await built<typeof import('../../src/domain/ids.ts')>('domain/ids');
const { readManifest } = await built<typeof import('../../src/domain/manifest.ts')>('domain/manifest');
const { createKeyRing, KEY_BYTES } = await built<typeof import('../../src/domain/sealing.ts')>('domain/sealing');
const { createRedisBus } = await built<typeof import('../../src/events/redis.ts')>('events/redis');
const { triggerDeployment } =
  await built<typeof import('../../src/operations/deployments.ts')>('operations/deployments');
const { createFolderStore } = await built<typeof import('../../src/packages/folder.ts')>('packages/folder');
const { createPublicHosts } = await built<typeof import('../../src/packages/public-hosts.ts')>('packages/public-hosts');
const { openQueue } = await built<typeof import('../../src/pipeline/queue.ts')>('pipeline/queue');
const { startRunner } = await built<typeof import('../../src/pipeline/runner.ts')>('pipeline/runner');
const { openDatabase } = await built<typeof import('../../src/store/db.ts')>('store/db');
const { createLog } = await built<typeof import('../../src/telemetry.ts')>('telemetry');

/**
 * The built code, as a worker process runs it and as the others come. What runs TypeScript as it is gives each function its
 * name whenever one is made, which took a tenth of the time.
 */
function built<Module>(path: string): Promise<Module> {
  return import(new URL(`../../dist/${path}.js`, import.meta.url).href) as Promise<Module>;
}

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
  const { prisma, statements, transact } = database;
  const bus = await createRedisBus(redisUrl, redisPrefix, log);
  const queue = await openQueue(database, databaseUrl, log);
  const deps = {
    prisma,
    statements,
    transact,
    bus,
    queue,
    workerId: createId('Process'),
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
    phases: phasesThatDoNothing(statements, onStart),
  };
  const apps: string[] = [];
  for (let index = 0; index < APPS; index += 1) apps.push(await createApp(database, ids, `bench-${index}`));
  const runner = await startRunner(deps, workers);
  let triggered = 0;
  return {
    async trigger() {
      const productionAppId = apps[(triggered += 1) % APPS]!;
      const { id } = await triggerDeployment(deps, ownerOf(ids), { productionAppId, versionId: ids.versionId });
      return id;
    },
    async countOpen() {
      const [row] = await statements.$queryRaw<[{ open: number }]>`
        select count(*)::int as open from deployments
        where production_app_id = any(${apps}) and status in ('pending', 'in_progress')`;
      return row.open;
    },
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

/** One does something: a deployment is completed only when its release is the live one. */
function phasesThatDoNothing(statements: Statements, onStart: (id: string) => void): Record<PhaseName, Phase> {
  const files = { packageJson: null, hasLockfile: false, hasNodeModules: false };
  // With a build and a migration, so that these phases are not skipped.
  const manifest = readManifest({ windlassJson: '{ "build": "true", "migrate": "true", "start": "true" }', ...files });
  const work: Partial<Record<PhaseName, Phase['run']>> = {
    async orchestrate({ claim }) {
      onStart(claim.deploymentId);
      return {};
    },
    download: async () => ({ outputs: { manifest } }),
    async service_deploy({ app, claim }) {
      await statements.$queryRaw`
        with release as (
          insert into releases (id, production_app_id, deployment_id, spec)
          values (${createId('Release')}, ${app.id}, ${claim.deploymentId}, '{}')
          returning id
        )
        update production_apps set live_release_id = release.id from release where production_apps.id = ${app.id}`;
      return {};
    },
  };
  const phases = PHASES.map((name) => [name, { name, run: work[name] ?? (async () => ({})) }]);
  return Object.fromEntries(phases) as Record<PhaseName, Phase>;
}
