import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTokenSecret, isMistyped } from '../../src/store/directory.ts';
import { graphql } from '../kit/graphql.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { createApp, createMember, createOwner, pushVersion, appFiles, trigger, type Member } from '../kit/seed.ts';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane({ roles: ['api'] });
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

const CREATE = `mutation ($input: CreateApiTokenInput!) {
  createApiToken(input: $input) { secret replayed token { id name scopes productionAppIds expiresAt revokedAt } } }`;
const REVOKE = 'mutation ($input: RevokeApiTokenInput!) { revokeApiToken(input: $input) { token { id revokedAt } } }';
const ME = '{ viewer { user { id } token { id } memberships { scopes } } }';

interface Created {
  readonly createApiToken: {
    readonly secret: string;
    readonly replayed: boolean;
    readonly token: { readonly id: string; readonly expiresAt: string };
  };
}

async function createToken(
  input: Record<string, unknown> = {},
  token = owner.token,
): Promise<Created['createApiToken']> {
  const { data, messages } = await graphql(plane, token, CREATE, { input: { name: 'ci', ...input } });
  expect(messages).toEqual([]);
  return (data as Created).createApiToken;
}

test('a token is shown once, with a checksum, and only its hash is stored', async () => {
  const { secret, token } = await createToken({ idempotencyKey: 'once' });
  const again = await createToken({ idempotencyKey: 'once' });

  expect(secret).toMatch(/^wl_[A-Za-z0-9_-]{46}$/);
  expect(again).toMatchObject({ secret: null, replayed: true, token: { id: token.id } });
  const stored = await plane.app.database.prisma.apiToken.findUniqueOrThrow({ where: { id: token.id } });
  expect(JSON.stringify(stored)).not.toContain(secret.slice(3, 40));
});

test('a token with one wrong character is known to be mistyped without a look at the database', () => {
  const secret = createTokenSecret();

  expect(isMistyped(secret)).toBe(false);
  const wrong = secret.slice(0, 10) + (secret[10] === 'A' ? 'B' : 'A') + secret.slice(11);
  expect(isMistyped(wrong)).toBe(true);
  expect(isMistyped('a-token-that-an-operator-chose-for-himself')).toBe(false);
});

test('a token expires after 90 days unless told otherwise, and never later than in 366', async () => {
  const { token } = await createToken();
  const late = { name: 'late', expiresAt: new Date(Date.now() + 367 * 86_400_000).toISOString() };

  const days = (new Date(token.expiresAt).getTime() - Date.now()) / 86_400_000;
  expect(days).toBeGreaterThan(89.9);
  expect(days).toBeLessThanOrEqual(90);
  expect((await graphql(plane, owner.token, CREATE, { input: late })).codes).toEqual(['BAD_USER_INPUT']);
});

test('a token allows what its scopes and its holder’s role have in common, also after the role has changed', async () => {
  const member = await createMember(plane, owner.organizationId, ['entities:deploy', 'entities:publish']);
  const { secret } = await createToken({ scopes: ['ENTITIES_DEPLOY', 'ORG_SETTINGS'] }, member.token);
  const scopesNow = async () => {
    const { data } = await graphql(plane, secret, ME);
    return (data as { viewer: { memberships: { scopes: string[] }[] } }).viewer.memberships.flatMap(
      ({ scopes }) => scopes,
    );
  };
  expect(await scopesNow()).toEqual(['ENTITIES_DEPLOY']);

  const { prisma } = plane.app.database;
  const { roleId } = await prisma.membership.findFirstOrThrow({ where: { userId: member.userId } });
  await prisma.role.update({ where: { id: roleId }, data: { scopes: ['org:settings'] } });

  expect(await scopesNow()).toEqual(['ORG_SETTINGS']);
});

test('a restricted token makes no other token', async () => {
  const { secret } = await createToken({ scopes: ['ENTITIES_DEPLOY'] });

  const refused = await graphql(plane, secret, CREATE, { input: { name: 'more' } });

  expect(refused.codes).toEqual(['FORBIDDEN']);
});

