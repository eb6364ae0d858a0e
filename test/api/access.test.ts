import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RULES, SCOPES, type Scope, type ScopedOperation } from '../../src/domain/access.ts';
import { createId, kindOfId } from '../../src/domain/ids.ts';
import { graphql } from '../kit/graphql.ts';
import { send, startPlane, type Plane } from '../kit/plane.ts';
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

let plane: Plane;
let owner: Member;
let app: SeededApp;
let deploymentId: string;
let versionId: string;
let roleId: string;
let invitationId: string;
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
  app = await createApp(owner);
  deploymentId = await deployFiles(plane, owner, app, appFiles('one'));
  versionId = await pushVersion(owner, app.entityId, appFiles('two'));
  const { prisma } = plane.app.database;
  const { organizationId } = owner;
  roleId = createId('Role');
  await prisma.role.create({ data: { id: roleId, organizationId, name: 'viewers', scopes: [] } });
  invitationId = createId('Invitation');
  const expiresAt = new Date(Date.now() + 60_000);
  await prisma.invitation.create({ data: { id: invitationId, organizationId, roleId, secretHash: 'none', expiresAt } });
});
afterAll(() => plane[Symbol.asyncDispose]());

/** Every operation that asks for a scope, with an input of the owner's things. */
const CALLS: Record<ScopedOperation, [query: string, variables: () => Record<string, unknown>]> = {
  triggerDeployment: ['deployment { id }', () => ({ productionAppId: app.productionAppId })],
  cancelDeployment: ['deployment { id }', () => ({ deploymentId })],
  retryDeployment: ['replayed', () => ({ deploymentId })],
  redeployDeployment: ['replayed', () => ({ deploymentId })],
  rollbackDeployment: ['replayed', () => ({ deploymentId })],
  requestVersionUpload: ['storagePath', () => ({ entityId: app.entityId, version: 'v9', sourceHash: '0123456789' })],
  confirmVersionUpload: [
    'version { id }',
    () => ({ entityId: app.entityId, storagePath: 'x', version: 'v9', sourceHash: '0123456789', fileSizeBytes: 1 }),
  ],
  createVersionFromUrl: [
    'version { id }',
    () => ({
      entityId: app.entityId,
      version: 'v9',
      sourceHash: '0123456789',
      packageUrl: 'https://packages.example.com/shop.tar.gz',
      packageSha256: '0'.repeat(64),
    }),
  ],
  activateVersion: ['version { id }', () => ({ versionId })],
  createProductionApp: ['productionApp { id }', () => ({ entityId: app.entityId, subdomain: 'some-name' })],
  updateProductionApp: ['productionApp { id }', () => ({ id: app.productionAppId, subdomain: 'some-name' })],
  deleteProductionApp: ['productionApp { id }', () => ({ id: app.productionAppId })],
  addPublisher: ['entity { id }', () => ({ entityId: app.entityId, userId: owner.userId })],
  removePublisher: ['entity { id }', () => ({ entityId: app.entityId, userId: owner.userId })],
  createEntity: ['entity { id }', () => ({ organizationId: owner.organizationId, name: 'Shop', slug: 'some-shop' })],
  createRole: ['role { id }', () => ({ organizationId: owner.organizationId, name: 'some role', scopes: [] })],
  updateRole: ['role { id }', () => ({ roleId, name: 'some role' })],
  deleteRole: ['organization { id }', () => ({ roleId })],
  changeMemberRole: [
    'member { joinedAt }',
    () => ({ organizationId: owner.organizationId, userId: owner.userId, roleId }),
  ],
  removeMember: ['organization { id }', () => ({ organizationId: owner.organizationId, userId: owner.userId })],
  createInvitation: ['replayed', () => ({ roleId })],
  revokeInvitation: ['invitation { id }', () => ({ invitationId })],
  auditEvents: ['', () => ({ organizationId: owner.organizationId })],
};

interface Call {
  readonly name: ScopedOperation;
  readonly scope: Scope;
  readonly isOfEntity: boolean;
  readonly query: string;
  readonly variables: (changed?: Record<string, unknown>) => Record<string, unknown>;
}

