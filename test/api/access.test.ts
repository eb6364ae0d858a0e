import { afterAll, beforeAll, expect, test } from 'vitest';
import { SCOPES, type Scope } from '../../src/domain/access.ts';
import { createId } from '../../src/domain/ids.ts';
import { graphql } from '../kit/graphql.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
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
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
  app = await createApp(owner);
  deploymentId = await deployFiles(plane, owner, app, appFiles('one'));
  versionId = await pushVersion(owner, app.entityId, appFiles('two'));
});
afterAll(() => plane[Symbol.asyncDispose]());

/** Every operation that changes something, with what it takes to be allowed. */
const CHANGES: [name: string, scope: Scope, query: string, input: () => Record<string, unknown>][] = [
  [
    'triggerDeployment',
    'entities:deploy',
    'mutation ($input: TriggerDeploymentInput!) { triggerDeployment(input: $input) { deployment { id } } }',
    () => ({ productionAppId: app.productionAppId }),
  ],
  [
    'cancelDeployment',
    'entities:deploy',
    'mutation ($input: CancelDeploymentInput!) { cancelDeployment(input: $input) { deployment { id } } }',
    () => ({ deploymentId }),
  ],
  ...(['retry', 'redeploy', 'rollback'] as const).map((name): (typeof CHANGES)[number] => [
    `${name}Deployment`,
    'entities:deploy',
    `mutation ($input: ${name[0]!.toUpperCase()}${name.slice(1)}DeploymentInput!) { ${name}Deployment(input: $input) { replayed } }`,
    () => ({ deploymentId }),
  ]),
  [
    'requestVersionUpload',
    'entities:publish',
    'mutation ($input: RequestVersionUploadInput!) { requestVersionUpload(input: $input) { storagePath } }',
    () => ({ entityId: app.entityId, version: 'v9', sourceHash: '0123456789' }),
  ],
  [
    'confirmVersionUpload',
    'entities:publish',
    'mutation ($input: ConfirmVersionUploadInput!) { confirmVersionUpload(input: $input) { version { id } } }',
    () => ({ entityId: app.entityId, storagePath: 'x', version: 'v9', sourceHash: '0123456789', fileSizeBytes: 1 }),
  ],
  [
    'activateVersion',
    'entities:publish',
    'mutation ($input: ActivateVersionInput!) { activateVersion(input: $input) { version { id } } }',
    () => ({ versionId }),
  ],
  [
    'createProductionApp',
    'entities:deploy',
    'mutation ($input: CreateProductionAppInput!) { createProductionApp(input: $input) { productionApp { id } } }',
    () => ({ entityId: app.entityId, subdomain: 'some-name' }),
  ],
  [
    'updateProductionApp',
    'entities:deploy',
    'mutation ($input: UpdateProductionAppInput!) { updateProductionApp(input: $input) { productionApp { id } } }',
    () => ({ id: app.productionAppId, subdomain: 'some-name' }),
  ],
  [
    'deleteProductionApp',
    'entities:deploy',
    'mutation ($input: DeleteProductionAppInput!) { deleteProductionApp(input: $input) { productionApp { id } } }',
    () => ({ id: app.productionAppId }),
  ],
];

async function makePublisher(member: Member): Promise<Member> {
  await plane.app.database.prisma.entityPublisher.create({ data: { entityId: app.entityId, userId: member.userId } });
  return member;
}

test.each(CHANGES)(
  '%s is refused to a publisher without the scope %s, naming it',
  async (_name, scope, query, input) => {
    const scopes = SCOPES.filter((other) => other !== scope);
    const member = await makePublisher(await createMember(plane, owner.organizationId, scopes));

    const answer = await graphql(plane, member.token, query, { input: input() });

    expect(answer.codes).toEqual(['FORBIDDEN']);
    expect(answer.messages[0]).toContain(scope);
  },
);

test.each(CHANGES)(
  '%s is refused to a member with every scope who is no publisher',
  async (_name, _scope, query, input) => {
    const member = await createMember(plane, owner.organizationId, SCOPES);

    const answer = await graphql(plane, member.token, query, { input: input() });

    expect(answer.codes).toEqual(['FORBIDDEN']);
    expect(answer.messages[0]).toContain('publisher');
  },
);

test.each(CHANGES)(
  '%s on what belongs to another organization is refused like what does not exist',
  async (_name, _scope, query, input) => {
    const stranger = await createOwner(plane);
    const [[field, id]] = Object.entries(input()).filter(([name]) => /^id$|Id$/.test(name)) as [[string, string]];
    const unknown = createId(
      ({ app: 'ProductionApp', dep: 'Deployment', ent: 'Entity', ver: 'Version' } as const)[id.slice(0, 3) as 'app'],
    );

    const foreign = await graphql(plane, stranger.token, query, { input: input() });
    const missing = await graphql(plane, stranger.token, query, { input: { ...input(), [field]: unknown } });

    expect(foreign.codes).toEqual(['NOT_FOUND']);
    expect(foreign.messages[0]!.replace(id, '')).toBe(missing.messages[0]!.replace(unknown, ''));
  },
);

test.each(CHANGES)('%s without a token is refused as unauthenticated', async (_name, _scope, query, input) => {
  expect((await graphql(plane, null, query, { input: input() })).codes).toEqual(['UNAUTHENTICATED']);
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
