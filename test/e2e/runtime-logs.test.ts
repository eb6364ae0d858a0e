import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { dataFolders } from '../../src/config.ts';
import { graphql } from '../kit/graphql.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { appFiles, createApp, createMember, createOwner, deployFiles, type Files, type Member } from '../kit/seed.ts';
import { until } from '../kit/until.ts';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

/** An app that prints what its requests ask it to, and ends when it is told to. */
function talkative(version: string): Files {
  return {
    ...appFiles(version, { health: { watch: '0s' } }),
    'server.mjs': `
      import { createServer } from 'node:http';
      console.log('${version} starts');
      createServer((request, response) => {
        const { pathname, searchParams } = new URL(request.url, 'http://localhost');
        if (pathname === '/print') console[searchParams.get('to') ?? 'log'](searchParams.get('text'));
        if (pathname === '/exit') process.exit(Number(searchParams.get('code')));
        response.end('${version}');
      }).listen(process.env.PORT, '127.0.0.1');
    `,
  };
}

const LINES = `query ($id: ID!, $last: Int, $first: Int, $after: String, $filter: RuntimeLogFilter) {
  productionApp(id: $id) {
    runtimeLogs(last: $last, first: $first, after: $after, filter: $filter) {
      nodes { seq stream message deployment { number } }
      totalCount
      pageInfo { hasNextPage hasPreviousPage endCursor }
    }
  }
}`;

async function messages(productionAppId: string, filter: object = {}): Promise<string[]> {
  const { data } = await graphql(plane, owner.token, LINES, { id: productionAppId, first: 1_000, filter });
  return data.productionApp.runtimeLogs.nodes.map(({ message }: { message: string }) => message);
}

type RuntimeLogEvent =
  | { __typename: 'RuntimeLogBatch'; cursor: string; dropped: number; lines: { seq: number; message: string }[] }
  | { __typename: 'RuntimeLogEnd'; cursor: string };

