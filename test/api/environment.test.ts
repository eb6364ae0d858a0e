import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SCOPES } from '../../src/domain/access.ts';
import { graphql } from '../kit/graphql.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { createApp, createMember, createOwner, type Member, type SeededApp } from '../kit/seed.ts';

let plane: Plane;
let owner: Member;
let app: SeededApp;
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
  app = await createApp(owner);
});
afterAll(() => plane[Symbol.asyncDispose]());

const FIELDS = 'environment { name value isSecret phases updatedBy { name } }';
const UPDATE = `mutation ($input: UpdateProductionAppInput!) { updateProductionApp(input: $input) { productionApp { ${FIELDS} } } }`;
const CREATE = `mutation ($input: CreateProductionAppInput!) { createProductionApp(input: $input) { replayed productionApp { id buildNetwork ${FIELDS} } } }`;

interface Shown {
  readonly name: string;
  readonly value: string | null;
  readonly isSecret: boolean;
  readonly phases: readonly string[];
  readonly updatedBy: { readonly name: string };
}

const change = (environment: unknown, token = owner.token, id = app.productionAppId) =>
  graphql(plane, token, UPDATE, { input: { id, environment } });

/** Whatever an earlier test left is not looked at. */
async function changed(environment: { name: string }[]): Promise<Shown[]> {
  const answer = await change(environment);
  expect(answer.codes).toEqual([]);
  const names = environment.map(({ name }) => name);
  return answer.data.updateProductionApp.productionApp.environment.filter(({ name }: Shown) => names.includes(name));
}

const EVERYWHERE = ['BUILD', 'MIGRATE', 'SERVICE_DEPLOY'];
const updatedBy = { name: 'Ada' };

test('a variable is a secret unless it is said not to be, and a secret is never read again', async () => {
  const given = [
    { name: 'A_PLAIN', value: 'shown', isSecret: false },
    { name: 'A_SECRET', value: 'hidden value' },
  ];

  expect(await changed(given)).toEqual([
    { name: 'A_PLAIN', value: 'shown', isSecret: false, phases: EVERYWHERE, updatedBy },
    { name: 'A_SECRET', value: null, isSecret: true, phases: ['MIGRATE', 'SERVICE_DEPLOY'], updatedBy },
  ]);
});

test('a variable keeps what is not said of it, and one without a value is removed', async () => {
  await changed([{ name: 'B_KEPT', value: 'one', phases: ['SERVICE_DEPLOY'] } as { name: string }]);

  expect(await changed([{ name: 'B_KEPT', value: 'two' } as { name: string }])).toEqual([
    { name: 'B_KEPT', value: null, isSecret: true, phases: ['SERVICE_DEPLOY'], updatedBy },
  ]);
  expect(await changed([{ name: 'B_KEPT' }])).toEqual([]);
  expect(await changed([{ name: 'B_NEVER_WAS' }])).toEqual([]);
});

test('a secret that becomes plain shows its new value, never the old one', async () => {
  await changed([{ name: 'C_SECRET', value: 'the old value' } as { name: string }]);

  const [shown] = await changed([{ name: 'C_SECRET', value: 'new', isSecret: false } as { name: string }]);

  expect(shown).toMatchObject({ value: 'new', isSecret: false });
});

test.each([
  [[{ name: 'PORT', value: '1' }], 'environment.0.name must not be PORT: Windlass sets it'],
  [[{ name: 'WINDLASS_X', value: '1' }], 'environment.0.name must not begin with WINDLASS_'],
  [[{ name: 'A-B', value: 'do not show' }], 'environment.0.name must be 1 to 128 letters'],
  [[{ name: 'A', value: 'do not show\0' }], 'holds a NUL'],
  [[{ name: 'A', value: 'do not show'.repeat(3_000) }], 'environment.0.value must be at most 32768 bytes'],
  [
    [{ name: 'A', value: 'do not show', phases: ['PACKAGE'] }],
    'environment.0.phases.0 must be of build, migrate, service_deploy',
  ],
  [[{ name: 'A', value: 'do not show', phases: [] }], 'environment.0.phases must name a phase'],
  [[{ name: 'A', value: 'do not show' }, { name: 'A' }], 'environment must name a variable once'],
  [Array.from({ length: 101 }, (_, at) => ({ name: `A${at}` })), 'environment must be at most 100 variables'],
])('%j is refused, and no value is quoted', async (environment, message) => {
  const answer = await change(environment);

  expect(answer.codes).toEqual(['BAD_USER_INPUT']);
  expect(answer.messages[0]).toContain(message);
  expect(answer.body).not.toContain('do not show');
});

