import { queryFromInfo } from '@pothos/plugin-prisma';
import { ENVIRONMENT_PHASES } from '../domain/environment.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import { ownerOf } from '../store/environment.ts';
import { requireViewer, visibleApps } from '../operations/authorize.ts';
import {
  checkSubdomain,
  createProductionApp,
  deleteProductionApp,
  updateProductionApp,
  type SubdomainAvailability as Availability,
} from '../operations/production-apps.ts';
import { builder, screaming } from './builder.ts';
import { Deployment, PhaseName } from './deployment.ts';
import { DeploymentConnection, deploymentPage } from './deployments.ts';
import { Actor } from './directory.ts';
import { Entity } from './entity.ts';
import { assertNumberedPage, connectNewestFirst, rowsOf, type ConnectionArgs, type NumberedPage } from './keyset.ts';
import type { Context } from './context.ts';
import { OverlapPolicy } from './overlap.ts';
import type { GraphQLResolveInfo } from 'graphql';

const APP_HEALTHS = ['none', 'starting', 'healthy', 'unhealthy'] as const;

const AppHealth = builder.enumType('AppHealth', {
  description: 'How the live release of an app is.',
  values: screaming(APP_HEALTHS, {
    none: 'Nothing is live yet.',
    starting: 'It is starting.',
    healthy: 'It runs and answered its health check.',
    unhealthy: 'It ended, and is started again.',
  }),
});

const HEALTH_OF = {
  pending: 'starting',
  starting: 'starting',
  healthy: 'healthy',
  unhealthy: 'unhealthy',
  stopped: 'none',
} as const;

const EnvironmentVariable = builder.prismaObject('EnvironmentVariable', {
  fields: (t) => ({
    name: t.exposeString('name'),
    value: t.string({
      nullable: true,
      description: 'Its value. Null for a secret: nobody reads it here again.',
      select: { productionAppId: true, name: true, isSecret: true, sealedValue: true },
      resolve: (variable, _args, { keyRing }) =>
        variable.isSecret ? null : keyRing.open(variable.sealedValue, ownerOf(variable)),
    }),
    isSecret: t.exposeBoolean('isSecret'),
    phases: t.expose('phases', {
      type: [PhaseName],
      description: 'The phases whose commands get it: `BUILD`, `MIGRATE`, and `SERVICE_DEPLOY` for what runs.',
    }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was set.' }),
    updatedBy: t.field({
      type: Actor,
      nullable: true,
      description: 'Who set it.',
      select: { updatedBy: { select: { id: true, name: true } } },
      resolve: ({ updatedBy }) => updatedBy,
    }),
  }),
});

export const ProductionApp = builder.prismaNode('ProductionApp', {
  id: { field: 'id', description: 'Starts with `app_`.' },
  nullable: true,
  findUnique: (id, { viewer }) => ({ id, ...visibleApps(viewer) }),
  fields: (t) => ({
    entity: t.relation('entity', { description: 'The entity that it is an instance of.' }),
    subdomain: t.exposeString('subdomain'),
    url: t.string({
      description: 'Where it answers.',
      select: { subdomain: true },
      resolve: ({ subdomain }, _args, { appUrl }) => appUrl(subdomain),
    }),
    liveDeployment: t.field({
      type: Deployment,
      nullable: true,
      description: 'The deployment whose release takes all traffic.',
      select: (_args, _context, nestedSelection) => ({
        liveRelease: { select: { deployment: nestedSelection(true) } },
      }),
      resolve: ({ liveRelease }) => liveRelease?.deployment ?? null,
    }),
    health: t.field({
      type: AppHealth,
      description: 'How the live release is.',
      select: { liveRelease: { select: { observed: true } } },
      resolve: ({ liveRelease }) => (liveRelease ? HEALTH_OF[liveRelease.observed] : 'none'),
    }),
    overlap: t.expose('overlap', { type: OverlapPolicy }),
    buildNetwork: t.exposeBoolean('buildNetwork'),
    environment: t.relation('environment', {
      type: EnvironmentVariable,
      description: 'The variables that its owner set, in the order of their names.',
      query: { orderBy: { name: 'asc' } },
    }),
    deployments: t.connection(
      {
        type: Deployment,
        description: 'Its deployments, newest first.',
        resolve: ({ id }, args, context, info) => deploymentPage(args, context, info, { productionAppId: id }),
      },
      DeploymentConnection,
    ),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
    deletedAt: t.expose('deletedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was deleted. Its history stays.',
    }),
  }),
});

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

