import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient, type Client } from 'graphql-ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { followDeployment } from '../../src/client/follow.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
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
import { SCOPES } from '../../src/domain/access.ts';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

const LOGS = `subscription ($id: ID!, $after: String, $filter: DeploymentLogFilter) {
  deploymentLogs(deploymentId: $id, after: $after, filter: $filter) {
    __typename
    ... on DeploymentLogBatch { cursor history lines { seq phase stream message } }
    ... on DeploymentLogEnd { status cursor lineCount }
  }
}`;

interface Line {
  readonly seq: number;
  readonly phase: string;
  readonly stream: string;
  readonly message: string;
}
type LogEvent =
  | { __typename: 'DeploymentLogBatch'; cursor: string; history: boolean; lines: Line[] }
  | { __typename: 'DeploymentLogEnd'; status: string; cursor: string; lineCount: number };

function connect(token: string | null): Client & Disposable {
  const client = createWsClient({
    url: `${plane.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: token ? { authorization: `Bearer ${token}` } : {},
    retryAttempts: 0,
  });
  return { ...client, [Symbol.dispose]: () => void client.dispose() };
}

/** Everything a subscription gives until it completes. */
async function collect<Data>(
  results: AsyncIterable<{ data?: Data | null; errors?: readonly { message: string; extensions?: object }[] }>,
): Promise<{ data: Data[]; codes: unknown[] }> {
  const data: Data[] = [];
  const codes: unknown[] = [];
  for await (const result of results) {
    if (result.data) data.push(result.data);
    codes.push(...(result.errors ?? []).map(({ extensions }) => (extensions as { code?: string }).code));
  }
  return { data, codes };
}

const overWebSocket = (token: string, variables: Record<string, unknown>) =>
  collect<{ deploymentLogs: LogEvent }>(connect(token).iterate({ query: LOGS, variables }));

const overSse = (token: string, variables: Record<string, unknown>) =>
  collect<{ deploymentLogs: LogEvent }>(
    createSseClient({
      url: `${plane.url}/graphql`,
      headers: { authorization: `Bearer ${token}` },
      retryAttempts: 0,
    }).iterate({ query: LOGS, variables }) as never,
  );

const linesOf = (events: { deploymentLogs: LogEvent }[]) =>
  events.flatMap(({ deploymentLogs: event }) => (event.__typename === 'DeploymentLogBatch' ? event.lines : []));
const endOf = (events: { deploymentLogs: LogEvent }[]) => events.at(-1)?.deploymentLogs;

test('stock WebSocket and SSE clients and REST see the same lines of a deployment while it runs, once each, in order', async () => {
  const app = await createApp(owner);
  const build = 'for i in $(seq 1 300); do echo "line $i"; done; sleep 0.3; echo last >&2';
  const id = await trigger(
    owner,
    app.productionAppId,
    await pushVersion(owner, app.entityId, appFiles('one', { build })),
  );

  const [ws, sse, kit] = await Promise.all([
    overWebSocket(owner.token, { id }),
    overSse(owner.token, { id }),
    (async () => {
      const events = [];
      const options = { url: plane.url, token: owner.token, deploymentId: id, webSocketImpl: WebSocket };
      for await (const event of followDeployment(options)) events.push({ deploymentLogs: event as LogEvent });
      return events;
    })(),
  ]);

  const rest = JSON.parse((await plane.rest('GET', `/api/deploys/${id}`, { token: owner.token })).body);
  const lines = linesOf(ws.data);
  expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_line, index) => index + 1));
  expect(
    lines.filter(({ phase, stream }) => phase === 'BUILD' && stream === 'STDOUT').map(({ message }) => message),
  ).toEqual(Array.from({ length: 300 }, (_unused, index) => `line ${index + 1}`));
  expect(linesOf(sse.data)).toEqual(lines);
  expect(linesOf(kit).map(({ seq, message }) => [seq, message])).toEqual(
    lines.map(({ seq, message }) => [seq, message]),
  );
  expect(rest.logs.map((line: Line) => [line.seq, line.message])).toEqual(
    lines.map(({ seq, message }) => [seq, message]),
  );
  const end = {
    __typename: 'DeploymentLogEnd',
    status: 'COMPLETED',
    cursor: String(lines.length),
    lineCount: lines.length,
  };
  expect([endOf(ws.data), endOf(sse.data)]).toEqual([end, end]);
});

test('a subscription to a deployment that has ended replays it and ends', async () => {
  const id = await deployFiles(plane, owner, await createApp(owner), appFiles('one'));

  const { data } = await overWebSocket(owner.token, { id });

  expect(linesOf(data).length).toBeGreaterThan(5);
  expect(
    data.slice(0, -1).every(({ deploymentLogs: event }) => event.__typename === 'DeploymentLogBatch' && event.history),
  ).toBe(true);
  expect(endOf(data)).toMatchObject({ __typename: 'DeploymentLogEnd', status: 'COMPLETED' });
});

test('a subscription goes on after its cursor', async () => {
  const id = await deployFiles(plane, owner, await createApp(owner), appFiles('one'));
  const all = linesOf((await overWebSocket(owner.token, { id })).data);

  const { data } = await overSse(owner.token, { id, after: String(all[2]!.seq) });

  expect(linesOf(data)).toEqual(all.slice(3));
});

test('a filter drops lines on the server, and the cursor counts them all the same', async () => {
  const build = 'echo needle; echo hay; echo needle two >&2';
  const id = await deployFiles(plane, owner, await createApp(owner), appFiles('one', { build }));

  const { data } = await overWebSocket(owner.token, {
    id,
    filter: { contains: 'needle', streams: ['STDOUT', 'STDERR'] },
  });

  // Two pipes have no common order.
  expect(
    linesOf(data)
      .map(({ message }) => message)
      .toSorted(),
  ).toEqual(['needle', 'needle two']);
  const end = endOf(data)!;
  const batches = data.flatMap(({ deploymentLogs: event }) =>
    event.__typename === 'DeploymentLogBatch' ? [event.cursor] : [],
  );
  expect(batches.at(-1)).toBe(end.cursor);
});

test('deploymentUpdated gives the deployment at once, never goes back, and completes after the terminal state', async () => {
  const app = await createApp(owner);
  const id = await trigger(owner, app.productionAppId, await pushVersion(owner, app.entityId, appFiles('one')));
  const query = `subscription ($id: ID!) { deploymentUpdated(deploymentId: $id) { status stateVersion phases { name status } } }`;

  const { data } = await collect<{
    deploymentUpdated: { status: string; stateVersion: number; phases: { status: string }[] };
  }>(connect(owner.token).iterate({ query, variables: { id } }) as never);

  const versions = data.map(({ deploymentUpdated }) => deploymentUpdated.stateVersion);
  expect(versions).toEqual(versions.toSorted((a, b) => a - b));
  expect(data.at(-1)!.deploymentUpdated.status).toBe('COMPLETED');
  expect(data.at(-1)!.deploymentUpdated.phases.map(({ status }) => status)).toEqual(Array(8).fill('COMPLETED'));
  expect(data.length).toBeGreaterThan(3);
});

test("another tenant's deployment is not there for a subscription, as over HTTP", async () => {
  const id = await deployFiles(plane, owner, await createApp(owner), appFiles('one'));
  const stranger = await createOwner(plane);

  const [ws, sse] = await Promise.all([overWebSocket(stranger.token, { id }), overSse(stranger.token, { id })]);

  expect([ws.codes, sse.codes]).toEqual([['NOT_FOUND'], ['NOT_FOUND']]);
});

test('a member without the deploy scope may watch', async () => {
  const id = await deployFiles(plane, owner, await createApp(owner), appFiles('one'));
  const reader = await createMember(
    plane,
    owner.organizationId,
    SCOPES.filter((scope) => scope !== 'entities:deploy'),
  );

  const { data } = await overWebSocket(reader.token, { id });

  expect(endOf(data)).toMatchObject({ __typename: 'DeploymentLogEnd' });
});

test('a socket with a wrong token is closed with 4403', async () => {
  const closed = overWebSocket('wl_wrong', { id: 'dep_x' });

  await expect(closed).rejects.toMatchObject({ code: 4403 });
});

test('operations over WebSocket are masked, validated and authorized as over HTTP', async () => {
  const anonymous = connect(null);

  const run = (query: string, variables = {}) => collect(anonymous.iterate({ query, variables }));
  expect((await run('subscription { deploymentLogs(deploymentId: "dep_x") { __typename } }')).codes).toEqual([
    'UNAUTHENTICATED',
  ]);
  expect((await run('{ viewer { user { id } } }')).codes).toEqual(['UNAUTHENTICATED']);
  expect((await run('{ __typename }')).data).toEqual([{ __typename: 'Query' }]);
  anonymous[Symbol.dispose]();
  // graphql-ws answers what does not fit the schema with an error message.
  await expect(collect(connect(owner.token).iterate({ query: '{ nothing }' }))).rejects.toMatchObject([
    { extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } },
  ]);
  const malformed = collect(connect(owner.token).iterate({ query: '{ deployment(id: "\\u0000") { id } }' }));
  expect((await malformed).codes).toEqual(['BAD_USER_INPUT']);
});

test('a document that is not GraphQL is refused over WebSocket without closing the socket', async () => {
  const client = connect(owner.token);

  await expect(collect(client.iterate({ query: '{' }))).rejects.toMatchObject([
    { extensions: { code: 'GRAPHQL_PARSE_FAILED' } },
  ]);
  expect((await collect(client.iterate({ query: '{ __typename }' }))).data).toEqual([{ __typename: 'Query' }]);
});

test('a client that leaves in the middle of a deployment leaves no listener behind', async () => {
  const app = await createApp(owner);
  const files = appFiles('one', { build: 'echo started; sleep 0.5' });
  const id = await trigger(owner, app.productionAppId, await pushVersion(owner, app.entityId, files));
  await untilLine(plane, id, 'started');
  const client = connect(owner.token);
  const iterator = client.iterate({ query: LOGS, variables: { id } });
  await iterator.next();

  await iterator.return?.();

  // The plane's own check at the end fails when something still runs.
  expect((await overWebSocket(owner.token, { id })).data.at(-1)!.deploymentLogs).toMatchObject({ status: 'COMPLETED' });
});
