import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isTerminal } from '../../src/domain/deployment.ts';
import { startCluster, type Cluster } from '../kit/cluster.ts';
import { IS_SHORT } from '../kit/faults.ts';
import { send } from '../kit/plane.ts';
import { POSTGRES_BINARIES, startPostgresServer, type PostgresServer } from '../kit/postgres-server.ts';
import { appFiles, createApp, pushVersion, trigger } from '../kit/seed.ts';
import { startTcpProxy, type TcpProxy } from '../kit/tcp-proxy.ts';
import { until } from '../kit/until.ts';

const FROZEN_MS = 30_000;
const ANSWER_MS_MAX = 2_000;

describe.runIf(POSTGRES_BINARIES)('a database that goes away', () => {
  let server: PostgresServer;
  let proxy: TcpProxy;
  let cluster: Cluster;
  beforeAll(async () => {
    server = await startPostgresServer();
    proxy = await startTcpProxy(server.port);
    const throughProxy = new URL(server.url);
    throughProxy.port = String(proxy.port);
    cluster = await startCluster(throughProxy.href);
    await cluster.start('worker', { WINDLASS_WORKERS: '2' });
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await proxy?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  const stored = (id: string) => cluster.database.prisma.deployment.findUniqueOrThrow({ where: { id } });
  const untilEnd = (id: string) =>
    until(
      `deployment ${id} has ended`,
      async () => {
        const deployment = await stored(id).catch(() => null); // The database is away.
        return deployment && isTerminal(deployment.status) ? deployment : null;
      },
      120_000,
    );

  /** Every way to ask, with what a client must be able to tell a proxy's silence from. */
  function askEverything() {
    const authorization = `Bearer ${cluster.owner.token}`;
    const json = { authorization, 'content-type': 'application/json' };
    const body = JSON.stringify({ query: '{ productionApps { nodes { id } } }' });
    return Promise.all(
      [
        () => send('GET', `${cluster.url}/readyz`, {}),
        () => send('GET', `${cluster.url}/api/deploys`, { headers: { authorization } }),
        () => send('POST', `${cluster.url}/graphql`, { headers: json, body }),
      ].map(async (ask) => {
        const askedAt = Date.now();
        const { status, headers, body: text } = await ask();
        const isSaid = status === 200 || /UNAVAILABLE/.test(text);
        return { status, isSaid, retryAfter: headers['retry-after'], ms: Date.now() - askedAt };
      }),
    );
  }

  function expectUnavailable(answers: Awaited<ReturnType<typeof askEverything>>): void {
    for (const { ms, ...answer } of answers) {
      expect(answer).toEqual({ status: 503, isSaid: true, retryAfter: '2' });
      expect(ms).toBeLessThan(ANSWER_MS_MAX);
    }
  }

  async function expectAllAlive(): Promise<void> {
    for (const { child, output } of cluster.processes) {
      expect(child.exitCode ?? child.signalCode, output()).toBeNull();
    }
    await until('everything answers', async () => (await askEverything()).every(({ status }) => status === 200));
  }

  /** Prints a line every 50 ms; the second app waits with its answer until it is let go. */
  async function beginTalkingBuild() {
    const app = await createApp(cluster.owner);
    const build = 'for i in $(seq 1 60); do echo line $i; sleep 0.05; done';
    const versionId = await pushVersion(cluster.owner, app.entityId, appFiles('one', { build }));
    const id = await trigger(cluster.owner, app.productionAppId, versionId);
    await until('the build talks', () =>
      cluster.database.prisma.logLine.findFirst({ where: { deploymentId: id, message: 'line 5' } }),
    );
    return { id, app };
  }

  /** Whatever was repeated, each line of the last attempt is there once, in order, and all are numbered without a gap. */
  async function expectWholeLog(id: string): Promise<void> {
    const lines = await cluster.database.prisma.logLine.findMany({
      where: { deploymentId: id },
      orderBy: { seq: 'asc' },
    });
    expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_line, index) => index + 1));
    const attempt = Math.max(...lines.filter(({ phase }) => phase === 'build').map((line) => line.attempt));
    const said = lines.filter((line) => line.message.startsWith('line ') && line.attempt === attempt);
    expect(said.map(({ message }) => message)).toEqual(Array.from({ length: 60 }, (_, index) => `line ${index + 1}`));
  }

  test('stopped for a moment: nothing ends, the API says 503 at once, and a deployment goes on', async () => {
    const { id, app } = await beginTalkingBuild();

    await server.stop();
    await until('the API has noticed', async () => (await askEverything()).every(({ status }) => status === 503));
    expectUnavailable(await askEverything());
    await server.start();

    await expectAllAlive();
    const { status, lostWorkers } = await untilEnd(id);
    expect({ status, lostWorkers }).toEqual({ status: 'completed', lostWorkers: 0 });
    await expectWholeLog(id);
    expect((await cluster.visit(app.subdomain)).body).toBe('one');
  });

  test.skipIf(IS_SHORT)(
    'frozen for 30 s: who asks gets a 503 within 2 s, apps go on serving, and everything goes on afterwards',
    async () => {
      const first = await beginTalkingBuild();
      expect((await untilEnd(first.id)).status).toBe('completed');
      const { id, app } = await beginTalkingBuild();

      server.freeze();
      const frozenAt = Date.now();
      // Who asks in the very moment in which it stands still waits longest.
      expectUnavailable(await askEverything());
      await until('it has been frozen for long enough', async () => {
        expectUnavailable(await askEverything());
        expect((await cluster.visit(first.app.subdomain)).body).toBe('one');
        return Date.now() - frozenAt > FROZEN_MS;
      });
      server.thaw();

      await expectAllAlive();
      expect((await untilEnd(id)).status).toBe('completed');
      await expectWholeLog(id);
      expect((await cluster.visit(app.subdomain)).body).toBe('one');
    },
  );

  test.skipIf(IS_SHORT)(
    'a trigger whose commit is not answered makes one deployment, when it is repeated with its key',
    async () => {
      const app = await createApp(cluster.owner);
      await pushVersion(cluster.owner, app.entityId, appFiles('one'));
      const call = () =>
        send('POST', `${cluster.url}/api/deploy`, {
          headers: {
            authorization: `Bearer ${cluster.owner.token}`,
            'content-type': 'application/json',
            'idempotency-key': `lost-${app.productionAppId}`,
          },
          body: JSON.stringify({ productionAppId: app.productionAppId }),
        });

      // Of the connection that makes the deployment: the answer to its commit.
      const lost = proxy.loseCommitAfter(`lost-${app.productionAppId}`);
      const refused = await call();
      await lost;
      const repeated = await call();

      expect(refused.status).toBe(503);
      expect(repeated.status).toBe(200);
      const rows = await cluster.database.prisma.deployment.findMany({
        where: { productionAppId: app.productionAppId },
      });
      expect(rows.map(({ id }) => id)).toEqual([JSON.parse(repeated.body).id]);
      expect((await untilEnd(rows[0]!.id)).status).toBe('completed');
    },
  );

  test.skipIf(IS_SHORT)('lines whose storing is not answered are stored once', async () => {
    const app = await createApp(cluster.owner);
    const build = 'for i in $(seq 1 60); do echo line $i; sleep 0.05; done';
    const versionId = await pushVersion(cluster.owner, app.entityId, appFiles('one', { build }));

    const lost = proxy.loseAnswerTo('line 7');
    const id = await trigger(cluster.owner, app.productionAppId, versionId);
    await lost;

    const { status, run } = await untilEnd(id);
    expect({ status, run }).toEqual({ status: 'completed', run: 1 });
    await expectWholeLog(id);
  });

  test.skipIf(IS_SHORT)('a phase whose completion is not answered is completed once', async () => {
    const app = await createApp(cluster.owner);
    const versionId = await pushVersion(cluster.owner, app.entityId, appFiles('one', { build: 'true' }));

    const lost = proxy.loseAnswerTo('"artifactSha256":');
    const id = await trigger(cluster.owner, app.productionAppId, versionId);
    await lost;

    const { status, run } = await untilEnd(id);
    expect({ status, run }).toEqual({ status: 'completed', run: 1 });
    const events = await cluster.database.prisma.deploymentEvent.findMany({
      where: { deploymentId: id, type: 'phase' },
    });
    expect(events).toHaveLength(16);
  });
});
