import { DEPLOYMENT_EVENT_TYPES } from '../domain/deployment.ts';
import { followEvents } from '../events/follow.ts';
import { loadVisibleDeployment, requireViewer } from '../operations/authorize.ts';
import { readDeploymentEvents } from '../store/deployment-events.ts';
import { builder, screaming } from './builder.ts';
import { Deployment, DeploymentStatus, PhaseName, PhaseStatus } from './deployment.ts';
import { connectNumbered, parseSeq } from './keyset.ts';

const DeploymentEventType = builder.enumType('DeploymentEventType', {
  description: 'What happened to a deployment.',
  values: screaming(DEPLOYMENT_EVENT_TYPES, {
    created: 'It was triggered.',
    status: 'Its status changed.',
    phase: 'The status of one of its phases changed.',
    cancel_requested: 'Somebody asked to cancel it, or to cancel it by force.',
    take_over: 'Another worker goes on with it, because the one before was lost.',
    switch: 'Traffic went to its release, or back to the one before.',
    release: 'Its running release ended, or is healthy again. This may come after the deployment has ended.',
  }),
});

const DeploymentEvent = builder.prismaObject('DeploymentEvent', {
  fields: (t) => ({
    seq: t.exposeInt('seq', {
      description: 'Grows with every event: the `stateVersion` that it made. Pass it as `after` to go on here.',
    }),
    at: t.expose('at', { type: 'DateTime', description: 'When it happened.' }),
    type: t.expose('type', { type: DeploymentEventType, description: 'What happened.' }),
    status: t.expose('status', {
      type: DeploymentStatus,
      nullable: true,
      description: 'The status since then, if that is what changed.',
    }),
    phase: t.expose('phase', { type: PhaseName, nullable: true, description: 'The phase that changed, if one did.' }),
    phaseStatus: t.expose('phaseStatus', {
      type: PhaseStatus,
      nullable: true,
      description: 'The status of that phase since then.',
    }),
    message: t.exposeString('message', { nullable: true, description: 'More about it, for people.' }),
  }),
});

const EVENT_SIZES = { size: 100, max: 1_000 };

builder.objectField(Deployment, 'events', (t) =>
  t.connection(
    {
      type: DeploymentEvent,
      description: 'Everything that happened to it, oldest first; up to 1,000 events at a time.',
      resolve: ({ id }, args, { prisma }) =>
        connectNumbered(args, EVENT_SIZES, {
          find: (range) => readDeploymentEvents(prisma, id, range),
          count: () => prisma.deploymentEvent.count({ where: { deploymentId: id } }),
        }),
    },
    { name: 'DeploymentEventConnection' },
    { name: 'DeploymentEventEdge' },
  ),
);

builder.subscriptionField('deploymentEvents', (t) =>
  t.prismaField({
    type: DeploymentEvent,
    description:
      'Everything that happens to a deployment after a cursor, once each and in order. Completes after the event of its terminal status; a stream that closes before has broken.',
    args: {
      deploymentId: t.arg.id({ required: true, description: 'The deployment.' }),
      after: t.arg.string({ description: 'Only events after this `seq`. Default: all.' }),
    },
    subscribe: async (_root, { deploymentId, after }, context) => {
      const cursor = parseSeq(after) ?? 0;
      await loadVisibleDeployment(context.prisma, requireViewer(context.viewer), deploymentId);
      return followEvents(context, deploymentId, cursor);
    },
    resolve: (_query, event) => event,
  }),
);
