import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isTerminal, PHASES, type PhaseName } from '../../src/domain/deployment.ts';
import { TriggerDocument } from '../../src/generated/gql/graphql.ts';
import { openDatabase } from '../../src/store/db.ts';
import { migrateDatabase } from '../../src/store/migrate.ts';
import { startCluster, type Cluster } from '../kit/cluster.ts';
import { slowness } from '../kit/load.ts';
import { send } from '../kit/plane.ts';
import { IS_SHORT } from '../kit/faults.ts';
import { startPoller } from '../kit/poller.ts';
import { POSTGRES_BINARIES, startPostgresServer, type PostgresServer } from '../kit/postgres-server.ts';
import type { WindlassProcess } from '../kit/process.ts';
import { processesWith, uniqueNap } from '../kit/processes.ts';
import { appFiles, createApp, pushVersion, type SeededApp } from '../kit/seed.ts';
import { until } from '../kit/until.ts';
import { raceCancelAndCompletion } from '../store/cancel-and-completion.ts';
import { createRows } from '../store/rows.ts';

/** The grace of the cluster is 500 ms; phases after the switch wait for the host, too. */
const CANCEL_MS_MAX = 2_500;
const RACES = 1_000;

describe.runIf(POSTGRES_BINARIES && !IS_SHORT)('a cancel from another process', () => {
  let server: PostgresServer;
  let cluster: Cluster;
  let worker: WindlassProcess;
  let app: SeededApp;
  beforeAll(async () => {
    server = await startPostgresServer();
    cluster = await startCluster(server.url);
    worker = await cluster.startFaultyWorker();
    app = await createApp(cluster.owner);
    await untilEnd(await begin({}, null, 'old'));
    await until('it serves', async () => (await cluster.visit(app.subdomain)).body === 'old');
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  async function begin(manifest: Record<string, unknown>, reason: string | null, version = 'new'): Promise<string> {
    const { owner } = cluster;
    const versionId = await pushVersion(owner, app.entityId, appFiles(version, manifest));
    const input = { productionAppId: app.productionAppId, versionId, reason };
    return (await owner.client.request(TriggerDocument, { input })).triggerDeployment.deployment.id;
  }

  function stored(id: string) {
    const include = { phases: true, events: { orderBy: { seq: 'asc' } } } as const;
    return cluster.database.prisma.deployment.findUniqueOrThrow({ where: { id }, include });
  }

  const untilEnd = (id: string) =>
    until(`deployment ${id} has ended`, async () => {
      const deployment = await stored(id);
      return isTerminal(deployment.status) ? deployment : null;
    });

  const untilInPhase = (id: string, name: PhaseName) =>
    until(`${id} is in ${name}`, async () =>
      (await stored(id)).phases.some((phase) => phase.name === name && phase.status === 'in_progress'),
    );

  const cancel = (id: string, body: Record<string, unknown> = {}) =>
    send('POST', `${cluster.url}/api/deploys/${id}/cancel`, {
      headers: { authorization: `Bearer ${cluster.owner.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  async function expectCancelled(id: string, phase: PhaseName): Promise<void> {
    const { status, phases, finishedAt, cancelRequestedAt } = await untilEnd(id);
    expect(status).toBe('cancelled');
    expect(finishedAt!.getTime() - cancelRequestedAt!.getTime()).toBeLessThan(CANCEL_MS_MAX * slowness());
    const at = PHASES.indexOf(phase);
    const byName = new Map(phases.map((row) => [row.name, row.status]));
    expect(PHASES.map((name) => byName.get(name))).toEqual(
      PHASES.map((_name, index) => (index < at ? 'completed' : index === at ? 'failed' : 'pending')),
    );
    expect((await cluster.visit(app.subdomain)).body).toBe('old');
  }

  test.each(PHASES)('in %s ends it there, and the version before serves without a failed request', async (phase) => {
    await using poller = startPoller(cluster, app.subdomain, { everyMs: 50 });
    const id = await begin(
      { build: 'true', migrate: 'true' },
      `hold ${phase} ${phase === 'service_deploy' ? 'after' : 'during'}`,
    );
    await untilInPhase(id, phase);
    await worker.untilOutput(new RegExp(`Holds ${id}`));

    const answers = await Promise.all([cancel(id), cancel(id)]);

    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    await expectCancelled(id, phase);
    expect((await cancel(id)).status).toBe(200);
    await poller.stop();
    // What was switched for a moment, and taken back, is no failure either.
    expect(poller.failures()).toEqual([]);
  });

  test('ends every process of a build, also what left its group and does not listen to SIGTERM', async () => {
    const nap = uniqueNap();
    const stubborn = `setsid sh -c "trap '' TERM; (sleep ${nap} &) ; while :; do sleep ${nap}; done" &`;
    const id = await begin({ build: `${stubborn} (sleep ${nap} &) ; sleep ${nap}` }, null);
    await until('the build hangs', () => processesWith(`sleep\0${nap}`).length >= 4);

    await cancel(id);

    await expectCancelled(id, 'build');
    expect(processesWith(nap)).toEqual([]);
  });

  test('cuts no running migration command in half, says where it stops, and does with force', async () => {
    const nap = uniqueNap();
    const migrate = [
      `touch "$DATA_DIR/begun-${nap}"; until [ -e "$DATA_DIR/go-${nap}" ]; do sleep 0.05; done`,
      'false',
    ];
    const id = await begin({ migrate }, null);
    await untilInPhase(id, 'migrate');
    await until('it migrates', () => processesWith(`go-${nap}`).length > 0);

    await cancel(id);
    await delay(CANCEL_MS_MAX);
    const { cancellation } = await askCancellation(id);
    const running = processesWith(`go-${nap}`).length;
    await cancel(id, { force: true });

    expect(cancellation).toEqual({ willStopAt: 'MIGRATE', forced: false });
    expect(running).toBeGreaterThan(0);
    const { status, failure } = await untilEnd(id);
    expect({ status, failure }).toMatchObject({
      status: 'cancelled',
      failure: { code: 'CANCELLED', phase: 'migrate' },
    });
    expect(processesWith(`go-${nap}`)).toEqual([]);
    expect((await cluster.visit(app.subdomain)).body).toBe('old');
  });

  async function askCancellation(id: string) {
    const answer = await send('POST', `${cluster.url}/graphql`, {
      headers: { authorization: `Bearer ${cluster.owner.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        query: 'query ($id: ID!) { deployment(id: $id) { cancellation { willStopAt forced } } }',
        variables: { id },
      }),
    });
    return (JSON.parse(answer.body) as { data: { deployment: { cancellation: unknown } } }).data.deployment;
  }

  test('of a deployment that has ended is refused', async () => {
    const { id } = await cluster.database.prisma.deployment.findFirstOrThrow({ where: { status: 'completed' } });

    const { status, body } = await cancel(id);

    expect([status, JSON.parse(body).code]).toEqual([409, 'ALREADY_FINISHED']);
  });

  test(`of a deployment that completes at the same moment: one end each, ${RACES} times`, async () => {
    // A database without workers: the cluster's would take these deployments over.
    await cluster.database.pool.query('create database races');
    const url = new URL(server.url);
    url.pathname = '/races';
    const database = await openDatabase({ url: url.href });
    await migrateDatabase(database.pool);

    const ends = await raceCancelAndCompletion(database.prisma, await createRows(database.prisma), RACES);

    await database.close();
    expect(ends.toSorted()).toEqual(['cancelled', 'completed']);
  });

  test('leaves everything as it must be', async () => {
    expect(await cluster.diagnose()).toEqual([]);
  });
});
