import { readFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { graphql } from '../kit/graphql.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { createOwner, type Member } from '../kit/seed.ts';
import { until } from '../kit/until.ts';
import { holdDeployment } from '../kit/written-log.ts';

const STALL_MS = 1_500;

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane({ roles: ['api'], streamStallMs: STALL_MS });
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

const LOGS = `subscription ($id: ID!, $after: String) {
  deploymentLogs(deploymentId: $id, after: $after) {
    ... on DeploymentLogBatch { cursor lines { seq message } }
    ... on DeploymentLogEnd { status lineCount }
  }
}`;
type LogEvent = { cursor: string; lines: { seq: number }[] } | { status: string; lineCount: number };
type LogResult = { data?: { deploymentLogs: LogEvent } | null };

const seqsOf = (events: readonly LogEvent[]) =>
  events.flatMap((event) => ('lines' in event ? event.lines.map(({ seq }) => seq) : []));
const upTo = (count: number) => Array.from({ length: count }, (_unused, index) => index + 1);

async function collect(results: AsyncIterable<LogResult>): Promise<LogEvent[]> {
  const events: LogEvent[] = [];
  for await (const { data } of results) events.push(data!.deploymentLogs);
  return events;
}

async function createTicket(member: Member): Promise<string> {
  const { data } = await graphql(plane, member.token, 'mutation { createStreamTicket { ticket expiresAt } }');
  return data.createStreamTicket.ticket as string;
}

const eventStream = (path: string) => plane.rest('GET', path, { headers: { accept: 'text/event-stream' } });

test('a ticket opens one stream, over REST or GraphQL, and no second one', async () => {
  const deployment = await holdDeployment(plane, owner);
  await deployment.append([{ message: 'one' }]);
  await deployment.end();
  const paths = [
    `/api/deploys/${deployment.id}/logs?`,
    `/graphql?query=${encodeURIComponent(LOGS)}&variables=${encodeURIComponent(JSON.stringify({ id: deployment.id }))}&`,
  ];

  for (const path of paths) {
    const url = `${path}ticket=${await createTicket(owner)}`;
    const first = await eventStream(url);
    expect([first.status, first.body]).toEqual([200, expect.stringContaining('"seq":1')]);
    const second = await eventStream(url);
    expect([second.status, second.body]).toEqual([401, expect.stringContaining('UNAUTHENTICATED')]);
  }
});

test('a ticket is made over REST as well, and works for a minute', async () => {
  const made = await plane.rest('POST', '/api/stream-tickets', { token: owner.token });

  expect(made.status).toBe(201);
  const { ticket, expiresAt } = JSON.parse(made.body);
  expect(ticket).toMatch(/^wlt_/);
  expect((new Date(expiresAt).getTime() - Date.now()) / 1_000).toBeCloseTo(60, -1);
});

test('a ticket that is too old, or whose token was revoked, opens nothing', async () => {
  const deployment = await holdDeployment(plane, owner);
  const leaver = await createOwner(plane);
  const [old, revoked] = [await createTicket(owner), await createTicket(leaver)];
  const { prisma } = plane.app.database;
  const past = new Date(Date.now() - 1);
  await prisma.streamTicket.updateMany({ where: { token: { userId: owner.userId } }, data: { expiresAt: past } });
  await prisma.apiToken.updateMany({ where: { userId: leaver.userId }, data: { revokedAt: past } });

  for (const ticket of [old, revoked, 'wlt_wrong']) {
    expect((await eventStream(`/api/deploys/${deployment.id}/logs?ticket=${ticket}`)).status).toBe(401);
  }
});

test('a ticket is worth nothing where no stream is asked for', async () => {
  const ticket = await createTicket(owner);

  const rest = await plane.rest('GET', `/api/deploys?ticket=${ticket}`);
  const mutation = await plane.rest('POST', `/graphql?ticket=${ticket}`, {
    body: { query: '{ viewer { user { id } } }' },
  });

  expect([rest.status, mutation.body]).toEqual([401, expect.stringContaining('UNAUTHENTICATED')]);
});

test('nobody gets a ticket without a token', async () => {
  expect((await plane.rest('POST', '/api/stream-tickets')).status).toBe(401);
});

const singleConnection = (member: Member) =>
  createSseClient({
    url: `${plane.url}/graphql/stream`,
    headers: { authorization: `Bearer ${member.token}` },
    singleConnection: true,
    retryAttempts: 0,
  });

test('one event stream carries several operations of a stock graphql-sse client, each whole and in order', async () => {
  const [one, two] = [await holdDeployment(plane, owner), await holdDeployment(plane, owner)];
  await one.append(upTo(350).map((n) => ({ message: `one ${n}` })));
  await two.append(upTo(20).map((n) => ({ message: `two ${n}` })));
  const client = singleConnection(owner);
  const follow = (id: string) =>
    collect(client.iterate({ query: LOGS, variables: { id } }) as AsyncIterable<LogResult>);

  const following = [follow(one.id), follow(two.id)];
  await two.append([{ message: 'late' }]);
  await Promise.all([one.end(), two.end()]);
  const [ofOne, ofTwo] = await Promise.all(following);

  expect([seqsOf(ofOne!), seqsOf(ofTwo!)]).toEqual([upTo(350), upTo(21)]);
  expect([ofOne!.at(-1), ofTwo!.at(-1)]).toEqual([
    { status: 'FAILED', lineCount: 350 },
    { status: 'FAILED', lineCount: 21 },
  ]);
  client.dispose();
});

test('refusals on a shared event stream have their codes, and the stream goes on', async () => {
  const client = singleConnection(owner);
  const run = async (query: string, variables = {}) => {
    const codes: unknown[] = [];
    for await (const { errors } of client.iterate({ query, variables })) {
      codes.push(...(errors ?? []).map(({ extensions }) => extensions?.['code']));
    }
    return codes;
  };

  expect(await run('{')).toEqual(['GRAPHQL_PARSE_FAILED']);
  expect(await run('{ nothing }')).toEqual(['GRAPHQL_VALIDATION_FAILED']);
  expect(await run(LOGS, { id: 'dep_x' })).toEqual(['NOT_FOUND']);
  expect(await run('{ __typename }')).toEqual([]);
  client.dispose();
});

test("somebody else's event stream is as unknown as one that does not exist", async () => {
  const stranger = await createOwner(plane);
  const reserved = await plane.rest('PUT', '/graphql/stream', { token: owner.token });
  expect(reserved.status).toBe(201);
  const operation = { query: '{ __typename }', extensions: { operationId: '1' } };
  const send = (token: string | undefined, stream: string) =>
    plane.rest('POST', '/graphql/stream', {
      token,
      body: operation,
      headers: { 'x-graphql-event-stream-token': stream },
    });

  expect((await send(stranger.token, reserved.body)).status).toBe(404);
  expect((await send(owner.token, 'no-such-stream')).status).toBe(404);
  expect((await send(undefined, reserved.body)).status).toBe(401);
  expect((await send(owner.token, reserved.body)).status).toBe(202);
});

const webSocketOf = (member: Member) =>
  createWsClient({
    url: `${plane.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${member.token}` },
    retryAttempts: 0,
  });

