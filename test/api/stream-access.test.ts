import { createClient as createWsClient, MessageType, type Client } from 'graphql-ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { SCOPES } from '../../src/domain/access.ts';
import { followDeployment } from '../../src/client/index.ts';
import { metrics } from '../../src/metrics.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import {
  createApp,
  createMember,
  createOwner,
  pushVersion,
  trigger,
  untilLine,
  type Member,
  type SeededApp,
} from '../kit/seed.ts';
import { until } from '../kit/until.ts';

/** Streams end within 5 s; a busy machine gets some more. */
const DEADLINE_MS = 15_000;

let plane: Plane;
let owner: Member;
let app: SeededApp;
let deploymentId: string;
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
  app = await createApp(owner);
  const build = 'echo ready; sleep 600';
  await pushVersion(owner, app.entityId, { 'windlass.json': JSON.stringify({ build, start: 'true' }) });
  deploymentId = await trigger(owner, app.productionAppId);
  await untilLine(plane, deploymentId, 'ready');
});
afterAll(() => plane[Symbol.asyncDispose]());

const LOGS =
  'subscription ($id: ID!) { deploymentLogs(deploymentId: $id) { ... on DeploymentLogBatch { lines { seq } } } }';

/** A stock client that follows something, at first the deployment's log, and what became of it. */
function follow(token: string, query = LOGS, id = deploymentId) {
  const seen = { messages: 0, closeCode: 0 };
  const client: Client = createWsClient({
    url: `${plane.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
    on: {
      closed: (event) => (seen.closeCode = (event as { code: number }).code),
      message: ({ type }) => (seen.messages += type === MessageType.Next ? 1 : 0),
    },
  });
  client.subscribe({ query, variables: { id } }, { next: () => {}, error: () => {}, complete: () => {} });
  return { seen, [Symbol.asyncDispose]: async () => client.dispose() };
}

const ENDINGS: [what: string, end: (member: Member) => Promise<unknown>][] = [
  [
    'its token is revoked',
    ({ userId }) => db().apiToken.updateMany({ where: { userId }, data: { revokedAt: new Date() } }),
  ],
  [
    'its token expires',
    ({ userId }) => db().apiToken.updateMany({ where: { userId }, data: { expiresAt: new Date() } }),
  ],
  ['its member is removed', ({ userId }) => db().membership.deleteMany({ where: { userId } })],
  [
    'its member loses a scope',
    async ({ userId }) => {
      const { roleId } = await db().membership.findFirstOrThrow({ where: { userId } });
      await db().role.update({ where: { id: roleId }, data: { scopes: ['org:billing'] } });
    },
  ],
];

/** The other tests' streams have ended when one begins. */
async function openStreams(): Promise<number> {
  const { values } = await metrics.subscriptions.get();
  return values[0]?.value ?? 0;
}

function db() {
  return plane.app.database.prisma;
}

test.each(ENDINGS)('a stream over WebSocket is closed with 4403 when %s', async (_what, end) => {
  const member = await createMember(plane, owner.organizationId, SCOPES);
  await using watching = follow(member.token);
  await until('it has lines', () => watching.seen.messages > 0);

  await end(member);

  await until('it is closed', () => watching.seen.closeCode !== 0, DEADLINE_MS);
  expect(watching.seen.closeCode).toBe(4403);
});

// Some give the same to all who watch, and come by a way of their own.
const STREAMS: [field: string, query: string, idOf: () => string][] = [
  [
    'deploymentUpdated',
    'subscription ($id: ID!) { deploymentUpdated(deploymentId: $id) { status } }',
    () => deploymentId,
  ],
  [
    'deploymentEvents',
    'subscription ($id: ID!) { deploymentEvents(deploymentId: $id) { __typename } }',
    () => deploymentId,
  ],
  [
    'runtimeLogs',
    'subscription ($id: ID!) { runtimeLogs(productionAppId: $id) { __typename } }',
    () => app.productionAppId,
  ],
  [
    'deploymentsChanged',
    'subscription ($id: ID!) { deploymentsChanged(productionAppId: $id) { id } }',
    () => app.productionAppId,
  ],
];

test.each(STREAMS)('%s over WebSocket is closed with 4403 when its token is revoked', async (_field, query, idOf) => {
  const member = await createMember(plane, owner.organizationId, SCOPES);
  await using watching = follow(member.token, query, idOf());
  await until('it is open', async () => (await openStreams()) > 0);

  await db().apiToken.updateMany({ where: { userId: member.userId }, data: { revokedAt: new Date() } });

  await until('it is closed', () => watching.seen.closeCode !== 0, DEADLINE_MS);
  expect(watching.seen.closeCode).toBe(4403);
});

test.each(ENDINGS)('an event stream says why and ends when %s', async (_what, end) => {
  const member = await createMember(plane, owner.organizationId, SCOPES);
  const response = await fetch(`${plane.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      authorization: `Bearer ${member.token}`,
    },
    body: JSON.stringify({
      query: 'subscription ($id: ID!) { deploymentUpdated(deploymentId: $id) { status } }',
      variables: { id: deploymentId },
    }),
  });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const reading = (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += value;
    }
  })();
  await until('it has begun', () => text.includes('IN_PROGRESS'));

  await end(member);

  await until('it has said why', () => /UNAUTHENTICATED|FORBIDDEN/.test(text), DEADLINE_MS);
  await reading;
  expect(text).toMatch(/event: complete/);
});

test('a follower whose token was replaced goes on after its cursor, without a gap or a line twice', async () => {
  const member = await createMember(plane, owner.organizationId, SCOPES);
  const second = await createMember(plane, owner.organizationId, SCOPES);
  const tokens = [member.token, second.token];
  const abort = new AbortController();
  const numbers: number[] = [];
  let asked = 0;
  const following = (async () => {
    const events = followDeployment({
      url: plane.url,
      token: () => tokens[Math.min(asked++, 1)]!,
      deploymentId,
      signal: abort.signal,
    });
    for await (const event of events) {
      if (event.__typename === 'DeploymentLogBatch') numbers.push(...event.lines.map(({ seq }) => seq));
    }
  })().catch(() => {});
  await until('it has lines', () => numbers.length > 0);

  await db().apiToken.updateMany({ where: { userId: member.userId }, data: { revokedAt: new Date() } });
  await until('it has asked for another token', () => asked > 1, DEADLINE_MS);

  abort.abort();
  await following;
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_unused, index) => index + 1));
});

test('the changes of one app end when it is deleted', async () => {
  const member = await createOwner(plane);
  const gone = await createApp(member);
  const client = createWsClient({
    url: `${plane.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${member.token}` },
  });
  const query = `subscription { deploymentsChanged(productionAppId: "${gone.productionAppId}") { id } }`;
  const changes = client.iterate({ query });
  const ended = changes.next();

  await plane.rest('DELETE', `/api/production-apps/${gone.productionAppId}`, { token: member.token });

  expect(await ended).toEqual({ done: true, value: undefined });
  await client.dispose();
});
