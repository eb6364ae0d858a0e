import { afterAll, beforeAll, expect, test } from 'vitest';
import { SCOPES, type Scope } from '../../src/domain/access.ts';
import { verifyAudit } from '../../src/store/audit.ts';
import { graphql } from '../kit/graphql.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { appFiles, createApp, createMember, createOwner, pushVersion, type Member } from '../kit/seed.ts';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane({ roles: ['api'] });
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

/** One mutation, with what it answered. */
async function change(token: string | null, name: string, selection: string, input: Record<string, unknown>) {
  const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input!`;
  const query = `mutation ($input: ${type}) { ${name}(input: $input) { ${selection} } }`;
  const answer = await graphql(plane, token, query, { input });
  return { ...answer, payload: answer.data?.[name] as Record<string, never> };
}

const screaming = (scope: Scope) => scope.replaceAll(':', '_').toUpperCase();
let made = 0;
async function createRole(member: Member, scopes: readonly Scope[]): Promise<string> {
  const { organizationId } = member;
  const input = { organizationId, name: `role ${(made += 1)}`, scopes: scopes.map(screaming) };
  const { payload, messages } = await change(member.token, 'createRole', 'role { id }', input);
  expect(messages).toEqual([]);
  return (payload['role'] as unknown as { id: string }).id;
}

async function invite(member: Member, roleId: string, email?: string): Promise<{ id: string; secret: string }> {
  const selection = 'url invitation { id }';
  const { payload } = await change(member.token, 'createInvitation', selection, { roleId, email });
  const { url, invitation } = payload as unknown as { url: string; invitation: { id: string } };
  return { id: invitation.id, secret: url.split('#')[1]! };
}

test('a role is any set of scopes, holds from the next request on, and cannot be deleted while somebody has it', async () => {
  const roleId = await createRole(owner, ['entities:deploy']);
  const member = await createMember(plane, owner.organizationId, []);
  const seat = { organizationId: owner.organizationId, userId: member.userId };

  await change(owner.token, 'changeMemberRole', 'member { joinedAt }', { ...seat, roleId });
  await change(owner.token, 'updateRole', 'role { id }', { roleId, scopes: ['ORG_BILLING', 'MEMBERS_INVITE'] });

  const { data } = await graphql(plane, member.token, '{ viewer { memberships { scopes } } }');
  expect(data).toEqual({ viewer: { memberships: [{ scopes: ['MEMBERS_INVITE', 'ORG_BILLING'] }] } });
  expect((await change(owner.token, 'deleteRole', 'organization { id }', { roleId })).codes).toEqual(['CONFLICT']);
});

test('nobody gives out, takes away or invites to a scope that he does not have', async () => {
  const manager = await createMember(plane, owner.organizationId, [
    'members:manage_roles',
    'members:remove',
    'members:invite',
    'entities:deploy',
  ]);
  const { organizationId } = owner;
  const owners = await createRole(owner, SCOPES);
  const deployers = await createRole(manager, ['entities:deploy']);
  const mine = { organizationId, userId: manager.userId };

  const attempts = [
    change(manager.token, 'createRole', 'replayed', { organizationId, name: 'all', scopes: SCOPES.map(screaming) }),
    change(manager.token, 'updateRole', 'role { id }', { roleId: deployers, scopes: ['ORG_SETTINGS'] }),
    change(manager.token, 'updateRole', 'role { id }', { roleId: owners, scopes: [] }),
    change(manager.token, 'changeMemberRole', 'member { joinedAt }', { ...mine, roleId: owners }),
    change(manager.token, 'changeMemberRole', 'member { joinedAt }', {
      ...mine,
      userId: owner.userId,
      roleId: deployers,
    }),
    change(manager.token, 'removeMember', 'organization { id }', { ...mine, userId: owner.userId }),
    change(manager.token, 'createInvitation', 'url', { roleId: owners }),
  ];

  for (const { codes } of await Promise.all(attempts)) expect(codes).toEqual(['FORBIDDEN']);
});

test('an organization never loses the last one who may manage roles', async () => {
  const alone = await createOwner(plane);
  const { organizationId, userId } = alone;
  const powerless = await createRole(alone, []);
  const { roleId } = await plane.app.database.prisma.membership.findFirstOrThrow({ where: { userId } });

  const attempts = [
    await change(alone.token, 'leaveOrganization', 'organizationId', { organizationId }),
    await change(alone.token, 'removeMember', 'organization { id }', { organizationId, userId }),
    await change(alone.token, 'changeMemberRole', 'member { joinedAt }', { organizationId, userId, roleId: powerless }),
    await change(alone.token, 'updateRole', 'role { id }', { roleId, scopes: ['ORG_BILLING'] }),
  ];

  expect(attempts.map(({ codes }) => codes)).toEqual(attempts.map(() => ['CONFLICT']));
});

test('of two managers who remove each other at once, one stays', async () => {
  const first = await createOwner(plane);
  const second = await createMember(plane, first.organizationId, SCOPES);
  const { organizationId } = first;

  await Promise.all([
    change(first.token, 'removeMember', 'organization { id }', { organizationId, userId: second.userId }),
    change(second.token, 'removeMember', 'organization { id }', { organizationId, userId: first.userId }),
  ]);

  expect(await plane.app.database.prisma.membership.count({ where: { organizationId } })).toBe(1);
});

test('who is removed sees nothing more, and what only he published goes to who removed him', async () => {
  const member = await createMember(plane, owner.organizationId, SCOPES);
  const app = await createApp(member);
  const { organizationId } = owner;

  await change(owner.token, 'removeMember', 'organization { id }', { organizationId, userId: member.userId });

  const seen = await graphql(plane, member.token, 'query ($id: ID!) { node(id: $id) { id } }', { id: app.entityId });
  expect(seen.data).toEqual({ node: null });
  const publishers = await graphql(plane, owner.token, 'query ($id: ID!) { entity(id: $id) { publishers { id } } }', {
    id: app.entityId,
  });
  expect(publishers.data).toEqual({ entity: { publishers: [{ id: owner.userId }] } });
});

test('a publisher lets a colleague publish, and the last publisher stays', async () => {
  const app = await createApp(owner);
  const colleague = await createMember(plane, owner.organizationId, SCOPES);
  const stranger = await createOwner(plane);
  const who = (userId: string) => ({ entityId: app.entityId, userId });

  const added = await change(owner.token, 'addPublisher', 'entity { publishers { id } }', who(colleague.userId));
  const foreign = await change(owner.token, 'addPublisher', 'entity { id }', who(stranger.userId));
  await change(colleague.token, 'removePublisher', 'entity { id }', who(owner.userId));
  const last = await change(colleague.token, 'removePublisher', 'entity { id }', who(colleague.userId));

  expect((added.payload['entity'] as unknown as { publishers: unknown[] }).publishers).toHaveLength(2);
  expect(foreign.codes).toEqual(['NOT_FOUND']);
  expect(last.codes).toEqual(['CONFLICT']);
});

test('an invitation makes somebody new a member with a token, once, whoever else has the link', async () => {
  const roleId = await createRole(owner, ['entities:deploy']);
  const { secret } = await invite(owner, roleId);

  const accepts = await Promise.all(
    ['Grace', 'Mallory'].map((name) =>
      change(null, 'acceptInvitation', 'userId secret organizationId', { secret, name }),
    ),
  );

  const joined = accepts.filter(({ codes }) => codes.length === 0);
  expect(joined).toHaveLength(1);
  expect(accepts.flatMap(({ codes }) => codes)).toEqual(['NOT_FOUND']);
  const { secret: token, userId } = joined[0]!.payload as unknown as { secret: string; userId: string };
  const { data } = await graphql(plane, token, '{ viewer { user { id } memberships { scopes } } }');
  expect(data).toEqual({ viewer: { user: { id: userId }, memberships: [{ scopes: ['ENTITIES_DEPLOY'] }] } });
});

test('who is signed in joins as who he is, and nobody joins twice', async () => {
  const guest = await createOwner(plane);
  const roleId = await createRole(owner, []);
  const [first, second] = [await invite(owner, roleId), await invite(owner, roleId)];

  const joined = await change(guest.token, 'acceptInvitation', 'userId secret', { secret: first.secret });
  const again = await change(guest.token, 'acceptInvitation', 'userId secret', { secret: second.secret });

  expect(joined.payload).toEqual({ userId: guest.userId, secret: null });
  expect(again.codes).toEqual(['CONFLICT']);
});

test('a revoked and an expired invitation are refused like one that never was', async () => {
  const roleId = await createRole(owner, []);
  const [revoked, expired] = [await invite(owner, roleId), await invite(owner, roleId)];
  await change(owner.token, 'revokeInvitation', 'invitation { id }', { invitationId: revoked.id });
  const past = { expiresAt: new Date(Date.now() - 1) };
  await plane.app.database.prisma.invitation.update({ where: { id: expired.id }, data: past });

  const answers = await Promise.all(
    [revoked.secret, expired.secret, 'wli_never'].map((secret) =>
      change(null, 'acceptInvitation', 'userId', { secret, name: 'Eve' }),
    ),
  );

  expect(answers.map(({ codes, messages }) => [codes, messages])).toEqual(
    answers.map(() => [['NOT_FOUND'], [answers[0]!.messages[0]]]),
  );
});

test('the holder of a link, signed in or not, reads what it invites to, until it would be refused', async () => {
  const inviter = await createMember(plane, owner.organizationId, ['members:invite', 'entities:deploy']);
  const roleId = await createRole(owner, ['entities:deploy']);
  const [used, kept] = [await invite(inviter, roleId), await invite(inviter, roleId)];
  const stranger = await createOwner(plane);
  const query = `query ($secret: String!) {
    invitationOffer(secret: $secret) { organizationName roleName scopes invitedBy } }`;
  const offers = () =>
    Promise.all(
      [used.secret, kept.secret, 'wli_never'].map(
        async (secret) => (await graphql(plane, null, query, { secret })).data.invitationOffer,
      ),
    );
  const { organizationId } = owner;
  const { name } = await plane.app.database.prisma.organization.findUniqueOrThrow({
    where: { id: organizationId },
  });
  const offer = { organizationName: name, roleName: `role ${made}`, scopes: ['ENTITIES_DEPLOY'], invitedBy: 'Ada' };
  expect(await offers()).toEqual([offer, offer, null]);
  expect((await graphql(plane, stranger.token, query, { secret: kept.secret })).data.invitationOffer).toEqual(offer);

  await change(null, 'acceptInvitation', 'userId', { secret: used.secret, name: 'Grace' });
  expect(await offers()).toEqual([null, offer, null]);

  await change(owner.token, 'removeMember', 'organization { id }', { organizationId, userId: inviter.userId });
  expect(await offers()).toEqual([null, null, null]);
});

test('who was removed, or lost the scope, lets nobody in by a link that he kept', async () => {
  const inviter = await createMember(plane, owner.organizationId, ['members:invite', 'entities:deploy']);
  const roleId = await createRole(owner, ['entities:deploy']);
  const { secret } = await invite(inviter, roleId);
  const { organizationId } = owner;
  await change(owner.token, 'removeMember', 'organization { id }', { organizationId, userId: inviter.userId });

  const answer = await change(null, 'acceptInvitation', 'userId', { secret, name: 'Eve' });

  expect(answer.codes).toEqual(['NOT_FOUND']);
});

test('who is the only publisher of an entity can remove himself no more than he can leave', async () => {
  const alone = await createOwner(plane);
  await createMember(plane, alone.organizationId, SCOPES);
  await createApp(alone);
  const { organizationId, userId } = alone;

  const removed = await change(alone.token, 'removeMember', 'organization { id }', { organizationId, userId });
  const left = await change(alone.token, 'leaveOrganization', 'organizationId', { organizationId });

  expect([removed.codes, left.codes]).toEqual([['CONFLICT'], ['CONFLICT']]);
});

test('a restricted token neither leaves the organization nor ends other tokens, but may end itself', async () => {
  const member = await createMember(plane, owner.organizationId, SCOPES);
  const { organizationId } = owner;
  const { payload } = await change(member.token, 'createApiToken', 'secret token { id }', { name: 'ci', scopes: [] });
  const { secret, token } = payload as unknown as { secret: string; token: { id: string } };
  const first = await plane.app.database.prisma.apiToken.findFirstOrThrow({ where: { userId: member.userId } });

  const left = await change(secret, 'leaveOrganization', 'organizationId', { organizationId });
  const ended = await change(secret, 'revokeApiToken', 'token { id }', { tokenId: first.id });
  const seen = await graphql(plane, secret, '{ viewer { tokens { totalCount nodes { id } } } }');
  const self = await change(secret, 'revokeApiToken', 'token { id }', { tokenId: token.id });

  expect([left.codes, ended.codes, self.codes]).toEqual([['FORBIDDEN'], ['FORBIDDEN'], []]);
  expect(seen.data.viewer.tokens).toEqual({ totalCount: 1, nodes: [{ id: token.id }] });
});

test('a token for some apps does nothing that is about all apps of an entity, and sees no members', async () => {
  const app = await createApp(owner);
  const version = await pushVersion(owner, app.entityId, appFiles('one'));
  const other = await createMember(plane, owner.organizationId, SCOPES);
  const productionAppIds = [app.productionAppId];
  const { payload } = await change(owner.token, 'createApiToken', 'secret', { name: 'ci', productionAppIds });
  const secret = payload['secret'] as unknown as string;

  const answers = [
    await change(secret, 'addPublisher', 'entity { id }', { entityId: app.entityId, userId: other.userId }),
    await change(secret, 'removePublisher', 'entity { id }', { entityId: app.entityId, userId: owner.userId }),
    await change(secret, 'activateVersion', 'version { id }', { versionId: version }),
    await graphql(plane, secret, 'query ($id: ID!) { entity(id: $id) { organization { members { totalCount } } } }', {
      id: app.entityId,
    }),
  ];

  expect(answers.map(({ codes }) => codes)).toEqual(answers.map(() => ['FORBIDDEN']));
});

test('members, roles and invitations are lists with all that belongs to them', async () => {
  const admin = await createOwner(plane);
  const roleId = await createRole(admin, ['entities:deploy']);
  await invite(admin, roleId, 'grace@example.com');

  const { data, messages } = await graphql(
    plane,
    admin.token,
    `
      query ($id: ID!) {
        organization(id: $id) {
          members {
            totalCount
            nodes {
              user {
                name
              }
              role {
                name
                memberCount
                scopes
              }
              joinedAt
            }
          }
          roles {
            name
            memberCount
          }
          invitations {
            nodes {
              role {
                name
                memberCount
              }
              email
              createdBy {
                name
              }
              acceptedAt
            }
          }
        }
      }
    `,
    { id: admin.organizationId },
  );

  expect(messages).toEqual([]);
  expect(data.organization.members.totalCount).toBe(1);
  expect(data.organization.members.nodes[0].role.memberCount).toBe(1);
  expect(data.organization.roles).toHaveLength(2);
  expect(data.organization.invitations.nodes).toMatchObject([
    { role: { memberCount: 0 }, email: 'grace@example.com', createdBy: { name: 'Ada' }, acceptedAt: null },
  ]);
});

test('what is done is audited in order, without secrets, and a change of what was written is found', async () => {
  const admin = await createOwner(plane);
  const { organizationId } = admin;
  const { prisma } = plane.app.database;
  const roleId = await createRole(admin, ['entities:deploy']);
  const { secret } = await invite(admin, roleId, 'grace@example.com');
  await change(null, 'acceptInvitation', 'secret', { secret, name: 'Grace' });
  await createApp(admin);

  const { data } = await graphql(
    plane,
    admin.token,
    `
      query ($id: ID!) {
        auditEvents(organizationId: $id, first: 50) {
          totalCount
          nodes {
            seq
            action
            outcome
            details
          }
        }
      }
    `,
    { id: organizationId },
  );
  expect(data.auditEvents.nodes.map(({ seq, action }: { seq: number; action: string }) => [seq, action])).toEqual([
    [5, 'createProductionApp'],
    [4, 'createEntity'],
    [3, 'acceptInvitation'],
    [2, 'createInvitation'],
    [1, 'createRole'],
  ]);
  expect(JSON.stringify(await prisma.auditEvent.findMany())).not.toContain(secret.slice(4));
  expect((await verifyAudit(prisma)).breaks).toEqual([]);

  await expect(prisma.auditEvent.updateMany({ data: { action: 'nothing' } })).rejects.toThrow(/does not change/);
  await expect(prisma.auditEvent.deleteMany()).rejects.toThrow(/does not change/);
  // Whoever owns the database can take the rule away, but not hide what he did then.
  await prisma.$executeRaw`alter table audit_events disable trigger audit_events_append_only`;
  await prisma.$executeRaw`update audit_events set details = '{}' where organization_id = ${organizationId} and seq = 2`;
  await prisma.$executeRaw`delete from audit_events where organization_id = ${organizationId} and seq = 4`;
  await prisma.$executeRaw`alter table audit_events enable trigger audit_events_append_only`;
  expect((await verifyAudit(prisma)).breaks).toEqual([
    { organizationId, seq: 2, problem: 'changed' },
    { organizationId, seq: 5, problem: 'missing' },
  ]);
});

test('an audited event names who did it, also when he has left, and shows to what as far as it may be seen', async () => {
  const admin = await createOwner(plane);
  const leaver = await createMember(plane, admin.organizationId, SCOPES);
  const { organizationId } = admin;
  const app = await createApp(admin);
  const roleId = await createRole(leaver, []);
  await change(admin.token, 'removeMember', 'organization { id }', { organizationId, userId: leaver.userId });
  const input = { id: app.productionAppId };
  await change(admin.token, 'deleteProductionApp', 'productionApp { id }', input);

  const { data, messages } = await graphql(
    plane,
    admin.token,
    `
      query ($id: ID!) {
        auditEvents(organizationId: $id) {
          nodes {
            action
            details
            actor {
              userId
              name
            }
            subjectId
            subject {
              __typename
              id
              ... on ProductionApp {
                subdomain
                entity {
                  name
                }
              }
            }
          }
        }
      }
    `,
    { id: organizationId },
  );

  expect(messages).toEqual([]);
  const me = { userId: admin.userId, name: 'Ada' };
  const entity = { __typename: 'Entity', id: app.entityId };
  const subject = {
    __typename: 'ProductionApp',
    id: app.productionAppId,
    subdomain: app.subdomain,
    entity: { name: 'Shop' },
  };
  const nodes = data.auditEvents.nodes as { details: string }[];
  expect(nodes.map(({ details, ...seen }) => ({ ...seen, name: JSON.parse(details).name as unknown }))).toEqual([
    { action: 'deleteProductionApp', actor: me, subjectId: app.productionAppId, subject },
    { action: 'removeMember', actor: me, subjectId: leaver.userId, subject: null, name: 'Ada' },
    {
      action: 'createRole',
      actor: { userId: leaver.userId, name: 'Ada' },
      subjectId: roleId,
      subject: null,
      name: `role ${made}`,
    },
    { action: 'createProductionApp', actor: me, subjectId: app.productionAppId, subject },
    { action: 'createEntity', actor: me, subjectId: app.entityId, subject: entity },
  ]);
});

test('many changes at once are numbered without a gap', async () => {
  const admin = await createOwner(plane);

  await Promise.all(Array.from({ length: 20 }, () => createRole(admin, [])));

  const rows = await plane.app.database.prisma.auditEvent.findMany({
    where: { organizationId: admin.organizationId },
    orderBy: { seq: 'asc' },
  });
  expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_unused, index) => index + 1));
  expect(
    (await verifyAudit(plane.app.database.prisma)).breaks.filter(
      ({ organizationId }) => organizationId === admin.organizationId,
    ),
  ).toEqual([]);
});