test('lists hear of every deployment that is made or changed, of their app or organization alone', async () => {
  const client = webSocketOf(owner);
  const query = `subscription ($app: ID, $organization: ID) {
    deploymentsChanged(productionAppId: $app, organizationId: $organization) { id status }
  }`;
  const heard: Record<string, { id: string; status: string }[]> = { all: [], app: [], organization: [] };
  const known = await holdDeployment(plane, owner);
  const listen = async (name: string, variables: object) => {
    const results = client.iterate<{ deploymentsChanged: { id: string; status: string } }>({
      query,
      variables: variables as Record<string, unknown>,
    });
    for await (const { data } of results) heard[name]!.push(data!.deploymentsChanged);
  };
  const listening = Promise.all([
    listen('all', {}),
    listen('app', { app: known.app.productionAppId }),
    listen('organization', { organization: owner.organizationId }),
  ]);
  // Nobody is told that they listen: they have heard of a change when they do.
  await until('all three listen', async () => {
    await holdDeployment(plane, owner);
    return heard['all']!.length > 0 && heard['organization']!.length > 0;
  });
  await known.end();
  const stranger = await holdDeployment(plane, await createOwner(plane));
  const other = await holdDeployment(plane, owner);

  await until('they have heard', () =>
    ['all', 'app', 'organization'].every((name) =>
      heard[name]!.some(({ id }) => id === (name === 'app' ? known : other).id),
    ),
  );

  const ids = (name: string) => [...new Set(heard[name]!.map(({ id }) => id))];
  expect(ids('all')).not.toContain(stranger.id);
  expect(ids('all')).toContain(other.id);
  expect(ids('organization')).not.toContain(stranger.id);
  expect(ids('app')).toEqual([known.id]);
  expect(heard['app']!.at(-1)).toEqual({ id: known.id, status: 'FAILED' });
  await client.dispose();
  await listening;
});

