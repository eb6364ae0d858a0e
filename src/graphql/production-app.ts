import { ownerOf } from '../store/environment.ts';
import { visibleApps, visibleDeployments } from '../operations/authorize.ts';
import { findRollbackTargets } from '../store/rollback-targets.ts';
import { createBatch } from './batch.ts';
import { builder, screaming } from './builder.ts';
import type { Context } from './context.ts';
import { Deployment, PhaseName } from './deployment.ts';
import { DeploymentConnection, deploymentPage } from './deployments.ts';
import { Actor } from './directory.ts';
import { OverlapPolicy } from './overlap.ts';

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

const rollbackTargets = createBatch(({ prisma }: Context, ids: readonly string[]) => findRollbackTargets(prisma, ids));

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
    rollbackTarget: t.prismaField({
      type: 'Deployment',
      nullable: true,
      description:
        'What `rollbackDeployment` goes back to when it names no deployment: the last one that completed before what serves, of another artifact. Null when there is none.',
      resolve: async (query, { id: productionAppId }, _args, context) => {
        const id = await rollbackTargets.load(context, productionAppId);
        if (id === null) return null;
        const { prisma, viewer } = context;
        return prisma.deployment.findUniqueOrThrow({ ...query, where: { id, ...visibleDeployments(viewer) } });
      },
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
