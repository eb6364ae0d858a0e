import { PLAN_ACTIONS, type PhasePlan } from '../domain/plan.ts';
import type { PhaseName as Phase } from '../domain/deployment.ts';
import { requireViewer, visibleApps, visibleDeployments, visibleVersions } from '../operations/authorize.ts';
import { planDeployment, type DeploymentPlan as Plan } from '../operations/deployment-plan.ts';
import { builder, screaming } from './builder.ts';
import { DeploymentTrigger, PhaseName } from './deployment.ts';

const PlanAction = builder.enumType('PlanAction', {
  description: 'What becomes of a phase.',
  values: screaming(PLAN_ACTIONS, {
    run: 'It runs.',
    reuse: 'What an earlier deployment made stands for it.',
    skip: 'It has nothing to do.',
  }),
});

const PlannedPhase = builder.objectRef<PhasePlan & { readonly name: Phase }>('PlannedPhase').implement({
  description: 'What becomes of one phase.',
  fields: (t) => ({
    name: t.expose('name', { type: PhaseName, description: 'Which phase it is.' }),
    action: t.expose('action', { type: PlanAction, description: 'What becomes of it.' }),
    reason: t.exposeString('reason', { description: 'Why, for people.' }),
  }),
});

const DeploymentPlan = builder.objectRef<Plan>('DeploymentPlan').implement({
  description: 'What a deployment would do, with what is known now.',
  fields: (t) => ({
    productionApp: t.prismaField({
      type: 'ProductionApp',
      description: 'Where it would ship to.',
      resolve: (query, { productionAppId }, _args, { prisma, viewer }) =>
        prisma.productionApp.findUniqueOrThrow({ ...query, where: { id: productionAppId, ...visibleApps(viewer) } }),
    }),
    version: t.prismaField({
      type: 'Version',
      description: 'What it would ship.',
      resolve: (query, { versionId }, _args, { prisma, viewer }) =>
        prisma.version.findUniqueOrThrow({ ...query, where: { id: versionId, ...visibleVersions(viewer) } }),
    }),
    source: t.prismaField({
      type: 'Deployment',
      nullable: true,
      description: 'The deployment that it would retry, redeploy or go back to. Null for one that is made afresh.',
      resolve: (query, { sourceId }, _args, { prisma, viewer }) =>
        sourceId === null
          ? null
          : prisma.deployment.findUniqueOrThrow({ ...query, where: { id: sourceId, ...visibleDeployments(viewer) } }),
    }),
    phases: t.field({
      type: [PlannedPhase],
      description: 'All eight phases, in order.',
      resolve: ({ phases }) => phases,
    }),
  }),
});

builder.queryField('deploymentPlan', (t) =>
  t.field({
    type: DeploymentPlan,
    description:
      'What a deployment would do, phase by phase: by the same rules that its worker goes by. Nothing is changed.',
    args: {
      productionAppId: t.arg.id({ required: true, description: 'Where to ship to.' }),
      versionId: t.arg.id({ description: "What to ship. Default: the entity's active version." }),
      trigger: t.arg({
        type: DeploymentTrigger,
        required: true,
        defaultValue: 'manual',
        description: 'What would make it. A retry and a redeployment need a `sourceId`.',
      }),
      sourceId: t.arg.id({
        description:
          "The deployment to retry, redeploy or go back to. Its version is shipped. Default of a rollback: the app's `rollbackTarget`; without one it is refused with `CONFLICT`.",
      }),
    },
    resolve: (_root, args, context) => planDeployment(context, requireViewer(context.viewer), args),
  }),
);
