import {
  type GraphQLArgument,
  buildSchema,
  isObjectType,
  isInterfaceType,
  isInputObjectType,
  isEnumType,
} from 'graphql';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createId } from '../../src/domain/ids.ts';
import { requestCancel } from '../../src/store/cancellations.ts';
import { insertDeployment } from '../../src/store/deployments.ts';
import { graphql } from '../kit/graphql.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import {
  appFiles,
  createApp,
  createOwner,
  deployFiles,
  pushVersion,
  trigger,
  untilStatus,
  type Member,
  type SeededApp,
} from '../kit/seed.ts';

let plane: Plane;
let owner: Member;
let app: SeededApp;
let live: string;
/** Newest first: nine cancelled ones after a completed one. */
let all: string[];
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
  app = await createApp(owner);
  live = await deployFiles(plane, owner, app, appFiles('one'));
  all = [live];
  const { prisma } = plane.app.database;
  const { versionId } = await prisma.deployment.findUniqueOrThrow({ where: { id: live } });
  const about = { organizationId: owner.organizationId, productionAppId: app.productionAppId, versionId };
  for (let i = 0; i < 9; i += 1) {
    // In one transaction, so that no worker takes it in between.
    const id = await prisma.$transaction(async (tx) => {
      const { id: made } = await insertDeployment(tx, {
        ...about,
        trigger: 'manual',
        triggeredById: owner.userId,
        reason: null,
      });
      await requestCancel(tx, made, { userId: owner.userId, reason: null, force: false });
      return made;
    });
    all.unshift(id);
  }
});
afterAll(() => plane[Symbol.asyncDispose]());

const ask = (query: string, variables: Record<string, unknown> = {}, token: string | null = owner.token) =>
  graphql(plane, token, query, variables);

