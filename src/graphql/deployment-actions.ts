import { followState } from '../events/follow.ts';
import { loadVisibleDeployment, requireViewer, visibleDeployments } from '../operations/authorize.ts';
import { cancelDeployment, triggerDeployment } from '../operations/deployments.ts';
import type { Made } from '../operations/idempotency.ts';
import { builder } from './builder.ts';
import './deployment.ts';
import { OverlapPolicy } from './overlap.ts';

const TriggerDeploymentInput = builder.inputType('TriggerDeploymentInput', {
  description: 'What to ship where.',
  fields: (t) => ({
    productionAppId: t.id({ required: true, description: 'Where to.' }),
    versionId: t.id({ description: "What. Default: the entity's active version." }),
    overlap: t.field({
      type: OverlapPolicy,
      description: "What to do when another deployment of the app is open. Default: the app's own `overlap`.",
    }),
    reason: t.string({ description: 'Why, for whoever reads the history.' }),
    idempotencyKey: t.string({
      description: 'A text of your choice. The same key with the same input answers with the same deployment again.',
    }),
  }),
});

/** The payload of a mutation that makes a deployment. */
export function deploymentPayload(name: string, description: string) {
  return builder.objectRef<Made>(name).implement({
    description,
    fields: (t) => ({
      deployment: t.prismaField({
        type: 'Deployment',
        description: 'The deployment.',
        resolve: (query, { id }, _args, { prisma, viewer }) =>
          prisma.deployment.findUniqueOrThrow({ ...query, where: { id, ...visibleDeployments(viewer) } }),
      }),
      replayed: t.exposeBoolean('replayed', { description: 'Whether an earlier call had made it already.' }),
    }),
  });
}

const TriggerDeploymentPayload = deploymentPayload('TriggerDeploymentPayload', 'The triggered deployment.');

const CancelDeploymentInput = builder.inputType('CancelDeploymentInput', {
  description: 'What to cancel.',
  fields: (t) => ({
    deploymentId: t.id({ required: true, description: 'The deployment.' }),
    reason: t.string({ description: 'Why, for whoever reads the history.' }),
    force: t.boolean({
      description: 'End a running migration command too, which may leave the database half migrated.',
    }),
  }),
});

const CancelDeploymentPayload = builder.objectRef<{ id: string }>('CancelDeploymentPayload').implement({
  description: 'The deployment that is, or is about to be, cancelled.',
  fields: (t) => ({
    deployment: t.prismaField({
      type: 'Deployment',
      description: 'The deployment.',
      resolve: (query, { id }, _args, { prisma, viewer }) =>
        prisma.deployment.findUniqueOrThrow({ ...query, where: { id, ...visibleDeployments(viewer) } }),
    }),
  }),
});

builder.mutationFields((t) => ({
  triggerDeployment: t.field({
    type: TriggerDeploymentPayload,
    description:
      'Ships a version to a production app. Needs the scope `entities:deploy` and a publisher of the entity.',
    args: { input: t.arg({ type: TriggerDeploymentInput, required: true, description: 'What to ship where.' }) },
    resolve: (_root, { input }, context) => triggerDeployment(context, requireViewer(context.viewer), input),
  }),
  cancelDeployment: t.field({
    type: CancelDeploymentPayload,
    description:
      'Stops a deployment and everything it started; what served before goes on. Needs the scope `entities:deploy` and a publisher of the entity.',
    args: { input: t.arg({ type: CancelDeploymentInput, required: true, description: 'What to cancel.' }) },
    resolve: async (_root, { input }, context) => ({
      id: await cancelDeployment(context, requireViewer(context.viewer), input),
    }),
  }),
}));

builder.subscriptionField('deploymentUpdated', (t) =>
  t.prismaField({
    type: 'Deployment',
    description:
      'The deployment now, and again after it changed; several changes may be merged, the last one always comes. Completes after the terminal one.',
    args: { deploymentId: t.arg.id({ required: true, description: 'The deployment.' }) },
    subscribe: async (_root, { deploymentId }, context) => {
      await loadVisibleDeployment(context.prisma, requireViewer(context.viewer), deploymentId);
      return followState(context, deploymentId);
    },
    resolve: (query, _stateVersion, { deploymentId }, { prisma, viewer }) =>
      prisma.deployment.findUniqueOrThrow({ ...query, where: { id: deploymentId, ...visibleDeployments(viewer) } }),
  }),
);