test('a list of an organization or app that may not be seen is not there', async () => {
  const stranger = await createOwner(plane);
  const { app } = await holdDeployment(plane, stranger);
  const run = async (args: string) => {
    const client = webSocketOf(owner);
    const codes: unknown[] = [];
    for await (const { errors } of client.iterate({ query: `subscription { deploymentsChanged(${args}) { id } }` })) {
      codes.push(errors?.[0]?.extensions?.['code']);
    }
    await client.dispose();
    return codes;
  };

  expect(await run(`organizationId: "${stranger.organizationId}"`)).toEqual(['NOT_FOUND']);
  expect(await run(`productionAppId: "${app.productionAppId}"`)).toEqual(['NOT_FOUND']);
});

/** 40,000 lines of 500 characters: far more than any socket holds. */
const LARGE = upTo(40_000).map((n) => ({ message: `${n} `.padEnd(500, '.') }));

test('a WebSocket that does not read is dropped with 4408, and holds up nobody', async () => {
  const deployment = await holdDeployment(plane, owner);
  await deployment.append(LARGE);
  await deployment.end();
  const stalled = await openSocket(owner, deployment.id);
  stalled.pause();
  const pausedAt = Date.now();

  const read = await collect(webSocketOf(owner).iterate({ query: LOGS, variables: { id: deployment.id } }) as never);
  await until('it has not read for too long', () => Date.now() - pausedAt > STALL_MS * 1.5);
  const closed = new Promise<number>((resolve) => stalled.once('close', resolve));
  stalled.resume();

  expect(seqsOf(read)).toEqual(upTo(40_000));
  expect(await closed).toBe(4408);
});

async function openSocket(member: Member, id: string): Promise<WebSocket> {
  const socket = new WebSocket(`${plane.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  await new Promise((resolve) => socket.once('open', resolve));
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${member.token}` } }));
  await new Promise((resolve) => socket.once('message', resolve));
  socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query: LOGS, variables: { id } } }));
  return socket;
}

const subscription = (id: string) => JSON.stringify({ query: LOGS, variables: { id } });

test.each([
  ['REST', (id: string) => `GET /api/deploys/${id}/logs`, () => ''],
  ['GraphQL', () => 'POST /graphql', subscription],
  ['graphql-sse', () => 'POST /graphql/stream', subscription],
])('an event stream over %s that is not read is dropped', async (_name, call, bodyOf) => {
  const deployment = await holdDeployment(plane, owner);
  await deployment.append(LARGE);
  const body = bodyOf(deployment.id);
  const socket = connectTcp(Number(new URL(plane.url).port), '127.0.0.1');
  socket.on('error', () => {});
  const lines = [
    `${call(deployment.id)} HTTP/1.1`,
    'host: localhost',
    `authorization: Bearer ${owner.token}`,
    'accept: text/event-stream',
    ...(body ? ['content-type: application/json', `content-length: ${body.length}`] : []),
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  await new Promise((resolve) => socket.once('readable', resolve));
  expect(isConnected(socket)).toBe(true);

  await until('the server has dropped it', () => !isConnected(socket));

  socket.destroy();
});

/** Whether the server still holds its side of a connection: the client, which does not read, cannot tell. */
function isConnected({ localPort, remotePort }: Socket): boolean {
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0');
  const established = `:${hex(remotePort!)} [0-9A-F]+:${hex(localPort!)} 01 `;
  return new RegExp(established).test(readFileSync('/proc/net/tcp', 'utf8'));
}
