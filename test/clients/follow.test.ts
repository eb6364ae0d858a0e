import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import {
  followDeployment,
  followDeploymentEvents,
  followDeploymentState,
  type ConnectionState,
  type DeploymentLogEvent,
  type FollowOptions,
} from '../../src/client/index.ts';
import { startFaultProxy, type FaultProxy } from '../kit/fault-proxy.ts';
import { codeOf, startPlane, type Plane } from '../kit/plane.ts';
import { createRandom } from '../kit/random.ts';
import {
  appFiles,
  createApp,
  createMember,
  createOwner,
  deployFiles,
  pushVersion,
  trigger,
  untilLine,
  type Member,
} from '../kit/seed.ts';
import { until } from '../kit/until.ts';
import { uniqueNap } from '../kit/processes.ts';
import { SCOPES } from '../../src/domain/access.ts';

let plane: Plane;
let owner: Member;
/** A deployment that has ended. */
let ended: string;
/** One that runs on and says nothing more. */
let quiet: string;
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
  quiet = await triggerBuild(`echo started; sleep ${uniqueNap()}`);
  await untilLine(plane, quiet, 'started');
  ended = await deployFiles(plane, owner, await createApp(owner), appFiles('one'));
});
afterAll(() => plane[Symbol.asyncDispose]());

async function triggerBuild(build: string): Promise<string> {
  const app = await createApp(owner);
  return trigger(owner, app.productionAppId, await pushVersion(owner, app.entityId, appFiles('one', { build })));
}

async function listOf<Event>(following: AsyncIterable<Event>): Promise<Event[]> {
  const events: Event[] = [];
  for await (const event of following) events.push(event);
  return events;
}

const collect = (options: FollowOptions) => listOf(followDeployment(options));

/** Node's fetch puts an idle connection in the place of an aborted one, for 4 s. A close that is waited for takes 30 s. */
const untilNoneIsOpen = (proxy: FaultProxy) => until('no connection is open', () => proxy.open === 0, 15_000);

const seqsOf = (events: DeploymentLogEvent[]) =>
  events.flatMap((event) => (event.__typename === 'DeploymentLogBatch' ? event.lines.map(({ seq }) => seq) : []));
const upTo = (count: number) => Array.from({ length: count }, (_unused, index) => index + 1);

