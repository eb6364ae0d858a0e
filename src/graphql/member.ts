import type { Membership, Role as RoleRow, User as UserRow } from '../generated/prisma/client.ts';
import { assertForWhole, requireViewer } from '../operations/authorize.ts';
import { changeMemberRole, leaveOrganization, removeMember, type MemberKey } from '../operations/members.ts';
import { builder } from './builder.ts';
import { Organization, organizationPayload } from './directory.ts';
import { connectNewestFirst } from './keyset.ts';
import { Role } from './role.ts';

type MemberShape = Membership & { readonly user: UserRow; readonly role: RoleRow };

const Member = builder.objectRef<MemberShape>('Member').implement({
  description: 'A user in an organization.',
  fields: (t) => ({
    user: t.prismaField({ type: 'User', description: 'Who it is.', resolve: (_query, { user }) => user }),
    role: t.field({ type: Role, description: 'What he may do.', resolve: ({ role }) => role }),
    joinedAt: t.expose('createdAt', { type: 'DateTime', description: 'Since when.' }),
  }),
});

builder.objectField(Organization, 'members', (t) =>
  t.connection({
    type: Member,
    description: 'Its members; who was made a user last comes first.',
    resolve: ({ id: organizationId }, args, { prisma, viewer }) => {
      assertForWhole(viewer, organizationId);
      const where = { organizationId };
      return connectNewestFirst(
        args,
        { list: 'members', filter: where },
        {
          async find({ where: { id: userId }, orderBy, take }) {
            const rows = await prisma.membership.findMany({
              where: { ...where, userId },
              orderBy: { userId: orderBy.id },
              take,
              include: { user: true, role: true },
            });
            return rows.map((row) => ({ ...row, id: row.userId }));
          },
          count: () => prisma.membership.count({ where }),
        },
      );
    },
  }),
);

const ChangeMemberRoleInput = builder.inputType('ChangeMemberRoleInput', {
  description: 'Who gets which role.',
  fields: (t) => ({
    organizationId: t.id({ required: true, description: 'The organization.' }),
    userId: t.id({ required: true, description: 'The member.' }),
    roleId: t.id({ required: true, description: 'The role, of the same organization.' }),
  }),
});

const ChangeMemberRolePayload = builder.objectRef<MemberKey>('ChangeMemberRolePayload').implement({
  description: 'The member with his new role.',
  fields: (t) => ({
    member: t.field({
      type: Member,
      description: 'The member.',
      resolve: (member, _args, { prisma }) =>
        prisma.membership.findUniqueOrThrow({
          where: { organizationId_userId: member },
          include: { user: true, role: true },
        }),
    }),
  }),
});

const RemoveMemberInput = builder.inputType('RemoveMemberInput', {
  description: 'Who is to go.',
  fields: (t) => ({
    organizationId: t.id({ required: true, description: 'The organization.' }),
    userId: t.id({ required: true, description: 'The member.' }),
  }),
});

const RemoveMemberPayload = organizationPayload('RemoveMemberPayload', 'The organization without the member.');

const LeaveOrganizationInput = builder.inputType('LeaveOrganizationInput', {
  description: 'What to leave.',
  fields: (t) => ({ organizationId: t.id({ required: true, description: 'The organization.' }) }),
});

const LeaveOrganizationPayload = builder.objectRef<{ id: string }>('LeaveOrganizationPayload').implement({
  description: 'What was left.',
  fields: (t) => ({
    organizationId: t.exposeID('id', { description: 'The id of the organization, which you see no more.' }),
  }),
});

builder.mutationFields((t) => ({
  changeMemberRole: t.field({
    type: ChangeMemberRolePayload,
    description:
      'Gives a member another role. Needs the scope `members:manage_roles`, and every scope of the old and the new role.',
    args: { input: t.arg({ type: ChangeMemberRoleInput, required: true, description: 'Who gets which role.' }) },
    resolve: (_root, { input }, context) => changeMemberRole(context, requireViewer(context.viewer), input),
  }),
  removeMember: t.field({
    type: RemoveMemberPayload,
    description:
      'Takes a member out of an organization, and ends what is open of his there. Of entities that only he published, you become the publisher. Needs the scope `members:remove`, and every scope that he has.',
    args: { input: t.arg({ type: RemoveMemberInput, required: true, description: 'Who is to go.' }) },
    resolve: async (_root, { input }, context) => ({
      organizationId: await removeMember(context, requireViewer(context.viewer), input),
    }),
  }),
  leaveOrganization: t.field({
    type: LeaveOrganizationPayload,
    description: 'Takes you out of an organization.',
    args: { input: t.arg({ type: LeaveOrganizationInput, required: true, description: 'What to leave.' }) },
    resolve: async (_root, { input }, context) => {
      await leaveOrganization(context, requireViewer(context.viewer), input);
      return { id: input.organizationId };
    },
  }),
}));
