import { requireViewer } from '../operations/authorize.ts';
import { redeployDeployment, retryDeployment, rollbackDeployment } from '../operations/reruns.ts';
import { builder } from './builder.ts';
import { deploymentPayload } from './deployment-actions.ts';
import { OverlapPolicy } from './overlap.ts';

const SHARED = {
  overlap: "What to do when another deployment of the app is open. Default: the app's own `overlap`.",
  reason: 'Why, for whoever reads the history.',
  idempotencyKey:
    'A text of your choice. The same key with the same input answers with the same deployment again, for 24 hours.',
} as const;
const NEEDS = 'Needs the scope `entities:deploy` and a publisher of the entity.';

function rerunInput(name: string, description: string, deployment: string) {
  return builder.inputType(name, {
    description,
    fields: (t) => ({
      deploymentId: t.id({ required: true, description: deployment }),
      overlap: t.field({ type: OverlapPolicy, description: SHARED.overlap }),
      reason: t.string({ description: SHARED.reason }),
      idempotencyKey: t.string({ description: SHARED.idempotencyKey }),
    }),
  });
}

const RetryDeploymentInput = rerunInput(
  'RetryDeploymentInput',
  'What to try again.',
  'The failed or cancelled deployment.',
);
const RedeployDeploymentInput = rerunInput(
  'RedeployDeploymentInput',
  'What to ship again.',
  'The deployment whose version is shipped again.',
);
const RollbackDeploymentInput = builder.inputType('RollbackDeploymentInput', {
  description: 'What to go back to. An app, a deployment, or both must be named.',
  fields: (t) => ({
    productionAppId: t.id({ description: 'The production app.' }),
    deploymentId: t.id({
      description:
        'The completed deployment to go back to. Default: the last one before what serves now, of another artifact.',
    }),
    allowIrreversible: t.boolean({
      description: 'Go back even when migrations since then are marked as irreversible. Default: false.',
    }),
    overlap: t.field({ type: OverlapPolicy, description: SHARED.overlap }),
    reason: t.string({ description: SHARED.reason }),
    idempotencyKey: t.string({ description: SHARED.idempotencyKey }),
  }),
});

const RetryDeploymentPayload = deploymentPayload('RetryDeploymentPayload', 'The new deployment.');
const RedeployDeploymentPayload = deploymentPayload('RedeployDeploymentPayload', 'The new deployment.');
const RollbackDeploymentPayload = deploymentPayload('RollbackDeploymentPayload', 'The new deployment.');

builder.mutationFields((t) => ({
  retryDeployment: t.field({
    type: RetryDeploymentPayload,
    description: `Tries a failed or cancelled deployment again, as a new one that keeps what can be kept of the phases before. Refused with CONFLICT when a newer one is open or has completed. ${NEEDS}`,
    args: { input: t.arg({ type: RetryDeploymentInput, required: true, description: 'What to try again.' }) },
    resolve: (_root, { input }, context) => retryDeployment(context, requireViewer(context.viewer), input),
  }),
  redeployDeployment: t.field({
    type: RedeployDeploymentPayload,
    description: `Ships the version of an earlier deployment again, and makes everything afresh. Refused with CONFLICT when a newer one is open or has completed. ${NEEDS}`,
    args: { input: t.arg({ type: RedeployDeploymentInput, required: true, description: 'What to ship again.' }) },
    resolve: (_root, { input }, context) => redeployDeployment(context, requireViewer(context.viewer), input),
  }),
  rollbackDeployment: t.field({
    type: RollbackDeploymentPayload,
    description: `Goes back to an earlier deployment, with its stored artifact and without a build. Refused with CONFLICT when migrations since then are marked as irreversible. ${NEEDS}`,
    args: { input: t.arg({ type: RollbackDeploymentInput, required: true, description: 'What to go back to.' }) },
    resolve: (_root, { input }, context) => rollbackDeployment(context, requireViewer(context.viewer), input),
  }),
}));