const SCOPED: Call[] = (Object.keys(CALLS) as ScopedOperation[]).map((name) => {
  const [selection, input] = CALLS[name];
  const { scope, of } = RULES[name];
  const isOfEntity = of === 'entity';
  if (name === 'auditEvents') {
    const query = 'query ($organizationId: ID!) { auditEvents(organizationId: $organizationId) { nodes { id } } }';
    return { name, scope, isOfEntity, query, variables: (changed) => ({ ...input(), ...changed }) };
  }
  const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input!`;
  const query = `mutation ($input: ${type}) { ${name}(input: $input) { ${selection} } }`;
  return { name, scope, isOfEntity, query, variables: (changed) => ({ input: { ...input(), ...changed } }) };
});
const OF_ENTITIES = SCOPED.filter(({ isOfEntity }) => isOfEntity);

test('every operation that asks for a scope is in the table of this file', () => {
  const scoped = Object.entries(RULES).filter(([, rule]) => typeof rule === 'object');

  expect(scoped.map(([name]) => name).toSorted()).toEqual(Object.keys(CALLS).toSorted());
});

async function makePublisher(member: Member): Promise<Member> {
  await plane.app.database.prisma.entityPublisher.create({ data: { entityId: app.entityId, userId: member.userId } });
  return member;
}

describe.each(SCOPED)('$name', ({ scope, query, variables }) => {
  // One scope at a time: whoever has all others is refused, and told which one is missing.
  test(`is refused to a publisher who has every scope but ${scope}`, async () => {
    const scopes = SCOPES.filter((other) => other !== scope);
    const member = await makePublisher(await createMember(plane, owner.organizationId, scopes));

    const answer = await graphql(plane, member.token, query, variables());

    expect(answer.codes).toEqual(['FORBIDDEN']);
    expect(answer.messages[0]).toContain(scope);
  });

  test('is refused to a publisher with that scope whose token does not have it', async () => {
    const member = await makePublisher(await createMember(plane, owner.organizationId, SCOPES));
    const scopes = SCOPES.filter((other) => other !== scope);
    await plane.app.database.prisma.apiToken.updateMany({ where: { userId: member.userId }, data: { scopes } });

    expect((await graphql(plane, member.token, query, variables())).codes).toEqual(['FORBIDDEN']);
  });

  test('on what belongs to another organization is refused like what does not exist', async () => {
    const stranger = await createOwner(plane);
    const given = (variables()['input'] ?? variables()) as Record<string, unknown>;
    const [field, id] = Object.entries(given).find(([name]) => /^id$|Id$/.test(name)) as [string, string];
    const kind = kindOfId(id)!;
    const unknown = createId(kind);

    const foreign = await graphql(plane, stranger.token, query, variables());
    const missing = await graphql(plane, stranger.token, query, variables({ [field]: unknown }));

    expect(foreign.codes).toEqual(['NOT_FOUND']);
    expect(foreign.messages[0]!.replace(id, '')).toBe(missing.messages[0]!.replace(unknown, ''));
  });

  test('without a token is refused as unauthenticated', async () => {
    expect((await graphql(plane, null, query, variables())).codes).toEqual(['UNAUTHENTICATED']);
  });
});

test.each(OF_ENTITIES)(
  '$name is refused to a member with every scope who is no publisher',
  async ({ query, variables }) => {
    const member = await createMember(plane, owner.organizationId, SCOPES);

    const answer = await graphql(plane, member.token, query, variables());

    expect(answer.codes).toEqual(['FORBIDDEN']);
    expect(answer.messages[0]).toContain('publisher');
  },
);

test.each(SCOPED.filter(({ isOfEntity }) => !isOfEntity))(
  '$name is refused to a token that is for one app, whatever its holder may do',
  async ({ query, variables }) => {
    const member = await createMember(plane, owner.organizationId, SCOPES);
    const appIds = [app.productionAppId];
    await plane.app.database.prisma.apiToken.updateMany({ where: { userId: member.userId }, data: { appIds } });

    expect((await graphql(plane, member.token, query, variables())).codes).toEqual(['FORBIDDEN']);
  },
);

test('who was refused a mutation is in the audit, with what, from where and in which request', async () => {
  const member = await createMember(plane, owner.organizationId, []);

  const refused = await send('POST', `${plane.url}/graphql`, {
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${member.token}`,
      'x-request-id': 'refused-1',
    },
    body: JSON.stringify({ query: SCOPED[0]!.query, variables: SCOPED[0]!.variables() }),
  });

  expect(refused.body).toContain('FORBIDDEN');
  const where = { actorId: member.userId };
  expect(await plane.app.database.prisma.auditEvent.findMany({ where })).toMatchObject([
    {
      organizationId: owner.organizationId,
      action: 'triggerDeployment',
      outcome: 'refused',
      subjectId: app.productionAppId,
      requestId: 'refused-1',
      address: expect.stringMatching(/127\.0\.0\.1|::1/),
    },
  ]);
});

