import { afterAll, beforeAll, expect, test } from 'vitest';
import { graphql } from '../kit/graphql.ts';
import { send, startPlane, type Plane } from '../kit/plane.ts';
import { createOwner, type Member } from '../kit/seed.ts';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

test.each<[string, string, Record<string, unknown>, string]>([
  ['a document that is not GraphQL', '{', {}, 'GRAPHQL_PARSE_FAILED'],
  ['a field that does not exist', '{ nothing }', {}, 'GRAPHQL_VALIDATION_FAILED'],
  ['a variable of a wrong type', 'query ($id: ID!) { deployment(id: $id) { id } }', { id: { a: 1 } }, 'BAD_USER_INPUT'],
  ['a missing variable', 'query ($id: ID!) { deployment(id: $id) { id } }', {}, 'BAD_USER_INPUT'],
  [
    'an unknown enum value',
    'query ($s: [DeploymentStatus!]) { deployments(filter: { status: $s }) { totalCount } }',
    { s: ['DONE'] },
    'BAD_USER_INPUT',
  ],
  ['a NUL in a variable', 'query ($id: ID!) { deployment(id: $id) { id } }', { id: 'dep_\0' }, 'BAD_USER_INPUT'],
  ['a NUL in the document', '{ deployment(id: "a\\u0000") { id } }', {}, 'BAD_USER_INPUT'],
  [
    'half a character deep in a variable',
    'query ($f: DeploymentFilter) { deployments(filter: $f) { totalCount } }',
    { f: { versionId: '\udc00' } },
    'BAD_USER_INPUT',
  ],
  [
    'a number beyond 32 bits',
    'query ($n: Int) { deployments(first: $n) { totalCount } }',
    { n: 2 ** 40 },
    'BAD_USER_INPUT',
  ],
])('%s is refused with its code and without an echo of a secret', async (_name, query, variables, code) => {
  const answer = await graphql(plane, owner.token, query, variables);

  expect(answer.codes).toEqual([code]);
  expect(answer.status).toBeLessThan(500);
});

const CREATED_AFTER = 'query ($d: DateTime) { deployments(filter: { createdAfter: $d }) { totalCount } }';

test.each([
  'yesterday',
  '2026-01-31',
  '2026-01-31T12:00',
  '2026-01-31T12:00:00',
  '2026-01-31T24:00:00Z',
  '2026-02-30T12:00:00Z',
  '2026-13-01T12:00:00Z',
  '2026-01-31T12:00:00+25:00',
  '0000-01-01T00:00:00Z',
  '0001-01-01T00:00:00+14:00',
  1_769_860_800_000,
])('the moment %j is refused', async (d) => {
  expect((await graphql(plane, owner.token, CREATED_AFTER, { d })).codes).toEqual(['BAD_USER_INPUT']);
});

test.each(['2024-02-29T12:00:00Z', '2026-01-31T12:00:00.123456+05:30', '0001-01-01T00:00:00Z', '9999-12-31T23:59:59Z'])(
  'the moment %j is taken',
  async (d) => {
    expect((await graphql(plane, owner.token, CREATED_AFTER, { d })).codes).toEqual([]);
  },
);

