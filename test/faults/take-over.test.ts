import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isTerminal } from '../../src/domain/deployment.ts';
import { startCluster, type Cluster } from '../kit/cluster.ts';
import { IS_SHORT } from '../kit/faults.ts';
import type { WindlassProcess } from '../kit/process.ts';
import { slowness } from '../kit/load.ts';
import { POSTGRES_BINARIES, startPostgresServer, type PostgresServer } from '../kit/postgres-server.ts';
import { processesWith, uniqueNap } from '../kit/processes.ts';
import { appFiles, createApp, pushVersion, trigger, type SeededApp } from '../kit/seed.ts';
import { startTcpProxy } from '../kit/tcp-proxy.ts';
import { until } from '../kit/until.ts';

/** The queue's lease of 10 s, its look once a second, and the look of the next worker. */
const TAKE_OVER_MS_MAX = 12_000;

interface Victim {
  readonly app: SeededApp;
  readonly id: string;
  readonly nap: string;
}

describe.runIf(POSTGRES_BINARIES)('workers on one database', () => {
  let server: PostgresServer;
  let cluster: Cluster;
  beforeAll(async () => {
    server = await startPostgresServer();
    cluster = await startCluster(server.url);
  });
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  /** Begins a deployment whose build hangs as often as it is told to, with a process that left its group. */
  async function beginBuild(hangs = 1): Promise<Victim> {
    const nap = uniqueNap();
    const app = await createApp(cluster.owner);
    const build = `echo x >> ../tries; if [ $(wc -l < ../tries) -le ${hangs} ]; then setsid sh -c 'sleep ${nap} & sleep ${nap} & wait' & sleep ${nap}; fi`;
    const versionId = await pushVersion(cluster.owner, app.entityId, appFiles('one', { build }));
    const id = await trigger(cluster.owner, app.productionAppId, versionId);
    await untilNapping(nap);
    return { app, id, nap };
  }

  const untilNapping = (nap: string) => until('the build hangs', () => processesWith(`sleep\0${nap}`).length >= 3);

  function stored(id: string) {
    return cluster.database.prisma.deployment.findUniqueOrThrow({
      where: { id },
      include: { phases: true, events: { orderBy: { seq: 'asc' } } },
    });
  }

  async function untilEnd(id: string) {
    return until(`deployment ${id} has ended`, async () => {
      const deployment = await stored(id);
      return isTerminal(deployment.status) ? deployment : null;
    });
  }

  async function messagesOf(id: string): Promise<string[]> {
    const lines = await cluster.database.prisma.logLine.findMany({
      where: { deploymentId: id },
      orderBy: { seq: 'asc' },
    });
    expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_line, index) => index + 1));
    return lines.map(({ message }) => message);
  }

  async function expectTakenOver({ app, id, nap }: Victim, since: number): Promise<void> {
    const { status, run, lostWorkers, phases, events } = await untilEnd(id);

    expect({ status, run, lostWorkers }).toEqual({ status: 'completed', run: 2, lostWorkers: 1 });
    const takeOver = events.find(({ type }) => type === 'take_over')!;
    expect(takeOver.at.getTime() - since).toBeLessThan(TAKE_OVER_MS_MAX * slowness());
    const attempts = phases.filter(({ attempt }) => attempt > 1).map(({ name, attempt }) => [name, attempt]);
    expect(attempts).toEqual([['build', 2]]);
    const messages = await messagesOf(id);
    expect(messages.filter((message) => message.startsWith('Unpacked'))).toHaveLength(1);
    expect(messages).toContainEqual(expect.stringMatching(/took over, as run 2 .*: prc_\S+\. prc_\S+ was lost\.$/));
    expect(processesWith(`sleep\0${nap}`)).toEqual([]);
    expect((await cluster.visit(app.subdomain)).body).toBe('one');
    await until('its workspace is gone', () => !existsSync(join(cluster.dataDir, 'workspaces', id)));
  }

  test(
    'a worker that was killed, frozen, or cut off from the database is replaced within 12 s; what wakes up writes nothing',
    { timeout: 300_000 },
    async () => {
      await using proxy = await startTcpProxy(server.port);
      const throughProxy = new URL(server.url);
      throughProxy.port = String(proxy.port);
      // Each process takes one deployment at a time.
      const workers: WindlassProcess[] = [];
      const victims: Victim[] = [];
      for (const url of [server.url, server.url, throughProxy.href]) {
        workers.push(await cluster.start('worker', { DATABASE_URL: url }));
        victims.push(await beginBuild());
      }
      const [killed, frozen, cutOff] = workers as [WindlassProcess, WindlassProcess, WindlassProcess];
      const survivor = await cluster.start('worker', { WINDLASS_WORKERS: '3' });

      const since = Date.now();
      killed.child.kill('SIGKILL');
      frozen.child.kill('SIGSTOP');
      proxy.cut();
      for (const victim of victims) await expectTakenOver(victim, since);
      const before = await Promise.all(victims.map(({ id }) => stored(id)));
      frozen.child.kill('SIGCONT');
      proxy.heal();

      // They say so, and are of use again.
      for (const worker of [frozen, cutOff]) await worker.untilOutput(/Another worker has the (?:deployment|ticket)/);
      expect(await Promise.all(victims.map(({ id }) => stored(id)))).toEqual(before);
      for (const { id } of victims) expect(existsSync(join(cluster.dataDir, 'workspaces', id))).toBe(false);
      survivor.child.kill('SIGTERM');
      expect(await survivor.exited()).toBe(0);
      const [one, two] = [await beginBuild(), await beginBuild()];
      for (const worker of [frozen, cutOff]) worker.child.kill('SIGKILL');
      for (const worker of [frozen, cutOff]) await worker.exited();
      await cluster.start('worker');
      for (const { id } of [one, two]) expect((await untilEnd(id)).status).toBe('completed');
    },
  );

  test.skipIf(IS_SHORT)(
    'a worker that is told to stop hands its deployment over at once, and this is not a lost worker',
    { timeout: 120_000 },
    async () => {
      for (const { child } of cluster.processes.slice(2)) child.kill('SIGKILL');
      const first = await cluster.start('worker');
      const victim = await beginBuild();
      const second = await cluster.start('worker');

      first.child.kill('SIGTERM');
      const { status, lostWorkers, events } = await untilEnd(victim.id);
      const [, givenBackAt] = await first.untilOutput(/"time":(\d+),.*"Deployment given back"/);

      expect({ status, lostWorkers }).toEqual({ status: 'completed', lostWorkers: 0 });
      const takeOver = events.find(({ type }) => type === 'take_over')!;
      expect(takeOver.at.getTime() - Number(givenBackAt)).toBeLessThan(2_000 * slowness());
      expect(await first.exited()).toBe(0);
      expect(await messagesOf(victim.id)).toContainEqual(expect.stringContaining('The one before had given it back.'));
      expect(processesWith(`sleep\0${victim.nap}`)).toEqual([]);
      second.child.kill('SIGKILL');
      await second.exited();
    },
  );

  test.skipIf(IS_SHORT)(
    'a deployment that three workers are lost with fails with WORKER_LOST, and nothing of it is left',
    { timeout: 300_000 },
    async () => {
      for (const { child } of cluster.processes.slice(2)) child.kill('SIGKILL');
      const first = await cluster.start('worker');
      const { id, nap } = await beginBuild(3);
      first.child.kill('SIGKILL');
      for (let lost = 2; lost <= 3; lost += 1) {
        const next = await cluster.start('worker');
        await until(`run ${lost} began`, async () => (await stored(id)).run === lost);
        await until('it builds', async () => (await stored(id)).phases.some(({ attempt }) => attempt === lost));
        await untilNapping(nap);
        next.child.kill('SIGKILL');
      }
      const last = await cluster.start('worker');

      const { status, failure, lostWorkers, run } = await untilEnd(id);

      expect({ status, lostWorkers, run }).toEqual({ status: 'failed', lostWorkers: 3, run: 4 });
      expect(failure).toMatchObject({ code: 'WORKER_LOST', phase: 'build', retryable: true });
      expect(processesWith(`sleep\0${nap}`)).toEqual([]);
      last.child.kill('SIGTERM');
      expect(await last.exited()).toBe(0);
    },
  );
});
