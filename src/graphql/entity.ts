import { queryFromInfo } from '@pothos/plugin-prisma';
import { requireViewer, visibleEntities, visibleVersions } from '../operations/authorize.ts';
import { createEntity } from '../operations/catalog.ts';
import { builder, screaming } from './builder.ts';
import { Organization, User } from './directory.ts';
import { connectNewestFirst } from './keyset.ts';
import { Version, VersionConnection } from './version.ts';

export const EntityType = builder.enumType('EntityType', {
  description: 'What kind of thing an entity is.',
  values: screaming(['app', 'service', 'chat_extension'], {
    app: 'An app.',
    service: 'A service.',
    chat_extension: 'A chat extension.',
  }),
});

export const Entity = builder.prismaNode('Entity', {
  id: { field: 'id', description: 'Starts with `ent_`.' },
  nullable: true,
  findUnique: (id, { viewer }) => ({ id, ...visibleEntities(viewer) }),
  fields: (t) => ({
    organization: t.relation('organization', { description: 'The organization that owns it.' }),
    name: t.exposeString('name'),
    slug: t.exposeString('slug'),
    type: t.expose('type', { type: EntityType, description: 'What kind of thing it is.' }),
    activeVersion: t.relation('activeVersion', {
      nullable: true,
      description: 'What a deployment ships when no version is named.',
    }),
    publishers: t.field({
      type: [User],
      description: 'Who may publish and deploy it.',
      select: (_args, _context, nestedSelection) => ({ publishers: { select: { user: nestedSelection(true) } } }),
      resolve: ({ publishers }) => publishers.map(({ user }) => user),
    }),
    versions: t.connection(
      {
        type: Version,
        description: 'Its versions, newest first.',
        resolve: ({ id: entityId }, args, context, info) =>
          connectNewestFirst(
            args,
            { list: 'versions', filter: entityId },
            {
              find: (page) =>
                context.prisma.version.findMany({
                  ...queryFromInfo({ context, info, typeName: 'Version', paths: [['edges', 'node'], ['nodes']] }),
                  ...page,
                  where: { entityId, ...visibleVersions(context.viewer), ...page.where },
                }),
              count: () => context.prisma.version.count({ where: { entityId, ...visibleVersions(context.viewer) } }),
            },
          ),
      },
      VersionConnection,
    ),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
  }),
});

builder.objectField(Organization, 'entities', (t) =>
  t.connection({
    type: Entity,
    description: 'Its entities that you may see, newest first, also those without a production app.',
    resolve: ({ id: organizationId }, args, context, info) => {
      const { prisma, viewer } = context;
      const where = { AND: [visibleEntities(requireViewer(viewer)), { organizationId }] };
      return connectNewestFirst(
        args,
        { list: 'entities', filter: organizationId },
        {
          find: (page) =>
            prisma.entity.findMany({
              ...queryFromInfo({ context, info, typeName: 'Entity', paths: [['edges', 'node'], ['nodes']] }),
              ...page,
              where: { ...where, ...page.where },
            }),
          count: () => prisma.entity.count({ where }),
        },
      );
    },
  }),
);

builder.queryField('entity', (t) =>
  t.prismaField({
    type: 'Entity',
    nullable: true,
    description: 'An entity by its id. Null for one that does not exist or may not be seen.',
    args: { id: t.arg.id({ required: true, description: 'Its id.' }) },
    resolve: (query, _root, { id }, { viewer, prisma }) =>
      prisma.entity.findFirst({ ...query, where: { id, ...visibleEntities(requireViewer(viewer)) } }),
  }),
);

const IDEMPOTENCY_KEY = 'A text of your choice. The same key with the same input answers with the same object again.';
const REPLAYED = 'Whether an earlier call had made it already.';

const CreateEntityInput = builder.inputType('CreateEntityInput', {
  description: 'What to create.',
  fields: (t) => ({
    organizationId: t.id({ required: true, description: 'The organization that will own it.' }),
    name: t.string({ required: true, description: 'Name for people.' }),
    slug: t.string({ required: true, description: 'Name in URLs: lower-case letters, digits and hyphens.' }),
    type: t.field({ type: EntityType, description: 'What kind of thing it is. Default: an app.' }),
    idempotencyKey: t.string({ description: IDEMPOTENCY_KEY }),
  }),
});

const CreateEntityPayload = builder.objectRef<{ id: string; replayed: boolean }>('CreateEntityPayload').implement({
  description: 'The created entity.',
  fields: (t) => ({
    entity: t.prismaField({
      type: 'Entity',
      description: 'The entity.',
      resolve: (query, { id }, _args, { prisma, viewer }) =>
        prisma.entity.findUniqueOrThrow({ ...query, where: { id, ...visibleEntities(viewer) } }),
    }),
    replayed: t.exposeBoolean('replayed', { description: REPLAYED }),
  }),
});

builder.mutationFields((t) => ({
  createEntity: t.field({
    type: CreateEntityPayload,
    description: 'Creates an entity. Needs the scope `entities:publish`; you become its first publisher.',
    args: { input: t.arg({ type: CreateEntityInput, required: true, description: 'What to create.' }) },
    resolve: (_root, { input }, context) => createEntity(context, requireViewer(context.viewer), input),
  }),
}));