test('whoever asked for the URL of an upload is in the audit', async () => {
  const where = { organizationId: owner.organizationId, action: 'requestVersionUpload', outcome: 'done' };
  const events = await plane.app.database.prisma.auditEvent.findMany({ where });

  const about = { actorId: owner.userId, subjectId: app.entityId, details: { version: expect.stringMatching(/^v-/) } };
  expect(events).toMatchObject([about, about]);
});

test('a refusal that is about no single organization is in the audit of each that the caller belongs to', async () => {
  const member = await createMember(plane, owner.organizationId, []);
  const { prisma } = plane.app.database;
  await prisma.apiToken.updateMany({ where: { userId: member.userId }, data: { scopes: [] } });
  const other = await createOwner(plane);
  const role = await prisma.role.findFirstOrThrow({ where: { organizationId: other.organizationId } });
  await prisma.membership.create({
    data: { organizationId: other.organizationId, userId: member.userId, roleId: role.id },
  });

  const tries = [
    await graphql(plane, member.token, 'mutation { createApiToken(input: { name: "more" }) { replayed } }'),
    await graphql(plane, member.token, 'mutation { acceptInvitation(input: { secret: "wli_none" }) { __typename } }'),
  ];

  expect(tries.map(({ codes }) => codes)).toEqual([['FORBIDDEN'], ['FORBIDDEN']]);
  const events = await prisma.auditEvent.findMany({ where: { actorId: member.userId } });
  const organizationIds = [owner.organizationId, other.organizationId].toSorted();
  expect(events.map(({ action, outcome, organizationId }) => [action, outcome, organizationId]).toSorted()).toEqual(
    ['acceptInvitation', 'createApiToken'].flatMap((action) => organizationIds.map((id) => [action, 'refused', id])),
  );
});

test('what belongs to another organization is not there, by whatever way', async () => {
  const stranger = await createOwner(plane);
  const query = `query ($app: ID!, $dep: ID!, $ent: ID!, $ver: ID!, $org: ID!, $usr: ID!, $subdomain: String!) {
    deployment(id: $dep) { id }
    entity(id: $ent) { id }
    productionApp(id: $app) { id }
    bySubdomain: productionApp(subdomain: $subdomain) { id }
    organization(id: $org) { id }
    nodes(ids: [$app, $dep, $ent, $ver, $org, $usr]) { id }
    productionApps { totalCount }
    byOrganization: productionApps(organizationId: $org) { totalCount }
    deployments { totalCount nodes { id } }
    deploymentsPage(filter: { productionAppId: $app }) { total nodes { id } }
    productionAppsPage(organizationId: $org) { total nodes { id } }
    subdomainAvailability(subdomain: $subdomain, excludeId: $app) { available }
  }`;
  const variables = {
    app: app.productionAppId,
    dep: deploymentId,
    ent: app.entityId,
    ver: versionId,
    org: owner.organizationId,
    usr: owner.userId,
    subdomain: app.subdomain,
  };

  const answer = await graphql(plane, stranger.token, query, variables);

  expect(answer.messages).toEqual([]);
  expect(answer.data).toEqual({
    deployment: null,
    entity: null,
    productionApp: null,
    bySubdomain: null,
    organization: null,
    nodes: [null, null, null, null, null, null],
    productionApps: { totalCount: 0 },
    byOrganization: { totalCount: 0 },
    deployments: { totalCount: 0, nodes: [] },
    deploymentsPage: { total: 0, nodes: [] },
    productionAppsPage: { total: 0, nodes: [] },
    // That a name is taken shows; whose it is does not.
    subdomainAvailability: { available: false },
  });
  expect((await plane.rest('GET', `/api/deploys/${deploymentId}`, { token: stranger.token })).status).toBe(404);
});

