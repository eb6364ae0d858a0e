import { SCOPES } from '../domain/access.ts';
import type { Viewer as DomainViewer, ViewerMembership } from '../domain/access.ts';
import { requireViewer, visibleTo } from '../operations/authorize.ts';
import { builder } from './builder.ts';

export const User = builder.prismaNode('User', {
  id: { field: 'id', description: 'Starts with `usr_`.' },
  nullable: true,
  // Whoever shares an organization with the viewer.
  findUnique: (id, { viewer }) => ({ id, memberships: { some: visibleTo(viewer) } }),
  fields: (t) => ({
    name: t.exposeString('name'),
  }),
});

/** Who did something. */
export interface ActorShape {
  readonly id: string;
  readonly name: string;
}

export const Actor = builder.objectRef<ActorShape>('Actor').implement({
  description: 'Who did something.',
  fields: (t) => ({
    // Not `id`: clients that keep objects by their ids would take an actor for the user.
    userId: t.exposeID('id', { description: 'The id of the user.' }),
    name: t.exposeString('name', { description: 'Name for people.' }),
  }),
});

export const Organization = builder.prismaNode('Organization', {
  id: { field: 'id', description: 'Starts with `org_`.' },
  nullable: true,
  findUnique: (id, { viewer }) => ({ id, memberships: { some: { userId: viewer?.userId ?? '' } } }),
  fields: (t) => ({
    slug: t.exposeString('slug'),
    name: t.exposeString('name'),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
  }),
});

export const Scope = builder.enumType('Scope', {
  description: 'What a member may do. The names are the documented ones, with underscores for colons.',
  values: Object.fromEntries(
    SCOPES.map((scope) => [scope.replaceAll(':', '_').toUpperCase(), { value: scope, description: `\`${scope}\`` }]),
  ),
});

/** The payload of a mutation that takes something out of an organization. */
export function organizationPayload(name: string, description: string) {
  return builder.objectRef<{ organizationId: string }>(name).implement({
    description,
    fields: (t) => ({
      organization: t.prismaField({
        type: 'Organization',
        description: 'The organization.',
        resolve: (query, { organizationId }, _args, { prisma, viewer }) =>
          prisma.organization.findUniqueOrThrow({
            ...query,
            where: { id: organizationId, memberships: { some: visibleTo(viewer) } },
          }),
      }),
    }),
  });
}

const Membership = builder.objectRef<ViewerMembership>('Membership').implement({
  description: "The viewer's place in one organization.",
  fields: (t) => ({
    organization: t.prismaField({
      type: 'Organization',
      description: 'The organization.',
      resolve: (query, { organizationId }, _args, { prisma, viewer }) =>
        prisma.organization.findUniqueOrThrow({
          ...query,
          where: { id: organizationId, memberships: { some: visibleTo(viewer) } },
        }),
    }),
    role: t.exposeString('role', { description: 'The name of the role.' }),
    scopes: t.expose('scopes', { type: [Scope], description: 'What the role allows.' }),
  }),
});

export const Viewer = builder.objectRef<DomainViewer>('Viewer').implement({
  description: 'Who is asking.',
  fields: (t) => ({
    user: t.prismaField({
      type: 'User',
      description: 'The user whose token was sent.',
      resolve: (query, { userId }, _args, { prisma }) =>
        prisma.user.findUniqueOrThrow({ ...query, where: { id: userId } }),
    }),
    token: t.prismaField({
      type: 'ApiToken',
      nullable: true,
      description: 'The API token that was sent. Null for who signed in elsewhere.',
      resolve: (query, { tokenId, userId }, _args, { prisma }) =>
        tokenId === null ? null : prisma.apiToken.findUniqueOrThrow({ ...query, where: { id: tokenId, userId } }),
    }),
    memberships: t.field({
      type: [Membership],
      description: 'The organizations that the user belongs to.',
      resolve: ({ memberships }) => memberships,
    }),
  }),
});

builder.queryFields((t) => ({
  viewer: t.field({
    type: Viewer,
    description: 'Who is asking, and what they may do.',
    resolve: (_root, _args, { viewer }) => requireViewer(viewer),
  }),
  organization: t.prismaField({
    type: 'Organization',
    nullable: true,
    description: 'An organization by its id or its slug. Null for one that does not exist or may not be seen.',
    args: {
      id: t.arg.id({ description: 'Its id.' }),
      slug: t.arg.string({ description: 'Its slug, if no id is given.' }),
    },
    resolve: (query, _root, { id, slug }, { viewer, prisma }) => {
      const { userId } = requireViewer(viewer);
      if (id == null && slug == null) return null;
      const where = id == null ? { slug: slug! } : { id };
      return prisma.organization.findFirst({ ...query, where: { ...where, memberships: { some: { userId } } } });
    },
  }),
}));
