import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SCOPES } from '../../src/domain/access.ts';
import { createId } from '../../src/domain/ids.ts';
import { graphql } from '../kit/graphql.ts';
import { startPlane, type Answer, type Plane } from '../kit/plane.ts';
import {
  appFiles,
  createApp,
  createMember,
  createOwner,
  deployFiles,
  pushVersion,
  type Member,
  type SeededApp,
} from '../kit/seed.ts';
import { until } from '../kit/until.ts';

let plane: Plane;
let owner: Member;
let app: SeededApp;
let live: string;
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
  app = await createApp(owner);
  live = await deployFiles(plane, owner, app, appFiles('one'));
});
afterAll(() => plane[Symbol.asyncDispose]());

const UPDATE =
  'mutation ($input: UpdateProductionAppInput!) { updateProductionApp(input: $input) { productionApp { id subdomain url } } }';
const DELETE =
  'mutation ($input: DeleteProductionAppInput!) { deleteProductionApp(input: $input) { productionApp { id deletedAt } } }';
const CHECK =
  'query ($subdomain: String!, $excludeId: ID) { subdomainAvailability(subdomain: $subdomain, excludeId: $excludeId) { subdomain available reason } }';

const ask = (query: string, variables: Record<string, unknown> = {}, token: string | null = owner.token) =>
  graphql(plane, token, query, variables);
const call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  plane.rest(method, path, { token: owner.token, body, headers });
// Tests read whatever came.
// oxlint-disable-next-line typescript/no-explicit-any
const json = ({ body }: Answer): any => JSON.parse(body);
const newName = () => `name-${randomUUID().slice(0, 8)}`;

test('an app that gets another subdomain serves there and no longer at the old one, without a deployment', async () => {
  const own = await createApp(owner);
  await deployFiles(plane, owner, own, appFiles('moving'));
  const subdomain = newName();

  const answer = await ask(UPDATE, { input: { id: own.productionAppId, subdomain } });

  expect(answer.data.updateProductionApp.productionApp).toEqual({
    id: own.productionAppId,
    subdomain,
    url: `http://${subdomain}.localhost:${plane.gatewayPort}/`,
  });
  await until('the new name serves', async () => (await plane.visit(subdomain)).body === 'moving');
  expect((await plane.visit(own.subdomain)).status).toBe(404);
  const again = await createApp(owner);
  expect((await ask(UPDATE, { input: { id: again.productionAppId, subdomain: own.subdomain } })).codes).toEqual([]);
});

test('an update that gives nothing, or what is there, changes nothing', async () => {
  const answers = [
    await ask(UPDATE, { input: { id: app.productionAppId } }),
    await ask(UPDATE, { input: { id: app.productionAppId, subdomain: null } }),
    await ask(UPDATE, { input: { id: app.productionAppId, subdomain: app.subdomain } }),
  ];

  for (const { data } of answers) expect(data.updateProductionApp.productionApp.subdomain).toBe(app.subdomain);
});

test('of two apps that take one subdomain at once, one gets it and the other is a conflict', async () => {
  const apps = await Promise.all([createApp(owner), createApp(owner), createApp(owner)]);
  const subdomain = newName();

  const answers = await Promise.all(apps.map(({ productionAppId: id }) => ask(UPDATE, { input: { id, subdomain } })));

  expect(answers.flatMap(({ codes }) => codes)).toEqual(['CONFLICT', 'CONFLICT']);
});

test.each(['', 'A', 'a.b', '-a', 'a-', 'ä', 'x'.repeat(64), 'a b', '*'])(
  'the subdomain %j is refused, and the check says why',
  async (subdomain) => {
    const updated = await ask(UPDATE, { input: { id: app.productionAppId, subdomain } });
    const checked = await ask(CHECK, { subdomain });

    expect(updated.codes).toEqual(['BAD_USER_INPUT']);
    expect(checked.data.subdomainAvailability).toEqual({
      subdomain,
      available: false,
      reason: 'A subdomain must be 1 to 63 lower-case letters, digits and hyphens, not at the ends.',
    });
  },
);

test('a subdomain is available when no app has it, or only the one to leave out', async () => {
  const check = async (subdomain: string, excludeId?: string) =>
    (await ask(CHECK, { subdomain, excludeId })).data.subdomainAvailability;
  const [free, taken] = [newName(), app.subdomain];

  expect(await check(free)).toEqual({ subdomain: free, available: true, reason: null });
  const reason = 'The subdomain is taken.';
  expect(await check(taken)).toEqual({ subdomain: taken, available: false, reason });
  expect(await check(taken, app.productionAppId)).toEqual({ subdomain: taken, available: true, reason: null });
  expect((await check(taken, createId('ProductionApp'))).available).toBe(false);
  expect((await ask(CHECK, { subdomain: free }, null)).codes).toEqual(['UNAUTHENTICATED']);
});