test('the entities of an organization are those that its viewer sees, and of no other one', async () => {
  const [mine, other] = [await createOwner(plane), await createOwner(plane)];
  const role = await plane.app.database.prisma.role.findFirstOrThrow({
    where: { organizationId: other.organizationId },
  });
  await plane.app.database.prisma.membership.create({
    data: { organizationId: other.organizationId, userId: mine.userId, roleId: role.id },
  });
  const create = 'mutation ($input: CreateEntityInput!) { createEntity(input: $input) { entity { id } } }';
  const input = { organizationId: mine.organizationId, name: 'Lonely', slug: 'lonely' };
  const lonely = (await graphql(plane, mine.token, create, { input })).data.createEntity.entity.id;
  const ofApp = await createApp(mine);
  await createApp(other);
  const query = `query ($id: ID!, $first: Int, $after: String) {
    organization(id: $id) { entities(first: $first, after: $after) {
      totalCount nodes { id productionApps { totalCount } } pageInfo { endCursor hasNextPage }
    } }
  }`;
  const list = async (variables: object = {}) =>
    (await graphql(plane, mine.token, query, { id: mine.organizationId, ...variables })).data.organization.entities;
  const [withApp, alone] = [
    { id: ofApp.entityId, productionApps: { totalCount: 1 } },
    { id: lonely, productionApps: { totalCount: 0 } },
  ];

  const all = await list();
  const first = await list({ first: 1 });
  const second = await list({ first: 1, after: first.pageInfo.endCursor });
  const elsewhere = await graphql(plane, mine.token, query, {
    id: other.organizationId,
    after: first.pageInfo.endCursor,
  });
  const where = { userId: mine.userId };
  await plane.app.database.prisma.apiToken.updateMany({ where, data: { appIds: [ofApp.productionAppId] } });
  const restricted = await list();

  expect(all).toMatchObject({ totalCount: 2, nodes: [withApp, alone] });
  expect([first, second]).toMatchObject([
    { nodes: [withApp], pageInfo: { hasNextPage: true } },
    { nodes: [alone], pageInfo: { hasNextPage: false } },
  ]);
  expect(elsewhere.codes).toEqual(['BAD_USER_INPUT']);
  expect(restricted).toMatchObject({ totalCount: 1, nodes: [withApp] });
});

test('a revoked, an expired and an unknown token are refused with 401', async () => {
  const { prisma } = plane.app.database;
  const [revoked, expired] = [await createOwner(plane), await createOwner(plane)];
  await prisma.apiToken.updateMany({ where: { userId: revoked.userId }, data: { revokedAt: new Date() } });
  await prisma.apiToken.updateMany({
    where: { userId: expired.userId },
    data: { expiresAt: new Date(Date.now() - 1) },
  });

  const answers = await Promise.all(
    [revoked.token, expired.token, 'wl_unknown'].map((token) => graphql(plane, token, '{ viewer { user { id } } }')),
  );

  expect(answers.map(({ status, codes }) => [status, codes])).toEqual(answers.map(() => [401, ['UNAUTHENTICATED']]));
});

test('only the hash of a token is stored', async () => {
  const rows = await plane.app.database.prisma.apiToken.findMany();

  expect(JSON.stringify(rows)).not.toContain(owner.token);
});
