import { once } from 'node:events';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import type { ApiClient } from '../src/client/api.ts';
import { createRedisBus } from '../src/events/redis.ts';
import { TriggerDocument } from '../src/generated/gql/graphql.ts';
import type { Database } from '../src/store/db.ts';
import { claimNextDeployment, insertDeployment, type Claim } from '../src/store/deployments.ts';
import { appendLogLines, type NewLogLine } from '../src/store/logs.ts';
import { createLog } from '../src/telemetry.ts';
import { createApp, pushFiles, startProcess, type BenchProcess, type Ids } from './fixtures.ts';
import { preciseNow, printFigure, spreadOf } from './measure.ts';
import { startPlane, type PlaneOptions } from './plane.ts';

const LATENCY_LINES = 500;
const FLOOD_LINES = 1_000_000;
const BATCH_LINES = 10;
const SINGLE_BATCHES = 10;
const BURST_BATCHES = 30;
const STALLED = 50;

const LOGS = `subscription ($id: ID!) { deploymentLogs(deploymentId: $id) {
  ... on DeploymentLogBatch { cursor lines { seq at phase stream level message } } } }`;

export interface StreamsOptions extends PlaneOptions {
  readonly subscribers: number;
}

/** What a log costs: on its way in, on its way to one follower, and to many. */
export async function benchStreams({ subscribers, ...servers }: StreamsOptions): Promise<void> {
  console.log('Streams, on PostgreSQL and Redis');
  const plane = await startPlane(servers);
  const plain = startProcess(['bench/plain-server.mjs']);
  const bare = startProcess(['bench/bare-server.mjs']);
  try {
    const { api, url, token, client, database, ids } = plane;
    const bus = await createRedisBus(servers.redisUrl, plane.redisPrefix, createLog('silent'));
    const hold = () => holdDeployment(database, ids);

    const [worker, host] = await Promise.all([plane.start('worker'), plane.start('host')]);
    await benchLatency({ client, url, token, ids });
    await benchIntake({ client, worker, database, ids });
    await Promise.all([worker.stop(), host.stop()]);

    await benchStalled({ api, url, token, database, claim: await hold() });
    const held = await hold();
    const emit = async (lines: NewLogLine[]) => {
      const lastSeq = await appendLogLines(database.prisma, held, lines);
      bus.publish(`deployment:${held.deploymentId}`, { kind: 'logs', lastSeq: lastSeq! });
    };
    const payload = { query: LOGS, variables: { id: held.deploymentId } };
    await api.stop();
    const fresh = await plane.startApi();
    const ours = await benchCrowd('Windlass', fresh.api, { url: fresh.url, token, payload, subscribers, emit });
    await fresh.api.stop();

    const benchOther = async (name: string, server: BenchProcess) => {
      const [, port] = await server.printed(/port (\d+)/);
      const toServer = async (lines: NewLogLine[]) =>
        void server.child.send({
          cursor: '1',
          lines: lines.map((line, seq) => ({ ...line, seq, at: line.at.toISOString() })),
        });
      return benchCrowd(name, server, { url: `http://127.0.0.1:${port}`, token, payload, subscribers, emit: toServer });
    };
    const theirs = await benchOther('plain Yoga + graphql-ws', plain);
    const floor = await benchOther('the sockets alone', bare);
    printFigure('one batch to all, p99, to that of the sockets alone', `${(ours.p99 / floor.p99).toFixed(1)} ×`);
    printFigure('deliveries per second, ratio', `${(ours.rate / theirs.rate).toFixed(1)} ×`, 'budget: ≥ 2 ×');
    await bus.close();
  } finally {
    await plain.stop();
    await bare.stop();
    await plane.close();
  }
  console.log();
}

interface Shipping {
  readonly client: ApiClient;
  readonly ids: Ids;
}

/** Triggers a version with one build command. Its migration and start do not matter. */
async function ship({ client, ids }: Shipping, build: string): Promise<string> {
  const files = {
    'build.mjs': build,
    'server.mjs': "require('node:http')",
    'windlass.json': JSON.stringify({ build: 'node build.mjs', static: '.' }),
  };
  const versionId = await pushFiles(client, ids.entityId, files);
  const input = { productionAppId: ids.productionAppId, versionId };
  return (await client.request(TriggerDocument, { input })).triggerDeployment.deployment.id;
}