describe.each(['websocket', 'sse'] as const)('over %s', (transport) => {
  const optionsFor = (proxy: FaultProxy, deploymentId: string) => ({
    url: proxy.url,
    token: owner.token,
    deploymentId,
    transport,
    webSocketImpl: WebSocket,
  });

  test('lines, events and states come once each and in order to their end, however often the connection is cut', async () => {
    const random = createRandom(4);
    await using proxy = await startFaultProxy({
      targets: [plane.url],
      // A whole batch has to get through now and then.
      cutAfterBytes: () => (proxy.cuts < 40 ? Math.ceil(random() * 60_000) : null),
    });
    const id = await triggerBuild('for i in $(seq 1 3000); do echo "line $i"; done');
    const options = optionsFor(proxy, id);

    const [lines, events, states] = await Promise.all([
      collect(options),
      listOf(followDeploymentEvents(options)),
      listOf(followDeploymentState(options)),
    ]);

    const end = lines.at(-1)!;
    expect(end).toMatchObject({ __typename: 'DeploymentLogEnd', status: 'COMPLETED' });
    expect(seqsOf(lines)).toEqual(upTo(Number(end.cursor)));
    expect(Number(end.cursor)).toBeGreaterThan(3000);
    const { stateVersion } = await plane.app.database.prisma.deployment.findUniqueOrThrow({ where: { id } });
    const stored = await plane.app.database.prisma.deploymentEvent.findMany({ where: { deploymentId: id } });
    expect(events.map(({ seq }) => seq)).toEqual(stored.map(({ seq }) => seq).toSorted((a, b) => a - b));
    const versions = states.map((state) => state.stateVersion);
    expect(versions).toEqual([...new Set(versions)].toSorted((a, b) => a - b));
    expect(states.at(-1)).toMatchObject({ status: 'COMPLETED', stateVersion });
    expect(proxy.cuts).toBeGreaterThanOrEqual(10);
  });

  test('a connection that is dead without a word is noticed, and following goes on', async () => {
    await using proxy = await startFaultProxy({ targets: [plane.url] });
    const id = await triggerBuild('for i in $(seq 1 40); do echo "line $i"; sleep 0.05; done');
    const states: ConnectionState[] = [];
    const seqs: number[] = [];

    for await (const event of followDeployment({
      ...optionsFor(proxy, id),
      silenceMs: 4_000,
      onConnection: (state) => states.push(state),
    })) {
      seqs.push(...seqsOf([event]));
      if (proxy.taken === 1) proxy.freezeAll();
    }

    expect(seqs).toEqual(upTo(seqs.length));
    expect(proxy.taken).toBe(2);
    expect(states).toEqual(['connecting', 'live', 'reconnecting', 'live']);
  });

  test('a loop that takes its time does not make a connection a dead one', async () => {
    await using proxy = await startFaultProxy({ targets: [plane.url] });
    const id = await deployFiles(plane, owner, await createApp(owner), appFiles('one', { build: 'seq 1 3000' }));
    const states: ConnectionState[] = [];
    const onConnection = (state: ConnectionState) => states.push(state);

    for await (const event of followDeployment({ ...optionsFor(proxy, id), silenceMs: 500, onConnection })) {
      if (event.__typename === 'DeploymentLogBatch' && event.lines[0]!.seq === 1) await delay(1_000);
    }

    expect(states).toEqual(['connecting', 'live']);
  });

  test('a loop that is left leaves no connection, even one whose other side is gone', async () => {
    await using proxy = await startFaultProxy({ targets: [plane.url] });

    for (const isGone of [false, true]) {
      for await (const event of followDeployment(optionsFor(proxy, quiet))) {
        expect(event.__typename).toBe('DeploymentLogBatch');
        if (isGone) proxy.freezeAll();
        break;
      }
      await untilNoneIsOpen(proxy);
    }
  });

  test('an abort ends the wait for the next line at once with its reason, and leaves no connection', async () => {
    await using proxy = await startFaultProxy({ targets: [plane.url] });
    const abort = new AbortController();
    const reason = new Error('enough');
    const following = collect({ ...optionsFor(proxy, quiet), signal: abort.signal });
    await until('it is connected', () => proxy.open === 1);

    abort.abort(reason);

    await expect(following).rejects.toBe(reason);
    await untilNoneIsOpen(proxy);
  });

  test('an abort while an event is handled closes the connection before the next one is asked for', async () => {
    await using proxy = await startFaultProxy({ targets: [plane.url] });
    const abort = new AbortController();
    const events = followDeployment({ ...optionsFor(proxy, ended), signal: abort.signal });
    await events.next();

    abort.abort();

    await untilNoneIsOpen(proxy);
    await expect(events.next()).rejects.toThrow(abort.signal.reason);
  });

  test('an iterator that is returned while it waits ends at once', async () => {
    await using proxy = await startFaultProxy({ targets: [plane.url] });
    const events = followDeployment({ ...optionsFor(proxy, quiet), after: '100' });
    const next = events.next();
    await until('it is connected', () => proxy.open === 1);

    await events.return!();

    expect(await next).toEqual({ done: true, value: undefined });
    await untilNoneIsOpen(proxy);
  });

  test('a refusal is thrown with its code, and not tried again', async () => {
    await using proxy = await startFaultProxy({ targets: [plane.url] });

    const codes = [
      await codeOf(collect(optionsFor(proxy, 'dep_unknown'))),
      await codeOf(collect({ ...optionsFor(proxy, ended), token: 'wl_wrong' })),
      await codeOf(collect({ ...optionsFor(proxy, ended), token: () => 'wl_wrong' })),
      await codeOf(collect({ ...optionsFor(proxy, ended), after: 'x' })),
    ];

    expect(codes).toEqual(['NOT_FOUND', 'UNAUTHENTICATED', 'UNAUTHENTICATED', 'BAD_USER_INPUT']);
    // Several requests may share a connection.
    expect(proxy.taken).toBeLessThanOrEqual(4);
  });

  test('after a token was revoked it goes on with a fresh one, if it can ask for one', async () => {
    await using proxy = await startFaultProxy({ targets: [plane.url] });
    const id = await triggerBuild('for i in $(seq 1 40); do echo "line $i"; sleep 0.05; done');
    const [first, second] = await Promise.all([
      createMember(plane, owner.organizationId, SCOPES),
      createMember(plane, owner.organizationId, SCOPES),
    ]);
    const tokens = [first.token, second.token];
    const withString = codeOf(collect({ ...optionsFor(proxy, id), token: first.token }));
    const seqs: number[] = [];

    for await (const event of followDeployment({ ...optionsFor(proxy, id), token: () => tokens[0]! })) {
      seqs.push(...seqsOf([event]));
      if (tokens.length === 1) continue;
      tokens.shift();
      await plane.app.database.prisma.apiToken.deleteMany({ where: { userId: first.userId } });
      proxy.cutAll();
    }

    expect(seqs).toEqual(upTo(seqs.length));
    expect(seqs.length).toBeGreaterThan(40);
    expect(await withString).toBe('UNAUTHENTICATED');
  });

  test('a server that cannot be reached for too long is UNAVAILABLE', async () => {
    const proxy = await startFaultProxy({ targets: [plane.url] });
    await proxy[Symbol.asyncDispose]();

    expect(await codeOf(collect({ ...optionsFor(proxy, ended), giveUpAfterMs: 500 }))).toBe('UNAVAILABLE');
  });

  test('events after the end are none, and that is no break', async () => {
    await using proxy = await startFaultProxy({ targets: [plane.url] });
    const all = await listOf(followDeploymentEvents(optionsFor(proxy, ended)));

    const after = String(all.at(-1)!.seq);
    const rest = await listOf(followDeploymentEvents({ ...optionsFor(proxy, ended), after }));

    expect(rest).toEqual([]);
    expect(proxy.taken).toBe(2);
  });

  test('a filter and a cursor choose what comes', async () => {
    const id = await deployFiles(
      plane,
      owner,
      await createApp(owner),
      appFiles('one', { build: 'echo hay; echo needle' }),
    );
    await using proxy = await startFaultProxy({ targets: [plane.url] });

    const events = await collect({
      ...optionsFor(proxy, id),
      after: '1',
      filter: { contains: 'needle', streams: ['STDOUT'] },
    });

    const lines = events.flatMap((event) => (event.__typename === 'DeploymentLogBatch' ? event.lines : []));
    expect(lines.map(({ message, phase }) => [message, phase])).toEqual([['needle', 'BUILD']]);
  });
});