test.each<[string, string, Record<string, string>, number, string]>([
  ['malformed JSON', '{ "query": topsecret', { 'content-type': 'application/json' }, 400, 'BAD_USER_INPUT'],
  ['JSON that is no request', '"topsecret"', { 'content-type': 'application/json' }, 400, 'BAD_USER_INPUT'],
  ['a request without a query', '{}', { 'content-type': 'application/json' }, 400, 'BAD_USER_INPUT'],
  [
    'a form',
    'query={__typename}',
    { 'content-type': 'application/x-www-form-urlencoded' },
    415,
    'UNSUPPORTED_MEDIA_TYPE',
  ],
  ['a text', '{ __typename }', { 'content-type': 'text/plain' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
  [
    'a body over 1 MiB',
    JSON.stringify({ query: `{ __typename } # ${'x'.repeat(1_100_000)}` }),
    { 'content-type': 'application/json' },
    413,
    'PAYLOAD_TOO_LARGE',
  ],
])('%s is refused over HTTP', async (_name, body, headers, status, code) => {
  const answer = await send('POST', `${plane.url}/graphql`, { headers, body });

  expect(answer.status).toBe(status);
  expect(answer.body).not.toContain('topsecret');
  const problem = JSON.parse(answer.body) as { code?: string; errors?: { extensions?: { code?: string } }[] };
  expect(problem.code ?? problem.errors?.[0]?.extensions?.code).toBe(code);
});

test('a mutation over GET is refused', async () => {
  const query = encodeURIComponent('mutation { activateVersion(input: { versionId: "x" }) { version { id } } }');

  const answer = await send('GET', `${plane.url}/graphql?query=${query}`, { headers: { accept: 'application/json' } });

  expect([answer.status, answer.body]).toEqual([405, expect.stringContaining('"METHOD_NOT_ALLOWED"')]);
});

test.each([
  ['an unknown organization', { organizationId: 'org_x', name: 'A', slug: 'a' }, 'NOT_FOUND'],
  ['an empty name', { name: ' ', slug: 'a' }, 'BAD_USER_INPUT'],
  ['a slug that is no name of a host', { name: 'A', slug: 'A_b' }, 'BAD_USER_INPUT'],
  ['an idempotency key with a space', { name: 'A', slug: 'a', idempotencyKey: 'a b' }, 'BAD_USER_INPUT'],
])('an entity with %s is refused', async (_name, input, code) => {
  const query = 'mutation ($input: CreateEntityInput!) { createEntity(input: $input) { entity { id } } }';

  const answer = await graphql(plane, owner.token, query, {
    input: { organizationId: owner.organizationId, ...input },
  });

  expect(answer.codes).toEqual([code]);
});

test('a second entity of one slug and a second app of one subdomain are conflicts', async () => {
  const entity = 'mutation ($input: CreateEntityInput!) { createEntity(input: $input) { entity { id } } }';
  const app =
    'mutation ($input: CreateProductionAppInput!) { createProductionApp(input: $input) { productionApp { id } } }';
  const input = { organizationId: owner.organizationId, name: 'Twice', slug: 'twice' };
  const first = await graphql(plane, owner.token, entity, { input });
  const entityId = first.data.createEntity.entity.id as string;
  await graphql(plane, owner.token, app, { input: { entityId, subdomain: 'twice' } });

  const answers = [
    await graphql(plane, owner.token, entity, { input }),
    await graphql(plane, owner.token, app, { input: { entityId, subdomain: 'twice' } }),
  ];

  expect(answers.map(({ codes }) => codes)).toEqual([['CONFLICT'], ['CONFLICT']]);
});

test('an error of our own is masked, and carries the request id of the answer', async () => {
  const { prisma } = plane.app.database;
  // A value that no reader expects: the resolver fails on it.
  const { userId } = owner;
  await prisma.$executeRaw`update roles set scopes = '{}' where id in (select role_id from memberships where user_id = ${userId})`;
  await prisma.$executeRaw`alter table users rename to users_gone`;
  try {
    const answer = await send('POST', `${plane.url}/graphql`, {
      headers: { 'content-type': 'application/json', authorization: `Bearer ${owner.token}`, 'x-request-id': 'test-1' },
      body: JSON.stringify({ query: '{ viewer { user { id } } }' }),
    });

    const [error] = (JSON.parse(answer.body) as { errors: { message: string; extensions: Record<string, unknown> }[] })
      .errors;
    expect(error!.extensions).toEqual({ code: 'INTERNAL', details: { requestId: 'test-1' } });
    expect(answer.body).not.toMatch(/users_gone|prisma|select/i);
    expect(answer.headers['x-request-id']).toBe('test-1');
  } finally {
    await prisma.$executeRaw`alter table users_gone rename to users`;
  }
});