function follow(variables: { id: string; after?: string; filter?: object }, token = owner.token) {
  const client = createClient({
    url: `${plane.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
  });
  const query = `subscription ($id: ID!, $after: String, $filter: RuntimeLogFilter) {
    runtimeLogs(productionAppId: $id, after: $after, filter: $filter) {
      __typename
      ... on RuntimeLogBatch { cursor dropped lines { seq message } }
      ... on RuntimeLogEnd { cursor }
    }
  }`;
  const events: RuntimeLogEvent[] = [];
  const codes: unknown[] = [];
  const ended = (async () => {
    for await (const { data, errors } of client.iterate<{ runtimeLogs: RuntimeLogEvent }>({ query, variables })) {
      codes.push(...(errors ?? []).map(({ extensions }) => extensions?.['code']));
      if (data) events.push(data.runtimeLogs);
    }
    await client.dispose();
  })();
  const lines = () => events.flatMap((event) => (event.__typename === 'RuntimeLogBatch' ? event.lines : []));
  return { events, codes, ended, lines };
}

test('what an app prints can be read, from which stream and of which deployment, over its versions', async () => {
  const app = await createApp(owner);
  await deployFiles(plane, owner, app, talkative('one'));
  await plane.visit(app.subdomain, '/print?text=hello');
  await plane.visit(app.subdomain, '/print?to=error&text=trouble');
  await until('both lines are stored', async () => (await messages(app.productionAppId)).includes('trouble'));
  await deployFiles(plane, owner, app, talkative('two'));
  await until('the second version has printed, and the first one stopped', async () => {
    const all = await messages(app.productionAppId);
    return all.includes('two starts') && all.includes('It was stopped.');
  });

  const { data } = await graphql(plane, owner.token, LINES, { id: app.productionAppId, first: 1_000 });
  const { nodes, totalCount } = data.productionApp.runtimeLogs;
  const printed = nodes.filter(({ stream }: { stream: string }) => stream !== 'SYSTEM');

  expect(nodes.map(({ seq }: { seq: number }) => seq)).toEqual(
    Array.from({ length: totalCount }, (_unused, i) => i + 1),
  );
  expect(printed.map(({ seq: _seq, ...line }: { seq: number }) => line)).toEqual([
    { stream: 'STDOUT', message: 'one starts', deployment: { number: 1 } },
    { stream: 'STDOUT', message: 'hello', deployment: { number: 1 } },
    { stream: 'STDERR', message: 'trouble', deployment: { number: 1 } },
    { stream: 'STDOUT', message: 'two starts', deployment: { number: 2 } },
  ]);
  expect(await messages(app.productionAppId, { streams: ['STDERR'] })).toEqual(['trouble']);
});

test('pages of a runtime log go both ways, and a cursor goes on where it stands', async () => {
  const app = await createApp(owner);
  await deployFiles(plane, owner, app, talkative('paged'));
  for (let n = 1; n <= 5; n += 1) await plane.visit(app.subdomain, `/print?text=n${n}`);
  await until('all are stored', async () => (await messages(app.productionAppId)).includes('n5'));
  const page = async (args: object) => {
    const { data } = await graphql(plane, owner.token, LINES, {
      id: app.productionAppId,
      filter: { contains: 'n' },
      ...args,
    });
    const { nodes, pageInfo } = data.productionApp.runtimeLogs;
    return { messages: nodes.map(({ message }: { message: string }) => message), pageInfo };
  };

  const last = await page({ last: 2 });
  const first = await page({ first: 2, filter: { streams: ['STDOUT'] } });
  const next = await page({ first: 2, after: first.pageInfo.endCursor, filter: { streams: ['STDOUT'] } });

  expect(last).toMatchObject({ messages: ['n4', 'n5'], pageInfo: { hasPreviousPage: true } });
  expect([first.messages, next.messages]).toEqual([
    ['paged starts', 'n1'],
    ['n2', 'n3'],
  ]);
});

test('a subscription gives what is stored, then what comes, goes on after its cursor, and ends with its app', async () => {
  const app = await createApp(owner);
  await deployFiles(plane, owner, app, talkative('followed'));
  const first = follow({ id: app.productionAppId });
  for (let n = 1; n <= 20; n += 1) await plane.visit(app.subdomain, `/print?text=n${n}`);
  await until('the last line comes', () => first.lines().some(({ message }) => message === 'n20'));
  const half = first.lines().find(({ message }) => message === 'n10')!;
  const second = follow({ id: app.productionAppId, after: String(half.seq), filter: { contains: 'n' } });
  await until('the rest comes', () => second.lines().length === 10);

  await graphql(
    plane,
    owner.token,
    `
      mutation ($id: ID!) {
        deleteProductionApp(input: { id: $id }) {
          productionApp {
            id
          }
        }
      }
    `,
    { id: app.productionAppId },
  );
  await Promise.all([first.ended, second.ended]);

  expect(first.lines().map(({ seq }) => seq)).toEqual(first.lines().map((_line, i) => i + 1));
  expect(second.lines().map(({ message }) => message)).toEqual(
    Array.from({ length: 10 }, (_unused, i) => `n${i + 11}`),
  );
  expect(first.events.at(-1)!.__typename).toBe('RuntimeLogEnd');
  expect(second.events.at(-1)!.__typename).toBe('RuntimeLogEnd');
});

test('a live app that ends is started again, and its log and the events of its deployment say so', async () => {
  const app = await createApp(owner);
  const deploymentId = await deployFiles(plane, owner, app, talkative('fragile'));

  await plane.visit(app.subdomain, '/exit?code=3').catch(() => {}); // It ends in the middle of the answer.

  await until('it answers again', async () => (await plane.visit(app.subdomain)).body === 'fragile');
  const query = `query ($id: ID!) { deployment(id: $id) { status events(last: 3) { nodes { type status message } } } }`;
  const deployment = await until('the deployment tells both', async () => {
    const { data } = await graphql(plane, owner.token, query, { id: deploymentId });
    return data.deployment.events.nodes.at(-1).message?.includes('is healthy') ? data.deployment : null;
  });
  expect(deployment).toEqual({
    status: 'COMPLETED',
    events: {
      nodes: [
        { type: 'STATUS', status: 'COMPLETED', message: null },
        {
          type: 'RELEASE',
          status: null,
          message: '`exec node server.mjs` exited with code 3 after it was healthy. It is started again in 1 s.',
        },
        {
          type: 'RELEASE',
          status: null,
          message: expect.stringMatching(/^It runs as process \d+ on port \d+ and is healthy\.$/),
        },
      ],
    },
  });
  const told = await messages(app.productionAppId, { streams: ['SYSTEM'] });
  expect(told).toContain(deployment.events.nodes[1].message);
  const started = (await messages(app.productionAppId)).filter((message) => message === 'fragile starts');
  expect(started).toHaveLength(2);
});

test('a runtime log is seen by members of the organization and by nobody else', async () => {
  const app = await createApp(owner);
  const member = await createMember(plane, owner.organizationId, []);
  const stranger = await createOwner(plane);
  await deployFiles(plane, owner, app, talkative('private'));

  const seen = await graphql(plane, member.token, LINES, { id: app.productionAppId, first: 1 });
  const unseen = await graphql(plane, stranger.token, LINES, { id: app.productionAppId, first: 1 });
  const refused = follow({ id: app.productionAppId }, stranger.token);
  await refused.ended;

  expect(seen.data.productionApp.runtimeLogs.nodes).toHaveLength(1);
  expect(unseen.data).toEqual({ productionApp: null });
  expect(refused.codes).toEqual(['NOT_FOUND']);
});

test('what a process printed is not kept twice: its output files are gone when it is', async () => {
  const app = await createApp(owner);
  await deployFiles(plane, owner, app, talkative('first'));
  const output = join(dataFolders(plane.dataDir).apps, app.productionAppId, 'output');
  expect(readdirSync(output)).toHaveLength(2);

  await deployFiles(plane, owner, app, talkative('second'));

  await until('only those of the second one are there', () => readdirSync(output).length === 2);
  expect((await messages(app.productionAppId)).filter((message) => message.endsWith('starts'))).toEqual([
    'first starts',
    'second starts',
  ]);
});