test('without a WebSocket it follows over server-sent events', async () => {
  expect(globalThis.WebSocket).toBeUndefined();

  const events = await collect({ url: plane.url, token: owner.token, deploymentId: ended });

  expect(events.at(-1)).toMatchObject({ __typename: 'DeploymentLogEnd', status: 'COMPLETED' });
});

// The library under it would connect again by itself then, with the first cursor.
test('a socket that is closed in order before the end has broken: following goes on after the cursor', async () => {
  const server = new WebSocketServer({ port: 0, handleProtocols: () => 'graphql-transport-ws' });
  const cursors: (string | undefined)[] = [];
  server.on('connection', (socket) => {
    socket.on('message', (text: Buffer) => {
      const { type, id, payload } = JSON.parse(text.toString());
      const send = (message: object) => socket.send(JSON.stringify(message));
      if (type === 'connection_init') return send({ type: 'connection_ack' });
      if (type !== 'subscribe') return;
      cursors.push(payload.variables.after);
      const events = [
        { __typename: 'DeploymentLogBatch', cursor: '7', lines: [] },
        { __typename: 'DeploymentLogEnd', cursor: '7', status: 'COMPLETED', lineCount: 7 },
      ];
      send({ type: 'next', id, payload: { data: { deploymentLogs: events[cursors.length - 1] } } });
      socket.close(1000);
    });
  });
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const events = await collect({
    url,
    token: 'x',
    deploymentId: 'dep_x',
    transport: 'websocket',
    webSocketImpl: WebSocket,
  });

  expect(events.map(({ __typename }) => __typename)).toEqual(['DeploymentLogBatch', 'DeploymentLogEnd']);
  expect(cursors).toEqual([undefined, '7']);
  server.close();
});