test('an id of nothing is not found, whatever it looks like', async () => {
  for (const id of [createId('ProductionApp'), app.entityId, 'nonsense', '']) {
    expect((await ask(UPDATE, { input: { id, subdomain: newName() } })).codes).toEqual(['NOT_FOUND']);
    expect((await ask(DELETE, { input: { id } })).codes).toEqual(['NOT_FOUND']);
  }
});

test('deleting again gives the same answer, and nothing else can be done with a deleted app', async () => {
  const own = await createApp(owner);
  await pushVersion(owner, own.entityId, appFiles('one'));
  const input = { id: own.productionAppId };

  const [first, second] = [await ask(DELETE, { input }), await ask(DELETE, { input })];

  expect(first.data.deleteProductionApp.productionApp).toEqual({ ...input, deletedAt: expect.any(String) });
  expect(second.data).toEqual(first.data);
  const deployed = await call('POST', '/api/deploy', { productionAppId: own.productionAppId });
  expect([deployed.status, json(deployed).code]).toEqual([404, 'NOT_FOUND']);
  expect((await ask(UPDATE, { input: { ...input, subdomain: newName() } })).codes).toEqual(['NOT_FOUND']);
  const bare = await createMember(plane, owner.organizationId, SCOPES);
  expect((await ask(DELETE, { input }, bare.token)).codes).toEqual(['FORBIDDEN']);
});

test('a deleted app leaves the lists and its name, and is found by its id alone', async () => {
  const own = await createApp(owner);
  const query = `query ($id: ID!, $entity: ID!, $subdomain: String!) {
    node(id: $id) { id }
    byId: productionApp(id: $id) { subdomain health liveDeployment { id } }
    byName: productionApp(subdomain: $subdomain) { id }
    productionApps(entityId: $entity) { totalCount nodes { id } }
    productionAppsPage(entityId: $entity) { total nodes { id } }
  }`;

  await ask(DELETE, { input: { id: own.productionAppId } });

  const { data } = await ask(query, { id: own.productionAppId, entity: own.entityId, subdomain: own.subdomain });
  expect(data).toEqual({
    node: { id: own.productionAppId },
    byId: { subdomain: own.subdomain, health: 'NONE', liveDeployment: null },
    byName: null,
    productionApps: { totalCount: 0, nodes: [] },
    productionAppsPage: { total: 0, nodes: [] },
  });
  const other = await createApp(owner);
  const taken = await ask(UPDATE, { input: { id: other.productionAppId, subdomain: own.subdomain } });
  expect(taken.codes).toEqual([]);
});

test('POST creates an app, once for each key, and GET gives it in the same shape', async () => {
  const body = { entityId: app.entityId, subdomain: newName() };
  const headers = { 'idempotency-key': randomUUID() };

  const created = await call('POST', '/api/production-apps', body, headers);
  const replayed = await call('POST', '/api/production-apps', body, headers);
  const other = await call('POST', '/api/production-apps', { ...body, subdomain: newName() }, headers);
  const got = await call('GET', `/api/production-apps/${json(created).id}`);

  expect([created.status, replayed.status, got.status]).toEqual([201, 200, 200]);
  expect(created.headers['location']).toBe(`/api/production-apps/${json(created).id}`);
  expect(json(created)).toEqual({
    id: expect.stringMatching(/^app_/),
    ...body,
    url: `http://${body.subdomain}.localhost:${plane.gatewayPort}/`,
    health: 'none',
    overlap: 'queue',
    buildNetwork: false,
    environment: [],
    liveDeploymentId: null,
    createdAt: expect.any(String),
    deletedAt: null,
  });
  expect([json(replayed), json(got)]).toEqual([json(created), json(created)]);
  expect([other.status, json(other).code]).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
});

test('GET lists apps in pages with links, by organization and by entity', async () => {
  const member = await createOwner(plane);
  const apps = [await createApp(member), await createApp(member), await createApp(member)];
  const list = (query: string) => plane.rest('GET', `/api/production-apps?${query}`, { token: member.token });
  const ids = (answer: Answer) => json(answer).data.map(({ id }: { id: string }) => id);

  const [first, second] = [await list('pageSize=2'), await list('pageSize=2&page=2')];

  expect([...ids(first), ...ids(second)]).toEqual(apps.map(({ productionAppId }) => productionAppId).toReversed());
  expect(json(first).pagination).toEqual({ page: 1, pageSize: 2, total: 3, totalPages: 2 });
  expect(first.headers['link']).toContain('page=2>; rel="next"');
  expect(second.headers['link']).toContain('page=1>; rel="prev"');
  expect(ids(await list(`entityId=${apps[1]!.entityId}`))).toEqual([apps[1]!.productionAppId]);
  expect(json(await list(`organizationId=${member.organizationId}`)).pagination.total).toBe(3);
  expect(json(await list(`organizationId=${owner.organizationId}`)).pagination.total).toBe(0);
});