test('an app has at most 100 variables, also when they are set one after another', async () => {
  const full = await createApp(owner);
  const some = (from: number, count: number) =>
    Array.from({ length: count }, (_, at) => ({ name: `V${from + at}`, value: '1' }));
  const { environment } = (await change(some(0, 60), owner.token, full.productionAppId)).data.updateProductionApp
    .productionApp;

  const over = await change(some(100, 101 - environment.length), owner.token, full.productionAppId);

  expect(over.codes).toEqual(['BAD_USER_INPUT']);
  const rows = await plane.app.database.prisma.environmentVariable.count({
    where: { productionAppId: full.productionAppId },
  });
  expect(rows).toBe(environment.length);
});

test('changes at the same moment all count', async () => {
  const names = Array.from({ length: 8 }, (_, at) => `D_${at}`);

  await Promise.all(names.map((name) => change([{ name, value: name, isSecret: false }])));

  const shown = await changed(names.map((name) => ({ name, value: name }) as { name: string }));
  expect(shown.map(({ name }) => name)).toEqual(names);
});

test('who may not deploy changes no variable, and who sees the app not at all is told that it does not exist', async () => {
  const scopes = SCOPES.filter((scope) => scope !== 'entities:deploy');
  const reader = await createMember(plane, owner.organizationId, scopes);
  const stranger = await createOwner(plane);

  expect((await change([{ name: 'E', value: '1' }], reader.token)).codes).toEqual(['FORBIDDEN']);
  expect((await change([{ name: 'E', value: '1' }], stranger.token)).codes).toEqual(['NOT_FOUND']);
});

test('an app is made with its environment, once for each key, and never twice with another secret', async () => {
  const input = {
    entityId: app.entityId,
    subdomain: `env-${randomUUID().slice(0, 8)}`,
    buildNetwork: true,
    environment: [{ name: 'TOKEN', value: 'first value' }],
    idempotencyKey: randomUUID(),
  };
  const make = (changes: object = {}) => graphql(plane, owner.token, CREATE, { input: { ...input, ...changes } });

  const first = await make();
  const again = await make();
  const other = await make({ environment: [{ name: 'TOKEN', value: 'other value' }] });

  const { productionApp } = first.data.createProductionApp;
  expect(productionApp).toMatchObject({ buildNetwork: true, environment: [{ name: 'TOKEN', value: null }] });
  expect(again.data.createProductionApp).toEqual({ replayed: true, productionApp });
  expect(other.codes).toEqual(['IDEMPOTENCY_MISMATCH']);
});

test('REST sets, shows and removes variables as GraphQL does', async () => {
  const own = await createApp(owner);
  const path = `/api/production-apps/${own.productionAppId}`;
  const environment = [
    { name: 'PLAIN', value: 'shown', isSecret: false, phases: ['build'] },
    { name: 'SECRET', value: 'hidden value' },
  ];

  const set = await plane.rest('PATCH', path, { token: owner.token, body: { environment, buildNetwork: true } });
  const removed = await plane.rest('PATCH', path, {
    token: owner.token,
    body: { environment: [{ name: 'PLAIN', value: null }] },
  });
  const wrong = await plane.rest('PATCH', path, { token: owner.token, body: { environment: [{ name: 'PORT' }] } });

  const named = (body: string, name: string) =>
    (JSON.parse(body) as { environment: { name: string }[] }).environment.find((variable) => variable.name === name);
  expect(named(set.body, 'PLAIN')).toMatchObject({ value: 'shown', isSecret: false, phases: ['build'] });
  expect(named(set.body, 'SECRET')).toMatchObject({ value: null, isSecret: true });
  expect(JSON.parse(set.body)).toMatchObject({ buildNetwork: true });
  expect(named(removed.body, 'PLAIN')).toBeUndefined();
  expect(wrong.status).toBe(400);
});

test('a deleted app keeps no variable', async () => {
  const gone = await createApp(owner);
  await change([{ name: 'TOKEN', value: 'hidden value' }], owner.token, gone.productionAppId);

  await plane.rest('DELETE', `/api/production-apps/${gone.productionAppId}`, { token: owner.token });

  const where = { productionAppId: gone.productionAppId };
  expect(await plane.app.database.prisma.environmentVariable.count({ where })).toBe(0);
});
