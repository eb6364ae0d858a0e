import { queryFromInfo } from '@pothos/plugin-prisma';
import type { GraphQLResolveInfo } from 'graphql';
import type { DeploymentStatus as Status, DeploymentTrigger as Trigger } from '../domain/deployment.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import { requireViewer, visibleDeployments } from '../operations/authorize.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { Deployment, DeploymentStatus, DeploymentTrigger } from './deployment.ts';
import { assertNumberedPage, connectNewestFirst, rowsOf, type ConnectionArgs, type NumberedPage } from './keyset.ts';

export const DeploymentConnection = builder.connectionObject({ type: Deployment, name: 'DeploymentConnection' });

const DeploymentFilter = builder.inputType('DeploymentFilter', {
  description: 'Which deployments. All conditions must hold.',
  fields: (t) => ({
    organizationId: t.id({ description: 'Only those of this organization.' }),
    productionAppId: t.id({ description: 'Only those of this production app.' }),
    entityId: t.id({ description: 'Only those of this entity.' }),
    versionId: t.id({ description: 'Only those of this version.' }),
    status: t.field({ type: [DeploymentStatus], description: 'Only those in one of these statuses.' }),
    trigger: t.field({ type: [DeploymentTrigger], description: 'Only those made by one of these.' }),
    triggeredById: t.id({ description: 'Only those triggered by this user.' }),
    createdAfter: t.field({ type: 'DateTime', description: 'Only those triggered later.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Only those triggered earlier.' }),
  }),
});

interface Filter {
  readonly organizationId?: string | null;
  readonly productionAppId?: string | null;
  readonly entityId?: string | null;
  readonly versionId?: string | null;
  readonly status?: readonly Status[] | null;
  readonly trigger?: readonly Trigger[] | null;
  readonly triggeredById?: string | null;
  readonly createdAfter?: Date | null;
  readonly createdBefore?: Date | null;
}

/** The tenant predicate comes first, and no condition of the filter can widen it. */
function deploymentsWhere({ viewer }: Context, filter: Filter): Prisma.DeploymentWhereInput {
  const conditions: Prisma.DeploymentWhereInput = {
    organizationId: filter.organizationId ?? undefined,
    productionAppId: filter.productionAppId ?? undefined,
    versionId: filter.versionId ?? undefined,
    version: filter.entityId == null ? undefined : { entityId: filter.entityId },
    status: filter.status ? { in: [...filter.status] } : undefined,
    trigger: filter.trigger ? { in: [...filter.trigger] } : undefined,
    triggeredById: filter.triggeredById ?? undefined,
    createdAt: { gt: filter.createdAfter ?? undefined, lt: filter.createdBefore ?? undefined },
  };
  return { AND: [visibleDeployments(requireViewer(viewer)), conditions] };
}

/** One page of a connection of deployments. */
export function deploymentPage(args: ConnectionArgs, context: Context, info: GraphQLResolveInfo, filter: Filter) {
  const where = deploymentsWhere(context, filter);
  return connectNewestFirst(
    args,
    { list: 'deployments', filter },
    {
      find: (page) =>
        context.prisma.deployment.findMany({
          ...queryFromInfo({ context, info, typeName: 'Deployment', paths: [['edges', 'node'], ['nodes']] }),
          ...page,
          where: { ...where, ...page.where },
        }),
      count: () => context.prisma.deployment.count({ where }),
    },
  );
}

const DeploymentPage = builder
  .objectRef<NumberedPage & { where: Prisma.DeploymentWhereInput }>('DeploymentPage')
  .implement({
    description: 'One numbered page of deployments, for tables and for REST.',
    fields: (t) => ({
      nodes: t.prismaField({
        type: ['Deployment'],
        description: 'The deployments of this page, newest first.',
        resolve: (query, { where, ...page }, _args, { prisma }) =>
          prisma.deployment.findMany({ ...query, where, ...rowsOf(page) }),
      }),
      page: t.exposeInt('page', { description: 'The number of this page, from 1.' }),
      pageSize: t.exposeInt('pageSize', { description: 'How many deployments a page has.' }),
      total: t.int({
        description: 'How many deployments there are.',
        resolve: ({ where }, _args, { prisma }) => prisma.deployment.count({ where }),
      }),
    }),
  });

builder.queryFields((t) => ({
  deployment: t.prismaField({
    type: 'Deployment',
    nullable: true,
    description: 'A deployment by its id. Null for one that does not exist or may not be seen.',
    args: { id: t.arg.id({ required: true, description: 'Its id.' }) },
    resolve: (query, _root, { id }, { viewer, prisma }) =>
      prisma.deployment.findFirst({ ...query, where: { id, ...visibleDeployments(requireViewer(viewer)) } }),
  }),
  deployments: t.connection(
    {
      type: Deployment,
      description: 'Newest first. Only deployments of apps that you may see.',
      args: { filter: t.arg({ type: DeploymentFilter, description: 'Which deployments.' }) },
      resolve: (_root, { filter, ...args }, context, info) => deploymentPage(args, context, info, filter ?? {}),
    },
    DeploymentConnection,
  ),
  deploymentsPage: t.field({
    type: DeploymentPage,
    description: 'Numbered pages of deployments, newest first. Deep pages are slow: cursors are not.',
    args: {
      filter: t.arg({ type: DeploymentFilter, description: 'Which deployments.' }),
      page: t.arg.int({ required: true, defaultValue: 1, description: 'The number of the page, from 1.' }),
      pageSize: t.arg.int({ required: true, defaultValue: 20, description: 'How many, 1 to 100.' }),
    },
    resolve: (_root, { filter, ...page }, context) => {
      assertNumberedPage(page);
      return { ...page, where: deploymentsWhere(context, filter ?? {}) };
    },
  }),
}));