/** Each line bears the moment at which the child wrote it. */
async function benchLatency({ url, token, ...shipping }: Shipping & { url: string; token: string }): Promise<void> {
  const id = await ship(
    shipping,
    `for (let n = 0; n < ${LATENCY_LINES}; n += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      process.stdout.write('mark:' + n + ':' + (performance.timeOrigin + performance.now()) + '\\n');
    }`,
  );
  const latencies: number[] = [];
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
  });
  const results = client.iterate<{ deploymentLogs: { lines?: { message: string }[] } }>({
    query: LOGS,
    variables: { id },
  });
  for await (const { data } of results) {
    for (const { message } of data?.deploymentLogs.lines ?? []) {
      const mark = /^mark:\d+:([\d.]+)/.exec(message);
      if (mark) latencies.push(preciseNow() - Number(mark[1]));
    }
  }
  await client.dispose();
  const { p50, p99 } = spreadOf(latencies);
  const figure = `p50 ${p50.toFixed(1)} ms   p99 ${p99.toFixed(1)} ms`;
  printFigure("a child's stdout → subscriber", figure, 'budget: 30 / 150');
}

/** A worker that is flooded by one deployment takes another one through all its phases meanwhile. */
async function benchIntake({ worker, database, ...shipping }: Shipping & { worker: BenchProcess; database: Database }) {
  const productionAppId = await createApp(database, shipping.ids, 'other');
  const other = { ...shipping, ids: { ...shipping.ids, productionAppId } };
  const alone = await timeDeployment(database, await ship(other, ''));
  const id = await ship(
    shipping,
    `let n = 0;
    const write = () => {
      while (n < ${FLOOD_LINES}) {
        let text = '';
        for (let i = 0; i < 100; i += 1) text += 'line ' + (n += 1) + ' of a build that says much about what it does\\n';
        if (!process.stdout.write(text)) return void process.stdout.once('drain', write);
      }
    };
    write();`,
  );
  const beside = timeDeployment(database, await ship(other, ' '));
  let peak = 0;
  const phase = { deploymentId_name: { deploymentId: id, name: 'build' } } as const;
  for (;;) {
    peak = Math.max(peak, worker.rssMiB());
    const build = await database.prisma.deploymentPhase.findUniqueOrThrow({ where: phase });
    if (build.status === 'failed') throw new Error(`The flood failed: ${build.errorMessage}`);
    if (build.status === 'completed') {
      const seconds = (build.finishedAt!.getTime() - build.startedAt!.getTime()) / 1_000;
      const rate = Math.round(FLOOD_LINES / seconds);
      printFigure(`intake of ${FLOOD_LINES} lines`, `${rate} lines/s`, 'budget: ≥ 100,000');
      printFigure('worker RSS meanwhile, at most', `${Math.round(peak)} MiB`, 'budget: < 300');
      const times = `${(await beside).toFixed(0)} ms   alone ${alone.toFixed(0)} ms`;
      printFigure('another deployment beside it', times, 'not starved');
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** From its trigger to its end, by the database's clock. */
async function timeDeployment({ prisma }: Database, id: string): Promise<number> {
  for (;;) {
    const { finishedAt, createdAt, errorMessage, status } = await prisma.deployment.findUniqueOrThrow({
      where: { id },
    });
    if (status === 'failed') throw new Error(`It failed: ${errorMessage}`);
    if (finishedAt) return finishedAt.getTime() - createdAt.getTime();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A deployment that no worker holds but this. */
async function holdDeployment({ prisma }: Database, ids: Ids): Promise<Claim> {
  const { organizationId, productionAppId, versionId, userId } = ids;
  const about = { organizationId, productionAppId, versionId, triggeredById: userId } as const;
  await prisma.deployment.updateMany({
    where: { productionAppId, status: 'in_progress' },
    data: { status: 'cancelled' },
  });
  await prisma.$transaction((tx) => insertDeployment(tx, { ...about, trigger: 'manual', reason: null }));
  return (await claimNextDeployment(prisma, productionAppId, 'bench'))!;
}

function linesOf(first: string, count: number): NewLogLine[] {
  const about = {
    at: new Date(),
    phase: 'build',
    attempt: 1,
    stream: 'stdout',
    level: 'info',
    truncated: false,
  } as const;
  return Array.from({ length: count }, (_unused, index) => ({
    ...about,
    message: index === 0 ? first : `line ${index} of a build that says much about what it does`,
  }));
}

/** Subscribers that never read, of a log that no socket can hold. */
async function benchStalled(options: {
  api: BenchProcess;
  url: string;
  token: string;
  database: Database;
  claim: Claim;
}): Promise<void> {
  const { api, url, token, database, claim } = options;
  for (let batch = 0; batch < 40; batch += 1)
    await appendLogLines(database.prisma, claim, linesOf(`${batch}`.padEnd(400, '.'), 1_000));
  const before = api.rssMiB();
  const sockets: WebSocket[] = [];
  for (let index = 0; index < STALLED; index += 1) {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    sockets.push(socket);
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }));
    await once(socket, 'message');
    socket.pause();
    const payload = { query: LOGS, variables: { id: claim.deploymentId } };
    socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload }));
  }
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  const each = (api.rssMiB() - before) / STALLED;
  printFigure(`each of ${STALLED} subscribers that do not read`, `${each.toFixed(2)} MiB`, 'budget: < 5');
  for (const socket of sockets) socket.terminate();
}

