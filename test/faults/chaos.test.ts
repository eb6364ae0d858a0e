import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isTerminal } from '../../src/domain/deployment.ts';
import { startCluster, type Cluster } from '../kit/cluster.ts';
import { FAULT_SEED, FAULTS, IS_SHORT } from '../kit/faults.ts';
import { startPoller } from '../kit/poller.ts';
import { POSTGRES_BINARIES, startPostgresServer, type PostgresServer } from '../kit/postgres-server.ts';
import type { WindlassProcess } from '../kit/process.ts';
import { createRandom } from '../kit/random.ts';
import { appFiles, createApp, pushVersion, trigger, type SeededApp } from '../kit/seed.ts';
import { until } from '../kit/until.ts';

const IS_FULL = FAULTS === 'full';
const DEPLOYMENTS = IS_FULL ? 200 : IS_SHORT ? 12 : 24;
const KILLS_MS = IS_FULL ? 300_000 : IS_SHORT ? 30_000 : 40_000;
const APPS = 6;

describe.runIf(POSTGRES_BINARIES)(`chaos, with the seed ${FAULT_SEED}`, () => {
  const random = createRandom(FAULT_SEED);
  let server: PostgresServer;
  let cluster: Cluster;
  let apps: SeededApp[];
  beforeEach(async () => {
    server = await startPostgresServer();
    cluster = await startCluster(server.url, { WINDLASS_WORKERS: '2' });
    apps = [];
    for (let n = 0; n < APPS; n += 1) {
      const app = await createApp(cluster.owner);
      await pushVersion(
        cluster.owner,
        app.entityId,
        appFiles('one', { build: 'echo built', migrate: 'echo migrated' }),
      );
      apps.push(app);
    }
  });
  afterEach(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  /** Deploys to one app after the other, and tries again as a client does, with the same key. */
  async function triggerAll(count: number): Promise<string[]> {
    const ids: string[] = [];
    for (let n = 0; n < count; n += 1) {
      const { productionAppId } = apps[n % apps.length]!;
      const key = `chaos-${n}-${productionAppId}`;
      ids.push(
        await until(
          `deployment ${n} is taken`,
          () => trigger(cluster.owner, productionAppId, undefined, key).catch(() => null),
          120_000,
        ),
      );
      await delay(random() * 200);
    }
    return ids;
  }

  async function expectAllCompleted(ids: readonly string[]): Promise<void> {
    expect(new Set(ids).size).toBe(ids.length);
    const look = () =>
      cluster.database.prisma.deployment
        .findMany({ where: { id: { in: [...ids] } }, orderBy: [{ productionAppId: 'asc' }, { number: 'asc' }] })
        .catch(() => []); // The database is away.
    const rows = await until(
      'all deployments have ended',
      async () => {
        const found = await look();
        return found.length === ids.length && found.every(({ status }) => isTerminal(status)) ? found : null;
      },
      IS_FULL ? 1_800_000 : 300_000,
    );
    expect(
      rows.filter(({ status }) => status !== 'completed').map(({ status, failure }) => ({ status, failure })),
    ).toEqual([]);
    for (const { productionAppId } of apps) {
      const own = rows.filter((row) => row.productionAppId === productionAppId);
      expect(own.map(({ number }) => number)).toEqual(own.map((_row, index) => index + 1));
      for (const [index, row] of own.slice(1).entries()) {
        expect(row.startedAt!.getTime()).toBeGreaterThanOrEqual(own[index]!.finishedAt!.getTime());
      }
    }
    expect(await cluster.diagnose()).toEqual([]);
  }

  test.skipIf(IS_SHORT)(
    `PostgreSQL that restarts every few seconds loses none of ${DEPLOYMENTS} deployments`,
    { timeout: 2_400_000 },
    async () => {
      await Promise.all([cluster.start('worker'), cluster.start('worker')]);
      await expectAllCompleted(await triggerAll(1));
      await using poller = startPoller(cluster, apps[0]!.subdomain, { everyMs: 100 });
      const serving = cluster.processes.filter(({ child }) => child.exitCode === null);
      let isOver = false;
      const restarts = (async () => {
        for (let n = 0; !isOver; n += 1) {
          await delay(3_000 + random() * 4_000);
          if (n % 2 === 0) await server.restart();
          else await server.crash();
        }
      })();

      apps = apps.slice(1);
      const ids = await triggerAll(DEPLOYMENTS);
      await delay(2_000);
      isOver = true;
      await restarts;

      await expectAllCompleted(ids);
      for (const { child, output } of serving) expect(child.exitCode ?? child.signalCode, output()).toBeNull();
      await poller.stop();
      expect(poller.failures()).toEqual([]);
    },
  );

  test(
    'API, workers and host that are killed, or stand still, at random lose nothing',
    { timeout: 2_400_000 },
    async () => {
      const ports = { WINDLASS_PORT: new URL(cluster.url).port, WINDLASS_GATEWAY_PORT: String(cluster.gatewayPort) };
      const [api, host] = cluster.processes as [WindlassProcess, WindlassProcess];
      const roles = [
        { role: 'api', process: api },
        { role: 'host', process: host },
        { role: 'worker', process: await cluster.start('worker') },
        { role: 'worker', process: await cluster.start('worker') },
      ];
      await expectAllCompleted(await triggerAll(1));
      const served = apps[0]!;
      apps = apps.slice(1);
      const pollers = { current: startPoller(cluster, served.subdomain, { everyMs: 50 }) };
      const failures: unknown[] = [];
      let isOver = false;
      const kills = (async () => {
        while (!isOver) {
          await delay(1_000 + random() * 4_000);
          const victim = roles[Math.floor(random() * roles.length)]!;
          // Nobody answers at the gateway's port while its host agent is dead: what failed until then is kept.
          if (victim.role === 'host') {
            await pollers.current.stop();
            failures.push(...pollers.current.failures());
          }
          if (victim.role === 'worker' && random() < 0.3) {
            victim.process.child.kill('SIGSTOP');
            await delay(2_000 + random() * 12_000);
            victim.process.child.kill('SIGCONT');
            continue;
          }
          victim.process.child.kill('SIGKILL');
          await victim.process.exited();
          victim.process = await cluster.start(victim.role, ports);
          if (victim.role !== 'host') continue;
          await until('the app is served again', async () => (await cluster.visit(served.subdomain)).status === 200);
          pollers.current = startPoller(cluster, served.subdomain, { everyMs: 50 });
        }
      })();

      const startedAt = Date.now();
      const ids = await triggerAll(DEPLOYMENTS);
      await delay(Math.max(0, KILLS_MS - (Date.now() - startedAt)));
      isOver = true;
      await kills;

      await expectAllCompleted(ids);
      await pollers.current.stop();
      expect([...failures, ...pollers.current.failures()]).toEqual([]);
    },
  );
});