test('a revoked token is refused from the next request on, and revoking it again changes nothing', async () => {
  const { secret, token } = await createToken();
  expect((await graphql(plane, secret, ME)).codes).toEqual([]);

  const first = await graphql(plane, owner.token, REVOKE, { input: { tokenId: token.id } });
  const second = await graphql(plane, owner.token, REVOKE, { input: { tokenId: token.id } });

  expect((await graphql(plane, secret, ME)).codes).toEqual(['UNAUTHENTICATED']);
  expect(second.data).toEqual(first.data);
});

test('a token names the apps that it is for, also deleted ones, and none where it is for all', async () => {
  const [kept, deleted] = [await createApp(owner), await createApp(owner)];
  const productionAppIds = [kept.productionAppId, deleted.productionAppId];
  const { token } = await createToken({ productionAppIds });
  const { token: whole } = await createToken();
  const remove = 'mutation ($input: DeleteProductionAppInput!) { deleteProductionApp(input: $input) { __typename } }';
  await graphql(plane, owner.token, remove, { input: { id: deleted.productionAppId } });

  const { data } = await graphql(
    plane,
    owner.token,
    '{ viewer { tokens(first: 2) { nodes { id productionApps { subdomain } } } } }',
  );

  expect(data.viewer.tokens.nodes).toEqual([
    { id: whole.id, productionApps: null },
    { id: token.id, productionApps: [{ subdomain: kept.subdomain }, { subdomain: deleted.subdomain }] },
  ]);
});

test("somebody else's token can be revoked no more than one that does not exist", async () => {
  const { token } = await createToken();
  const colleague = await createMember(plane, owner.organizationId, []);

  const foreign = await graphql(plane, colleague.token, REVOKE, { input: { tokenId: token.id } });
  const unknown = await graphql(plane, colleague.token, REVOKE, { input: { tokenId: `tok_${'0'.repeat(26)}` } });

  expect(foreign.codes).toEqual(['NOT_FOUND']);
  expect(foreign.messages[0]).toBe(unknown.messages[0]!.replace(`tok_${'0'.repeat(26)}`, token.id));
});

test('a token for some apps sees and ships these, and for it nothing else exists', async () => {
  const [mine, other] = [await createApp(owner), await createApp(owner)];
  await pushVersion(owner, mine.entityId, appFiles('one'));
  const otherVersion = await pushVersion(owner, other.entityId, appFiles('two'));
  const otherDeployment = await trigger(owner, other.productionAppId);
  const { secret } = await createToken({ productionAppIds: [mine.productionAppId] });
  const restricted = { ...owner, token: secret, client: plane.client(secret) };

  const deployment = await trigger(restricted, mine.productionAppId);

  const seen = await graphql(
    plane,
    secret,
    `
      query ($ids: [ID!]!, $organization: ID!) {
        nodes(ids: $ids) {
          id
        }
        productionApps {
          totalCount
          nodes {
            id
          }
        }
        deployments {
          totalCount
          nodes {
            id
          }
        }
        organization(id: $organization) {
          id
        }
      }
    `,
    {
      ids: [
        mine.productionAppId,
        mine.entityId,
        deployment,
        other.productionAppId,
        other.entityId,
        otherVersion,
        otherDeployment,
      ],
      organization: owner.organizationId,
    },
  );
  expect(seen.data).toEqual({
    nodes: [{ id: mine.productionAppId }, { id: mine.entityId }, { id: deployment }, null, null, null, null],
    productionApps: { totalCount: 1, nodes: [{ id: mine.productionAppId }] },
    deployments: { totalCount: 1, nodes: [{ id: deployment }] },
    organization: { id: owner.organizationId },
  });
  await expect(trigger(restricted, other.productionAppId)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(createApp(restricted)).rejects.toMatchObject({ code: 'FORBIDDEN' });
});