const LIST = `query ($filter: DeploymentFilter, $first: Int, $after: String, $last: Int, $before: String) {
  deployments(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
    totalCount nodes { id } edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;

const idsOf = (connection: { nodes: { id: string }[] }) => connection.nodes.map(({ id }) => id);

test('paging forwards and backwards through deployments gives each once, newest first', async () => {
  const filter = { productionAppId: app.productionAppId };

  const forwards: string[] = [];
  for (let after: string | null = null, more = true; more; ) {
    const { data } = await ask(LIST, { filter, first: 4, after });
    forwards.push(...idsOf(data.deployments));
    after = data.deployments.pageInfo.endCursor;
    more = data.deployments.pageInfo.hasNextPage;
  }
  const backwards: string[] = [];
  for (let before: string | null = null, more = true; more; ) {
    const { data } = await ask(LIST, { filter, last: 4, before });
    backwards.unshift(...idsOf(data.deployments));
    before = data.deployments.pageInfo.startCursor;
    more = data.deployments.pageInfo.hasPreviousPage;
  }

  expect(forwards).toEqual(all);
  expect(backwards).toEqual(all);
});

test('totalCount counts what the filter leaves, whatever the page', async () => {
  const { data } = await ask(LIST, {
    filter: { productionAppId: app.productionAppId, status: ['CANCELLED'] },
    first: 1,
  });

  expect(data.deployments).toMatchObject({ totalCount: 9, nodes: [{ id: all[0] }] });
});

test('every filter of deployments narrows the list, and none widens it beyond the viewer', async () => {
  const stranger = await createOwner(plane);
  const count = async (filter: object, token = owner.token) =>
    (await ask(LIST, { filter }, token)).data.deployments.totalCount as number;
  const own = { productionAppId: app.productionAppId };
  const { versionId } = await plane.app.database.prisma.deployment.findUniqueOrThrow({ where: { id: live } });

  expect(await count({ organizationId: owner.organizationId })).toBe(10);
  expect(await count({ entityId: app.entityId })).toBe(10);
  expect(await count({ versionId })).toBe(10);
  expect(await count({ triggeredById: owner.userId, trigger: ['MANUAL'] })).toBe(10);
  expect(await count({ ...own, status: ['COMPLETED', 'FAILED'] })).toBe(1);
  expect(await count({ ...own, createdBefore: '2020-01-01T00:00:00Z' })).toBe(0);
  expect(await count({ ...own, createdAfter: '2020-01-01T00:00:00Z' })).toBe(10);
  expect(await count({ ...own, trigger: ['ROLLBACK'] })).toBe(0);
  expect(await count(own, stranger.token)).toBe(0);
  expect(await count({ organizationId: owner.organizationId }, stranger.token)).toBe(0);
});

test('a cursor pages on when the row it came from is gone', async () => {
  const filter = { productionAppId: app.productionAppId, createdAfter: '2020-01-01T00:00:00.000Z' };
  const { data } = await ask(LIST, { filter, first: 1 });
  const cursor = data.deployments.pageInfo.endCursor as string;
  const [print] = Buffer.from(cursor, 'base64url').toString().split('.');
  const goneId = all[0]!.slice(0, -1) + (all[0]!.endsWith('z') ? 'y' : 'z');
  const gone = Buffer.from(`${print}.${goneId}`).toString('base64url');

  const page = await ask(LIST, { filter, first: 1, after: gone });

  expect(page.codes).toEqual([]);
  expect(page.data.deployments.nodes).toHaveLength(1);
});

test.each([
  ['first 0', { first: 0 }],
  ['first -1', { first: -1 }],
  ['first 101', { first: 101 }],
  ['last 101', { last: 101 }],
  ['first and last', { first: 1, last: 1 }],
  ['a malformed cursor', { after: 'not-a-cursor' }],
  ['a cursor of another filter', { after: 'OTHER' }],
])('a page with %s is refused as bad input', async (_name, args: Record<string, unknown>) => {
  if (args['after'] === 'OTHER') {
    const { data } = await ask(LIST, { filter: { status: ['CANCELLED'] }, first: 1 });
    args = { after: data.deployments.pageInfo.endCursor };
  }

  const answer = await ask(LIST, { filter: { productionAppId: app.productionAppId }, ...args });

  expect(answer.codes).toEqual(['BAD_USER_INPUT']);
});

test('numbered pages agree with the connection', async () => {
  const query = `query ($filter: DeploymentFilter, $page: Int!) {
    deploymentsPage(filter: $filter, page: $page, pageSize: 4) { page pageSize total nodes { id } }
  }`;
  const filter = { productionAppId: app.productionAppId };

  const pages = await Promise.all(
    [1, 2, 3, 4].map(async (page) => (await ask(query, { filter, page })).data.deploymentsPage),
  );

  expect(pages.flatMap(idsOf)).toEqual(all);
  expect(pages[0]).toMatchObject({ page: 1, pageSize: 4, total: 10 });
  expect((await ask(query, { filter, page: 0 })).codes).toEqual(['BAD_USER_INPUT']);
});

test('a deployment shows its phases in order, its app, its version, who did it, and whether it is live', async () => {
  const { data } = await ask(
    `query ($id: ID!) {
      deployment(id: $id) {
        number status isLive trigger triggeredBy { name } productionApp { subdomain url liveDeployment { id } health }
        version { isActive packageBytes entity { slug activeVersion { id } } createdBy { name } } phases { name status attempt }
        durationMs failure { code } cancellation { reason } errorMessage
        logs(first: 2) { totalCount nodes { seq message } pageInfo { hasNextPage endCursor } }
      }
    }`,
    { id: live },
  );

  expect(data.deployment).toMatchObject({
    number: 1,
    status: 'COMPLETED',
    isLive: true,
    trigger: 'MANUAL',
    triggeredBy: { name: 'Ada' },
    productionApp: {
      subdomain: app.subdomain,
      url: `http://${app.subdomain}.localhost:${plane.gatewayPort}/`,
      liveDeployment: { id: live },
      health: 'HEALTHY',
    },
    version: { isActive: true, entity: { slug: app.subdomain }, createdBy: { name: 'Ada' } },
    failure: null,
    cancellation: null,
    errorMessage: null,
    logs: { nodes: [{ seq: 1 }, { seq: 2 }], pageInfo: { hasNextPage: true, endCursor: '2' } },
  });
  expect(data.deployment.phases).toEqual(
    ['ORCHESTRATE', 'DOWNLOAD', 'INFRA', 'BUILD', 'PACKAGE', 'MIGRATE', 'SERVICE_DEPLOY', 'CACHE_INVALIDATION'].map(
      (name) => ({
        name,
        status: 'COMPLETED',
        attempt: 1,
      }),
    ),
  );
});