test('GET shows what is live, PATCH renames, DELETE answers with the tombstone', async () => {
  const shown = json(await call('GET', `/api/production-apps/${app.productionAppId}`));
  const own = await createApp(owner);
  const path = `/api/production-apps/${own.productionAppId}`;
  const subdomain = newName();

  const renamed = await call('PATCH', path, { subdomain });
  const deleted = await call('DELETE', path);
  const after = await call('GET', path);

  expect([shown.health, shown.liveDeploymentId]).toEqual(['healthy', live]);
  expect([renamed.status, json(renamed).subdomain]).toEqual([200, subdomain]);
  expect([deleted.status, after.status]).toEqual([200, 200]);
  expect(json(deleted)).toEqual({ ...json(renamed), environment: [], deletedAt: expect.any(String) });
  expect(json(after)).toEqual(json(deleted));
});

test('GET /api/subdomains/check answers for free, taken, own and invalid names', async () => {
  const check = (query: string) => call('GET', `/api/subdomains/check?${query}`);
  const free = newName();

  expect(json(await check(`value=${free}`))).toEqual({ subdomain: free, available: true, reason: null });
  expect(json(await check(`value=${app.subdomain}`)).available).toBe(false);
  expect(json(await check(`value=${app.subdomain}&excludeId=${app.productionAppId}`)).available).toBe(true);
  const invalid = await check('value=Not+A+Name');
  expect([invalid.status, json(invalid).available]).toEqual([200, false]);
  expect(json(await check('value=')).reason).toContain('must be 1 to 63');
});

test.each<[string, string, string, unknown, number, string]>([
  ['no body', 'POST', '', undefined, 400, 'BAD_USER_INPUT'],
  ['no entity', 'POST', '', { subdomain: 'a' }, 400, 'BAD_USER_INPUT'],
  ['an entity of nowhere', 'POST', '', { entityId: createId('Entity'), subdomain: 'a' }, 404, 'NOT_FOUND'],
  ['a wrong type', 'PATCH', '/APP', { subdomain: 5 }, 400, 'BAD_USER_INPUT'],
  ['no body for PATCH', 'PATCH', '/APP', undefined, 400, 'BAD_USER_INPUT'],
  ['malformed JSON', 'PATCH', '/APP', '{ "subdomain": ', 400, 'BAD_USER_INPUT'],
  ['a name that is none', 'PATCH', '/APP', { subdomain: 'A b' }, 400, 'BAD_USER_INPUT'],
  ['an unknown app', 'PATCH', `/${createId('ProductionApp')}`, {}, 404, 'NOT_FOUND'],
  ['an unknown app', 'GET', `/${createId('ProductionApp')}`, undefined, 404, 'NOT_FOUND'],
  ['an unknown app', 'DELETE', `/${createId('ProductionApp')}`, undefined, 404, 'NOT_FOUND'],
  ['an encoded NUL', 'DELETE', '/app_%00', undefined, 400, 'BAD_USER_INPUT'],
  ['a page that is no number', 'GET', '?page=x', undefined, 400, 'BAD_USER_INPUT'],
  ['page 0', 'GET', '?page=0', undefined, 400, 'BAD_USER_INPUT'],
  ['a page size over the limit', 'GET', '?pageSize=101', undefined, 400, 'BAD_USER_INPUT'],
  ['a check of nothing', 'GET', '/../subdomains/check', undefined, 400, 'BAD_USER_INPUT'],
  ['a wrong method', 'PUT', '/APP', undefined, 405, 'METHOD_NOT_ALLOWED'],
])('%s: %s is refused with a problem document', async (_name, method, path, body, status, code) => {
  const answer = await call(method, `/api/production-apps${path.replace('APP', app.productionAppId)}`, body);

  expect([answer.status, json(answer).code]).toEqual([status, code]);
  expect(answer.headers['content-type']).toBe('application/problem+json');
});

test('a wrong method is told which ones the path takes', async () => {
  const answer = await call('PUT', `/api/production-apps/${app.productionAppId}`);

  expect(answer.headers['allow']).toBe('GET, HEAD, PATCH, DELETE');
});
