import type { Scope as DomainScope } from '../domain/access.ts';
import { requireViewer, visibleTo } from '../operations/authorize.ts';
import type { Made } from '../operations/idempotency.ts';
import { createRole, deleteRole, updateRole } from '../operations/roles.ts';
import { builder } from './builder.ts';
import { Organization, Scope, organizationPayload } from './directory.ts';

export const Role = builder.prismaObject('Role', {
  findUnique: ({ id }, { viewer }) => ({ id, ...visibleTo(viewer) }),
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Starts with `rol_`.' }),
    name: t.exposeString('name'),
    scopes: t.field({
      type: [Scope],
      description: 'What its members may do.',
      resolve: ({ scopes }) => scopes as DomainScope[],
    }),
    memberCount: t.relationCount('memberships', { description: 'How many members have it.' }),
  }),
});

builder.prismaObjectField(Organization, 'roles', (t) =>
  t.relation('roles', { description: 'Its roles, by name.', query: { orderBy: { name: 'asc' } } }),
);

const CreateRoleInput = builder.inputType('CreateRoleInput', {
  description: 'A set of scopes with a name.',
  fields: (t) => ({
    organizationId: t.id({ required: true, description: 'The organization.' }),
    name: t.string({ required: true, description: 'Name for people, unique in the organization.' }),
    scopes: t.field({ type: [Scope], required: true, description: 'What members with it may do: any set.' }),
    idempotencyKey: t.string({
      description: 'A text of your choice. The same key with the same input answers with the same role again.',
    }),
  }),
});

const UpdateRoleInput = builder.inputType('UpdateRoleInput', {
  description: 'What to change of a role. What is left out stays.',
  fields: (t) => ({
    roleId: t.id({ required: true, description: 'The role.' }),
    name: t.string({ description: 'Its new name.' }),
    scopes: t.field({ type: [Scope], description: 'All its scopes from now on.' }),
  }),
});

const DeleteRoleInput = builder.inputType('DeleteRoleInput', {
  description: 'Which role to delete.',
  fields: (t) => ({ roleId: t.id({ required: true, description: 'The role, which nobody has.' }) }),
});

const CreateRolePayload = builder.objectRef<Made>('CreateRolePayload').implement({
  description: 'The created role.',
  fields: (t) => ({
    role: t.prismaField({
      type: Role,
      description: 'The role.',
      resolve: (query, { id }, _args, { prisma, viewer }) =>
        prisma.role.findUniqueOrThrow({ ...query, where: { id, ...visibleTo(viewer) } }),
    }),
    replayed: t.exposeBoolean('replayed', { description: 'Whether an earlier call had made it already.' }),
  }),
});

const UpdateRolePayload = builder.objectRef<{ id: string }>('UpdateRolePayload').implement({
  description: 'The changed role.',
  fields: (t) => ({
    role: t.prismaField({
      type: Role,
      description: 'The role.',
      resolve: (query, { id }, _args, { prisma, viewer }) =>
        prisma.role.findUniqueOrThrow({ ...query, where: { id, ...visibleTo(viewer) } }),
    }),
  }),
});

const DeleteRolePayload = organizationPayload('DeleteRolePayload', 'The organization without the role.');

const NEEDS = 'Needs the scope `members:manage_roles`, and every scope that is given or taken.';

builder.mutationFields((t) => ({
  createRole: t.field({
    type: CreateRolePayload,
    description: `Makes a role. ${NEEDS}`,
    args: { input: t.arg({ type: CreateRoleInput, required: true, description: 'The role.' }) },
    resolve: (_root, { input }, context) => createRole(context, requireViewer(context.viewer), input),
  }),
  updateRole: t.field({
    type: UpdateRolePayload,
    description: `Changes a role, for all who have it, from their next request on. ${NEEDS}`,
    args: { input: t.arg({ type: UpdateRoleInput, required: true, description: 'What to change.' }) },
    resolve: async (_root, { input }, context) => ({
      id: await updateRole(context, requireViewer(context.viewer), input),
    }),
  }),
  deleteRole: t.field({
    type: DeleteRolePayload,
    description: `Deletes a role that nobody has. ${NEEDS}`,
    args: { input: t.arg({ type: DeleteRoleInput, required: true, description: 'Which one.' }) },
    resolve: async (_root, { input }, context) => ({
      organizationId: await deleteRole(context, requireViewer(context.viewer), input),
    }),
  }),
}));