test('the log connection pages from both ends and refuses more than 1,000', async () => {
  const logs = async (args: string) =>
    ask(
      `query ($id: ID!) { deployment(id: $id) { logs(${args}) { totalCount nodes { seq } pageInfo { hasPreviousPage } } } }`,
      { id: live },
    );
  const total = (await logs('first: 1')).data.deployment.logs.totalCount as number;

  const last = (await logs('last: 2')).data.deployment.logs;

  expect(last).toMatchObject({ nodes: [{ seq: total - 1 }, { seq: total }], pageInfo: { hasPreviousPage: true } });
  expect((await logs(`after: "${total - 1}"`)).data.deployment.logs.nodes).toEqual([{ seq: total }]);
  expect((await logs('first: 1001')).codes).toEqual(['BAD_USER_INPUT']);
  expect((await logs('after: "x"')).codes).toEqual(['BAD_USER_INPUT']);
});

test('the outline of a log says where its phases are and which lines match, without the lines', async () => {
  const { data } = await ask(
    `query ($id: ID!) { deployment(id: $id) {
      logSections { phase attempt firstSeq lastSeq }
      logMatches(filter: { phases: [BUILD] }) { seqs cursor hasMore }
      logs(first: 1000) { nodes { seq phase } }
    } }`,
    { id: live },
  );

  const { logSections, logMatches, logs } = data.deployment;
  const build = logs.nodes.filter(({ phase }: { phase: string }) => phase === 'BUILD');
  const seqs = build.map(({ seq }: { seq: number }) => seq);
  expect(logSections).toContainEqual({ phase: 'BUILD', attempt: 1, firstSeq: seqs[0], lastSeq: seqs.at(-1) });
  expect(logMatches).toEqual({ seqs, cursor: String(logs.nodes.length), hasMore: false });
});

test('node and nodes find every kind by its id, and give null for what is not there', async () => {
  const { versionId } = await plane.app.database.prisma.deployment.findUniqueOrThrow({ where: { id: live } });
  const ids = [
    live,
    createId('Deployment'),
    app.productionAppId,
    'nonsense',
    app.entityId,
    versionId,
    owner.organizationId,
    owner.userId,
    createId('Release'),
  ];

  const { data, messages } = await ask(
    'query ($ids: [ID!]!, $id: ID!) { nodes(ids: $ids) { __typename id } node(id: $id) { id } }',
    { ids, id: live },
  );

  expect(messages).toEqual([]);
  expect(data.node).toEqual({ id: live });
  expect(data.nodes.map((node: { __typename: string } | null) => node?.__typename ?? null)).toEqual([
    ...['Deployment', null, 'ProductionApp', null, 'Entity', 'Version', 'Organization', 'User', null],
  ]);
});

test('viewer, organization, entity and productionApps answer with what the viewer belongs to', async () => {
  const { data } = await ask(
    `query ($entity: ID!, $organization: ID!, $subdomain: String!) {
      viewer { user { id name } token { name expiresAt } memberships { role scopes organization { id } } }
      organization(id: $organization) { id slug }
      entity(id: $entity) { id publishers { id } versions(first: 1) { totalCount nodes { isActive } } productionApps { nodes { id } } }
      productionApp(subdomain: $subdomain) { id }
      productionApps(entityId: $entity) { totalCount nodes { id deployments(first: 1) { totalCount } } }
    }`,
    { entity: app.entityId, organization: owner.organizationId, subdomain: app.subdomain },
  );

  expect(data.viewer.user).toEqual({ id: owner.userId, name: 'Ada' });
  expect(data.viewer.token).toEqual({ name: 'first token', expiresAt: null });
  expect(data.viewer.memberships[0].scopes).toHaveLength(10);
  expect(data.organization.id).toBe(owner.organizationId);
  expect(data.entity).toMatchObject({
    id: app.entityId,
    publishers: [{ id: owner.userId }],
    versions: { totalCount: 1, nodes: [{ isActive: true }] },
    productionApps: { nodes: [{ id: app.productionAppId }] },
  });
  expect(data.productionApp).toEqual({ id: app.productionAppId });
  expect(data.productionApps).toEqual({
    totalCount: 1,
    nodes: [{ id: app.productionAppId, deployments: { totalCount: 10 } }],
  });
});

