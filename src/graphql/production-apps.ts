import { queryFromInfo } from '@pothos/plugin-prisma';
import type { GraphQLResolveInfo } from 'graphql';
import type { Prisma } from '../generated/prisma/client.ts';
import { requireViewer, visibleApps } from '../operations/authorize.ts';
import { checkSubdomain, type SubdomainAvailability as Availability } from '../operations/production-apps.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { Entity } from './entity.ts';
import { assertNumberedPage, connectNewestFirst, rowsOf, type ConnectionArgs, type NumberedPage } from './keyset.ts';
import { ProductionApp } from './production-app.ts';

const ProductionAppConnection = builder.connectionObject({ type: ProductionApp, name: 'ProductionAppConnection' });

interface ProductionAppFilter {
  readonly organizationId?: string | null;
  readonly entityId?: string | null;
}

/** The tenant predicate comes first, and no condition of the filter can widen it. */
function productionAppsWhere({ viewer }: Context, filter: ProductionAppFilter): Prisma.ProductionAppWhereInput {
  const conditions = {
    organizationId: filter.organizationId ?? undefined,
    entityId: filter.entityId ?? undefined,
    deletedAt: null,
  };
  return { AND: [visibleApps(requireViewer(viewer)), conditions] };
}

function productionAppPage(
  args: ConnectionArgs,
  context: Context,
  info: GraphQLResolveInfo,
  filter: ProductionAppFilter,
) {
  const where = productionAppsWhere(context, filter);
  return connectNewestFirst(
    args,
    { list: 'productionApps', filter },
    {
      find: (page) =>
        context.prisma.productionApp.findMany({
          ...queryFromInfo({ context, info, typeName: 'ProductionApp', paths: [['edges', 'node'], ['nodes']] }),
          ...page,
          where: { ...where, ...page.where },
        }),
      count: () => context.prisma.productionApp.count({ where }),
    },
  );
}

builder.objectField(Entity, 'productionApps', (t) =>
  t.connection(
    {
      type: ProductionApp,
      description: 'Its production apps, newest first.',
      resolve: ({ id }, args, context, info) => productionAppPage(args, context, info, { entityId: id }),
    },
    ProductionAppConnection,
  ),
);

const ProductionAppPage = builder
  .objectRef<NumberedPage & { where: Prisma.ProductionAppWhereInput }>('ProductionAppPage')
  .implement({
    description: 'One numbered page of production apps, for tables and for REST.',
    fields: (t) => ({
      nodes: t.prismaField({
        type: ['ProductionApp'],
        description: 'The production apps of this page, newest first.',
        resolve: (query, { where, ...page }, _args, { prisma }) =>
          prisma.productionApp.findMany({ ...query, where, ...rowsOf(page) }),
      }),
      page: t.exposeInt('page', { description: 'The number of this page, from 1.' }),
      pageSize: t.exposeInt('pageSize', { description: 'How many production apps a page has.' }),
      total: t.int({
        description: 'How many production apps there are.',
        resolve: ({ where }, _args, { prisma }) => prisma.productionApp.count({ where }),
      }),
    }),
  });

const SubdomainAvailability = builder.objectRef<Availability>('SubdomainAvailability').implement({
  description: 'Whether a production app may have a subdomain.',
  fields: (t) => ({
    subdomain: t.exposeString('subdomain', { description: 'The subdomain that was asked for.' }),
    available: t.exposeBoolean('available', { description: 'Whether it is valid and free at this moment.' }),
    reason: t.exposeString('reason', { nullable: true, description: 'Why it is not available, for people.' }),
  }),
});

builder.queryFields((t) => ({
  productionApp: t.prismaField({
    type: 'ProductionApp',
    nullable: true,
    description:
      'A production app by its id or its subdomain. Null for one that does not exist or may not be seen. A deleted one is found by its id only.',
    args: {
      id: t.arg.id({ description: 'Its id.' }),
      subdomain: t.arg.string({ description: 'Its subdomain, if no id is given.' }),
    },
    resolve: (query, _root, { id, subdomain }, { viewer, prisma }) => {
      const visible = visibleApps(requireViewer(viewer));
      if (id == null && subdomain == null) return null;
      const where = id == null ? { subdomain: subdomain!, deletedAt: null } : { id };
      return prisma.productionApp.findFirst({ ...query, where: { ...where, ...visible } });
    },
  }),
  productionApps: t.connection(
    {
      type: ProductionApp,
      description: 'The production apps that you may see, newest first, without deleted ones.',
      args: {
        organizationId: t.arg.id({ description: 'Only those of this organization.' }),
        entityId: t.arg.id({ description: 'Only those of this entity.' }),
      },
      resolve: (_root, { organizationId, entityId, ...args }, context, info) =>
        productionAppPage(args, context, info, { organizationId, entityId }),
    },
    ProductionAppConnection,
  ),
  productionAppsPage: t.field({
    type: ProductionAppPage,
    description: 'Numbered pages of `productionApps`. Deep pages are slow: cursors are not.',
    args: {
      organizationId: t.arg.id({ description: 'Only those of this organization.' }),
      entityId: t.arg.id({ description: 'Only those of this entity.' }),
      page: t.arg.int({ required: true, defaultValue: 1, description: 'The number of the page, from 1.' }),
      pageSize: t.arg.int({ required: true, defaultValue: 20, description: 'How many, 1 to 100.' }),
    },
    resolve: (_root, { page, pageSize, ...filter }, context) => {
      assertNumberedPage({ page, pageSize });
      return { page, pageSize, where: productionAppsWhere(context, filter) };
    },
  }),
  subdomainAvailability: t.field({
    type: SubdomainAvailability,
    description: 'Whether a subdomain is valid and free, in the whole installation. Only taking it makes sure.',
    args: {
      subdomain: t.arg.string({ required: true, description: 'The subdomain.' }),
      excludeId: t.arg.id({ description: 'A production app whose own subdomain counts as free.' }),
    },
    resolve: (_root, args, context) => checkSubdomain(context, requireViewer(context.viewer), args),
  }),
}));