interface CrowdFigures {
  /** Deliveries per second. */
  readonly rate: number;
  /** How soon one batch is with nearly everybody, in milliseconds. */
  readonly p99: number;
}

interface CrowdOptions {
  readonly url: string;
  readonly token: string;
  readonly payload: unknown;
  readonly subscribers: number;
  emit(lines: NewLogLine[]): Promise<void>;
}

/** Many subscribers of one deployment: what they cost, and how soon a batch reaches them all. */
async function benchCrowd(name: string, server: BenchProcess, options: CrowdOptions): Promise<CrowdFigures> {
  const { url, token, payload, subscribers, emit } = options;
  const crowd = startProcess(['bench/subscribers.mjs']);
  crowd.child.setMaxListeners(0);
  const told = <T>(fits: (message: T) => boolean) =>
    new Promise<T>((resolve) => {
      const listen = (message: T) => {
        if (!fits(message)) return;
        crowd.child.off('message', listen as never);
        resolve(message);
      };
      crowd.child.on('message', listen as never);
    });
  try {
    const before = server.rssMiB();
    const webSocketUrl = `${url.replace('http', 'ws')}/graphql`;
    const connected = told<{ kind: string; ms: number }>(({ kind }) => kind === 'connected');
    crowd.child.send({ kind: 'connect', url: webSocketUrl, token, payload, count: subscribers, parallel: 50 });
    const { ms } = await connected;
    // The last ones have sent what they subscribe to, and may not be served yet.
    await new Promise((resolve) => setTimeout(resolve, 3_000));

    let mark = 0;
    const sendMark = async () => {
      mark += 1;
      const sent = mark;
      const arrived = told<{ kind: string; mark: number; latencies: number[] }>(
        (message) => message.kind === 'arrived' && message.mark === sent,
      );
      await emit(linesOf(`mark:${sent}:${preciseNow()}`, BATCH_LINES));
      return { arrived };
    };
    const latencies: number[] = [];
    for (let index = 0; index < SINGLE_BATCHES; index += 1)
      latencies.push(...(await (await sendMark()).arrived).latencies);
    const begun = preciseNow();
    const burst: Promise<unknown>[] = [];
    for (let index = 0; index < BURST_BATCHES; index += 1) burst.push((await sendMark()).arrived);
    await Promise.all(burst);
    const rate = (BURST_BATCHES * subscribers) / ((preciseNow() - begun) / 1_000);

    console.log(`  ${subscribers} WebSocket subscribers of one deployment: ${name}`);
    printFigure('  all connected after', `${(ms / 1_000).toFixed(1)} s`);
    printFigure(
      '  RSS of the process',
      `${Math.round(server.rssMiB())} MiB (${Math.round(before)} before)`,
      'budget: < 600',
    );
    const { p50, p99 } = spreadOf(latencies);
    printFigure('  one batch to all', `p50 ${p50.toFixed(0)} ms   p99 ${p99.toFixed(0)} ms`, 'budget: p99 < 500');
    printFigure('  deliveries per second', `${Math.round(rate)}`);
    return { rate, p99 };
  } finally {
    crowd.child.send({ kind: 'leave' });
    await once(crowd.child, 'exit');
  }
}