test('triggering twice with one key makes one deployment, and another body with that key is refused', async () => {
  const other = await createApp(owner);
  await pushVersion(owner, other.entityId, appFiles('one'));
  const query =
    'mutation ($input: TriggerDeploymentInput!) { triggerDeployment(input: $input) { replayed deployment { id } } }';
  const input = { productionAppId: other.productionAppId, idempotencyKey: 'key-1' };

  const answers = await Promise.all(Array.from({ length: 10 }, () => ask(query, { input })));

  const payloads = answers.map(({ data }) => data.triggerDeployment);
  expect(new Set(payloads.map(({ deployment }) => deployment.id)).size).toBe(1);
  expect(payloads.filter(({ replayed }) => !replayed)).toHaveLength(1);
  expect((await ask(query, { input: { ...input, reason: 'another' } })).codes).toEqual(['IDEMPOTENCY_MISMATCH']);
  await untilStatus(plane, payloads[0].deployment.id, 'completed');
});

test('cancelling twice gives the same answer, and a completed deployment cannot be cancelled', async () => {
  const query =
    'mutation ($id: ID!) { cancelDeployment(input: { deploymentId: $id }) { deployment { id status cancellation { requestedBy { userId } stoppedAt } } } }';
  const slow = await createApp(owner);
  const id = await trigger(
    owner,
    slow.productionAppId,
    await pushVersion(owner, slow.entityId, appFiles('slow', { build: 'sleep 30' })),
  );

  const [first, second] = [await ask(query, { id }), await ask(query, { id })];
  await untilStatus(plane, id, 'cancelled');
  const third = await ask(query, { id });

  expect([first.codes, second.codes, third.codes]).toEqual([[], [], []]);
  expect(third.data.cancelDeployment.deployment).toMatchObject({
    status: 'CANCELLED',
    cancellation: { requestedBy: { userId: owner.userId } },
  });
  expect((await ask(query, { id: live })).codes).toEqual(['ALREADY_FINISHED']);
});

test('GraphiQL is one page that names no other host and brings sample operations', async () => {
  const answer = await fetch(`${plane.url}/graphql`, { headers: { accept: 'text/html' } });
  const html = await answer.text();

  expect(answer.headers.get('content-type')).toContain('text/html');
  expect(html).not.toMatch(/(?:src|href)\s*=\s*["']?(?:https?:)?\/\//);
  for (const sample of ['triggerDeployment', 'deploymentLogs', 'cancelDeployment', 'deployments(first'])
    expect(html).toContain(sample);
});

test('schema.graphql describes every type, field, argument and enum value', () => {
  const schema = buildSchema(readFileSync('schema.graphql', 'utf8'));

  const bare: string[] = [];
  for (const type of Object.values(schema.getTypeMap())) {
    if (type.name.startsWith('__') || ['String', 'Int', 'Float', 'Boolean', 'ID'].includes(type.name)) continue;
    if (!type.description) bare.push(type.name);
    if (isEnumType(type))
      bare.push(
        ...type
          .getValues()
          .filter(({ description }) => !description)
          .map(({ name }) => `${type.name}.${name}`),
      );
    if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      if (!field.description) bare.push(`${type.name}.${field.name}`);
      const args = 'args' in field ? (field.args as readonly GraphQLArgument[]) : [];
      bare.push(...args.filter((arg) => !arg.description).map((arg) => `${type.name}.${field.name}(${arg.name})`));
    }
  }

  expect(bare).toEqual([]);
});

test('no mutation answers with a Boolean or a text', () => {
  const schema = buildSchema(readFileSync('schema.graphql', 'utf8'));

  const results = Object.values(schema.getMutationType()!.getFields()).map(({ name, type }) => [name, String(type)]);

  for (const [name, type] of results) expect(type).toBe(`${name![0]!.toUpperCase()}${name!.slice(1)}Payload!`);
});
