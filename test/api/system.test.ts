import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VERSION } from '../../src/version.ts';
import { createServerDatabase, SERVER_URL } from '../kit/database.ts';
import { createFolder } from '../kit/folder.ts';
import { createGate } from '../kit/gate.ts';
import { graphql } from '../kit/graphql.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { startWindlass } from '../kit/process.ts';
import {
  appFiles,
  createApp,
  createOwner,
  deployFiles,
  pushVersion,
  trigger,
  untilPhase,
  untilStatus,
} from '../kit/seed.ts';
import { until } from '../kit/until.ts';

const SYSTEM = `{
  system {
    version startedAt processId areBuildsSandboxed
    processes {
      id roles version startedAt lastSeenAt isAlive isEventBusConnected slots isSandboxed deploymentCount
      deployments { id productionApp { subdomain } } hostId releaseCount
    }
    queue { waiting inProgress oldestWaitingSince }
    database { kind version latencyMs }
    eventBus { kind isConnected }
  }
}`;
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);

let plane: Plane;
beforeAll(async () => {
  plane = await startPlane({ workers: 1 });
});
afterAll(() => plane[Symbol.asyncDispose]());

const systemOf = async (token: string) => (await graphql(plane, token, SYSTEM)).data.system;

test('a member sees how the installation is, what the worker is at, and what waits', async () => {
  const owner = await createOwner(plane);
  using gate = createGate();
  const [first, second] = [await createApp(owner), await createApp(owner)];
  await deployFiles(plane, owner, first, appFiles('live'));
  const versionId = await pushVersion(owner, second.entityId, appFiles('one', { build: gate.command }));
  const running = await trigger(owner, second.productionAppId, versionId);
  await untilPhase(plane, running, 'build');
  const waiting = await trigger(owner, first.productionAppId);

  const system = await systemOf(owner.token);
  const stranger = await systemOf((await createOwner(plane)).token);
  const { prisma } = plane.app.database;
  const ofApp = { productionAppId: first.productionAppId };
  const other = await createOwner(plane);
  await prisma.apiToken.updateMany({ where: { userId: owner.userId }, data: { appIds: [ofApp.productionAppId] } });
  const ofOtherApp = await systemOf(owner.token);
  gate.open();
  await untilStatus(plane, waiting, 'completed');
  const idle = await systemOf(other.token);

  const { createdAt } = await prisma.deployment.findUniqueOrThrow({ where: { id: waiting } });
  const [host] = await prisma.host.findMany();
  const isRedis = plane.config.redisUrl !== null;
  expect(system).toEqual({
    version: VERSION,
    startedAt: TIME,
    processId: expect.stringMatching(/^prc_/),
    areBuildsSandboxed: false,
    processes: [
      {
        id: system.processId,
        roles: ['API', 'WORKER', 'HOST'],
        version: VERSION,
        startedAt: system.startedAt,
        lastSeenAt: TIME,
        isAlive: true,
        isEventBusConnected: true,
        slots: 1,
        isSandboxed: false,
        deploymentCount: 1,
        deployments: [{ id: running, productionApp: { subdomain: second.subdomain } }],
        hostId: host!.id,
        releaseCount: 1,
      },
    ],
    queue: { waiting: 1, inProgress: 1, oldestWaitingSince: createdAt.toISOString() },
    database: {
      kind: SERVER_URL ? 'POSTGRESQL' : 'EMBEDDED',
      version: expect.stringMatching(/^\d+(\.\d+)?$/),
      latencyMs: expect.any(Number),
    },
    eventBus: { kind: isRedis ? 'REDIS' : 'MEMORY', isConnected: true },
  });
  // Whoever may not see the deployment sees that there is one, and nothing of it.
  expect(stranger.processes[0]).toMatchObject({ deploymentCount: 1, deployments: [] });
  expect(ofOtherApp.processes[0]).toMatchObject({ deploymentCount: 1, deployments: [] });
  expect(idle.queue).toEqual({ waiting: 0, inProgress: 0, oldestWaitingSince: null });
  expect(idle.processes[0]).toMatchObject({ deploymentCount: 0 });
});

test('is not told to who is not signed in', async () => {
  expect((await graphql(plane, null, SYSTEM)).codes).toEqual(['UNAUTHENTICATED']);
});

describe.runIf(SERVER_URL)('processes of their own', () => {
  const TOKEN = 'wl_a-token-that-is-long-enough-for-tests';

  test('one that is killed is told of as dead, one that stops is gone', { timeout: 120_000 }, async () => {
    await using database = await createServerDatabase();
    using folder = createFolder();
    const env = {
      DATABASE_URL: database.url,
      WINDLASS_DATA_DIR: folder.path,
      WINDLASS_BOOTSTRAP_TOKEN: TOKEN,
      WINDLASS_WORKERS: '3',
    };
    await using api = startWindlass(['api'], env);
    const [, url] = await api.untilOutput(/API\s+(http:\S+)\/graphql/);
    await using killed = startWindlass(['worker'], env);
    await killed.untilOutput(/Windlass runs/);
    await using stopped = startWindlass(['worker'], env);
    await stopped.untilOutput(/Windlass runs/);
    const look = async (): Promise<[roles: string, slots: number | null, isAlive: boolean][]> => {
      const { data } = await graphql({ url: url! }, TOKEN, SYSTEM);
      return data.system.processes.map((one: { roles: string[]; slots: number | null; isAlive: boolean }) => [
        one.roles.join(),
        one.slots,
        one.isAlive,
      ]);
    };
    const before = await look();

    killed.child.kill('SIGKILL');
    stopped.child.kill('SIGTERM');
    await stopped.exited();
    const gone = await look();
    await until('the killed one is given up', async () => (await look()).some(([, , isAlive]) => !isAlive));

    expect(before).toEqual([
      ['API', null, true],
      ['WORKER', 3, true],
      ['WORKER', 3, true],
    ]);
    expect(gone).toHaveLength(2);
    expect(await look()).toEqual([
      ['API', null, true],
      ['WORKER', 3, false],
    ]);
  });
});