const EnvironmentVariableInput = builder.inputType('EnvironmentVariableInput', {
  description: 'A variable to set or to remove.',
  fields: (t) => ({
    name: t.string({
      required: true,
      description:
        'Its name: letters, digits and underscores. Not `DATA_DIR`, `DATABASE_URL`, `HOST`, `PORT` or one that begins with `WINDLASS_`.',
    }),
    value: t.string({ description: 'Its new value, at most 32 KiB. Null, or left out: the variable is removed.' }),
    isSecret: t.boolean({
      description: 'Whether the value can be read again. Left out: as it was; a new variable is a secret.',
    }),
    phases: t.field({
      type: [PhaseName],
      description: `The phases whose commands get it: ${ENVIRONMENT_PHASES.map((phase) => `\`${phase.toUpperCase()}\``).join(', ')}. Left out: as it was; a new variable goes to all, a new secret not to the build.`,
    }),
  }),
});

const BUILD_NETWORK =
  'Whether builds and migrations reach the network. Private addresses, and those of this machine, they never do.';

const CreateProductionAppInput = builder.inputType('CreateProductionAppInput', {
  description: 'What to create.',
  fields: (t) => ({
    entityId: t.id({ required: true, description: 'The entity to run.' }),
    subdomain: t.string({ required: true, description: 'The first label of its host name.' }),
    overlap: t.field({ type: OverlapPolicy, description: 'What a new deployment does to open ones. Default: QUEUE.' }),
    buildNetwork: t.boolean({ description: `${BUILD_NETWORK} Default: false.` }),
    environment: t.field({ type: [EnvironmentVariableInput], description: 'Its variables.' }),
    idempotencyKey: t.string({
      description: 'A text of your choice. The same key with the same input answers with the same object again.',
    }),
  }),
});

const CreateProductionAppPayload = builder
  .objectRef<{ id: string; replayed: boolean }>('CreateProductionAppPayload')
  .implement({
    description: 'The created production app.',
    fields: (t) => ({
      productionApp: t.prismaField({
        type: 'ProductionApp',
        description: 'The production app.',
        resolve: (query, { id }, _args, { prisma, viewer }) =>
          prisma.productionApp.findUniqueOrThrow({ ...query, where: { id, ...visibleApps(viewer) } }),
      }),
      replayed: t.exposeBoolean('replayed', { description: 'Whether an earlier call had made it already.' }),
    }),
  });

const UpdateProductionAppInput = builder.inputType('UpdateProductionAppInput', {
  description: 'What to change. What is left out stays as it is.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'The production app.' }),
    subdomain: t.string({ description: 'The new first label of its host name. The old one is free at once.' }),
    overlap: t.field({ type: OverlapPolicy, description: 'What a new deployment does to open ones.' }),
    buildNetwork: t.boolean({ description: BUILD_NETWORK }),
    environment: t.field({
      type: [EnvironmentVariableInput],
      description: 'The variables to set or to remove; all others stay. The next deployment gets them.',
    }),
  }),
});

const UpdateProductionAppPayload = builder.objectRef<{ id: string }>('UpdateProductionAppPayload').implement({
  description: 'The changed production app.',
  fields: (t) => ({
    productionApp: t.prismaField({
      type: 'ProductionApp',
      description: 'The production app.',
      resolve: (query, { id }, _args, { prisma, viewer }) =>
        prisma.productionApp.findUniqueOrThrow({ ...query, where: { id, ...visibleApps(viewer) } }),
    }),
  }),
});

const DeleteProductionAppInput = builder.inputType('DeleteProductionAppInput', {
  description: 'What to delete.',
  fields: (t) => ({ id: t.id({ required: true, description: 'The production app.' }) }),
});

const DeleteProductionAppPayload = builder.objectRef<{ id: string }>('DeleteProductionAppPayload').implement({
  description: 'The deleted production app.',
  fields: (t) => ({
    productionApp: t.prismaField({
      type: 'ProductionApp',
      description: 'The production app, with `deletedAt` set.',
      resolve: (query, { id }, _args, { prisma, viewer }) =>
        prisma.productionApp.findUniqueOrThrow({ ...query, where: { id, ...visibleApps(viewer) } }),
    }),
  }),
});

builder.mutationFields((t) => ({
  createProductionApp: t.field({
    type: CreateProductionAppPayload,
    description: 'Creates a production app. Needs the scope `entities:deploy` and a publisher.',
    args: { input: t.arg({ type: CreateProductionAppInput, required: true, description: 'What to create.' }) },
    resolve: (_root, { input }, context) => createProductionApp(context, requireViewer(context.viewer), input),
  }),
  updateProductionApp: t.field({
    type: UpdateProductionAppPayload,
    description:
      'Changes a production app. A new subdomain moves the live route within about a second. Needs the scope `entities:deploy` and a publisher.',
    args: { input: t.arg({ type: UpdateProductionAppInput, required: true, description: 'What to change.' }) },
    resolve: async (_root, { input }, context) => ({
      id: await updateProductionApp(context, requireViewer(context.viewer), input),
    }),
  }),
  deleteProductionApp: t.field({
    type: DeleteProductionAppPayload,
    description:
      'Deletes a production app: stops what serves it, cancels its open deployments, and removes its database and files for good. Its history stays, its subdomain is free at once. Deleting it again gives the same answer. Needs the scope `entities:deploy` and a publisher.',
    args: { input: t.arg({ type: DeleteProductionAppInput, required: true, description: 'What to delete.' }) },
    resolve: async (_root, { input }, context) => ({
      id: await deleteProductionApp(context, requireViewer(context.viewer), input),
    }),
  }),
}));
