import { notFound } from '../domain/errors.ts';
import { loadVisibleApp, requireViewer, visibleDeployments } from '../operations/authorize.ts';
import { builder } from './builder.ts';
import './deployment.ts';

builder.subscriptionField('deploymentsChanged', (t) =>
  t.prismaField({
    type: 'Deployment',
    description:
      'Every deployment that is made or changed from now on, as it is then; several changes of one may be merged. For lists: subscribe, then read the list, and read it again after a reconnect. Completes when the app that it is for is deleted, else never by itself.',
    args: {
      organizationId: t.arg.id({ description: 'Only those of this organization. Default: all of yours.' }),
      productionAppId: t.arg.id({ description: 'Only those of this production app.' }),
    },
    subscribe: async (_root, { organizationId, productionAppId }, context) => {
      const viewer = requireViewer(context.viewer);
      const mine = viewer.memberships.map((membership) => membership.organizationId);
      if (organizationId != null && !mine.includes(organizationId)) throw notFound('organization');
      if (productionAppId != null) await loadVisibleApp(context.prisma, viewer, productionAppId);
      const organizationIds = organizationId == null ? mine : [organizationId];
      const appIds = productionAppId == null ? viewer.appIds : [productionAppId];
      const watchEnd = (end: () => void) => context.access.watchApp(productionAppId!, end);
      return context.changes.follow({ organizationIds, appIds }, productionAppId == null ? undefined : watchEnd);
    },
    resolve: (query, id, _args, { prisma, viewer }) =>
      prisma.deployment.findUniqueOrThrow({ ...query, where: { id, ...visibleDeployments(viewer) } }),
  }),
);
