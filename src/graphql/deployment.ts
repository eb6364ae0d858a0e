import {
  DEPLOYMENT_STATUSES,
  DEPLOYMENT_TRIGGERS,
  PHASE_STATUSES,
  PHASES,
  type Failure,
  type PhaseName as Phase,
} from '../domain/deployment.ts';
import { allowedActions, DEPLOYMENT_ACTIONS, type AllowedAction as Allowed } from '../domain/actions.ts';
import { factsOf, WITH_ACTION_FACTS } from '../operations/actions.ts';
import { requireViewer, visibleDeployments } from '../operations/authorize.ts';
import { findQueuePositions } from '../store/queue-positions.ts';
import { findStandings } from '../store/standings.ts';
import { createBatch } from './batch.ts';
import { builder, screaming } from './builder.ts';
import type { Context } from './context.ts';
import { Actor, type ActorShape } from './directory.ts';

export const DeploymentStatus = builder.enumType('DeploymentStatus', {
  description: 'Where a deployment is in its life. The last three are final.',
  values: screaming(DEPLOYMENT_STATUSES, {
    pending: 'It waits for a worker.',
    in_progress: 'A worker takes it through its phases.',
    completed: 'The new release serves.',
    failed: 'It failed; what served before still does.',
    cancelled: 'It was cancelled; what served before still does.',
  }),
});

export const PhaseStatus = builder.enumType('PhaseStatus', {
  description: 'Where a phase is in its life.',
  values: screaming(PHASE_STATUSES, {
    pending: 'It has not begun.',
    in_progress: 'It runs.',
    completed: 'It is done, or was skipped with a reason.',
    failed: 'It failed or was cut short.',
  }),
});

export const PhaseName = builder.enumType('PhaseName', {
  description: 'The eight phases of every deployment, in their order.',
  values: screaming(PHASES, {
    orchestrate: 'Initial orchestration.',
    download: 'Download the entity package.',
    infra: 'Provision or update infrastructure.',
    build: 'Build the application.',
    package: 'Package for deployment.',
    migrate: 'Run database migrations.',
    service_deploy: 'Deploy to compute infrastructure.',
    cache_invalidation: 'Invalidate CDN caches.',
  }),
});

export const DeploymentTrigger = builder.enumType('DeploymentTrigger', {
  description: 'What made a deployment.',
  values: screaming(DEPLOYMENT_TRIGGERS, {
    manual: 'Somebody asked for it.',
    retry: 'It tries a failed one again.',
    redeploy: 'It ships the version of an earlier one again.',
    rollback: 'It goes back to an earlier one.',
    automatic: 'Windlass made it by itself.',
  }),
});

builder.prismaObject('DeploymentPhase', {
  fields: (t) => ({
    name: t.expose('name', { type: PhaseName, description: 'Which phase it is.' }),
    status: t.expose('status', { type: PhaseStatus, description: 'Where it is in its life.' }),
    attempt: t.exposeInt('attempt'),
    startedAt: t.expose('startedAt', { type: 'DateTime', nullable: true, description: 'When this attempt began.' }),
    finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true, description: 'When it ended.' }),
    durationMs: t.int({
      nullable: true,
      description: 'How long it took, or has taken until now, in milliseconds.',
      select: { startedAt: true, finishedAt: true },
      resolve: durationMs,
    }),
    skipReason: t.exposeString('skipReason', { nullable: true }),
    errorMessage: t.exposeString('errorMessage', { nullable: true }),
  }),
});

function durationMs({ startedAt, finishedAt }: { startedAt: Date | null; finishedAt: Date | null }): number | null {
  return startedAt && (finishedAt ?? new Date()).getTime() - startedAt.getTime();
}

const DeploymentFailure = builder.objectRef<Failure>('DeploymentFailure').implement({
  description: 'Why a deployment did not complete.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'Why, for programs: `BUILD_FAILED`, `HEALTH_TIMEOUT`, …' }),
    phase: t.expose('phase', { type: PhaseName, nullable: true, description: 'In which phase.' }),
    message: t.exposeString('message', { description: 'Why, for people.' }),
    exitCode: t.exposeInt('exitCode', { nullable: true, description: 'The exit code of the command at fault.' }),
    signal: t.exposeString('signal', { nullable: true, description: 'The signal that ended the command.' }),
    retryable: t.exposeBoolean('retryable', { description: 'Whether trying again without a change may help.' }),
    hint: t.exposeString('hint', { nullable: true, description: 'What to do about it.' }),
    firstSeq: t.exposeInt('firstSeq', { nullable: true, description: 'The first log line that shows it.' }),
    lastSeq: t.exposeInt('lastSeq', { nullable: true, description: 'The last log line that shows it.' }),
  }),
});

const DeploymentAction = builder.enumType('DeploymentAction', {
  description: 'What can be done with a deployment.',
  values: screaming(DEPLOYMENT_ACTIONS, {
    cancel: '`cancelDeployment`.',
    retry: '`retryDeployment`.',
    redeploy: '`redeployDeployment`.',
    rollback: '`rollbackDeployment`, to this deployment.',
  }),
});

const AllowedAction = builder.objectRef<Allowed>('AllowedAction').implement({
  description: 'Whether something may be done with a deployment now.',
  fields: (t) => ({
    action: t.expose('action', { type: DeploymentAction, description: 'What.' }),
    allowed: t.exposeBoolean('allowed', { description: 'Whether it may be done.' }),
    reason: t.exposeString('reason', { nullable: true, description: 'Why not, for people.' }),
  }),
});

interface Cancellation {
  readonly requestedAt: Date;
  readonly requestedBy: ActorShape | null;
  readonly reason: string | null;
  readonly willStopAt: Phase | null;
  readonly stoppedAt: Date | null;
  readonly forced: boolean;
}

const DeploymentCancellation = builder.objectRef<Cancellation>('DeploymentCancellation').implement({
  description: 'A request to cancel a deployment.',
  fields: (t) => ({
    requestedAt: t.expose('requestedAt', { type: 'DateTime', description: 'When it was asked for.' }),
    requestedBy: t.expose('requestedBy', { type: Actor, nullable: true, description: 'Who asked.' }),
    reason: t.exposeString('reason', { nullable: true, description: 'Why, in their words.' }),
    willStopAt: t.expose('willStopAt', {
      type: PhaseName,
      nullable: true,
      description: 'The phase in which the work stops. A running migration command is not cut in half.',
    }),
    stoppedAt: t.expose('stoppedAt', { type: 'DateTime', nullable: true, description: 'When the work had stopped.' }),
    forced: t.exposeBoolean('forced', { description: 'Whether a running migration command is ended too.' }),
  }),
});

const standings = createBatch(({ prisma }: Context, ids: readonly string[]) => findStandings(prisma, ids));
const queuePositions = createBatch(({ prisma }: Context, ids: readonly string[]) => findQueuePositions(prisma, ids));

export const Deployment = builder.prismaNode('Deployment', {
  id: { field: 'id', description: 'Starts with `dep_`.' },
  nullable: true,
  findUnique: (id, { viewer }) => ({ id, ...visibleDeployments(viewer) }),
  fields: (t) => ({
    number: t.exposeInt('number'),
    productionApp: t.relation('productionApp', { description: 'Where it ships to.' }),
    version: t.relation('version'),
    status: t.expose('status', { type: DeploymentStatus, description: 'Where it is in its life.' }),
    stateVersion: t.exposeInt('stateVersion'),
    phases: t.relation('phases', { query: { orderBy: { name: 'asc' } } }),
    errorMessage: t.exposeString('errorMessage', { nullable: true }),
    failure: t.field({
      type: DeploymentFailure,
      nullable: true,
      description: 'Why it did not complete.',
      select: { failure: true },
      // Written by the runner alone, in this shape.
      resolve: ({ failure }) => failure as unknown as Failure | null,
    }),
    cancellation: t.field({
      type: DeploymentCancellation,
      nullable: true,
      description: 'The request to cancel it, if there is one.',
      select: {
        status: true,
        finishedAt: true,
        cancelRequestedAt: true,
        cancelReason: true,
        cancelForced: true,
        cancelRequestedBy: { select: { id: true, name: true } },
        phases: { where: { status: 'in_progress' } },
      },
      resolve: (deployment) =>
        deployment.cancelRequestedAt && {
          requestedAt: deployment.cancelRequestedAt,
          requestedBy: deployment.cancelRequestedBy,
          reason: deployment.cancelReason,
          willStopAt: deployment.phases.find(({ status }) => status === 'in_progress')?.name ?? null,
          stoppedAt: deployment.status === 'cancelled' ? deployment.finishedAt : null,
          forced: deployment.cancelForced,
        },
    }),
    trigger: t.expose('trigger', { type: DeploymentTrigger, description: 'What made it.' }),
    triggeredBy: t.field({
      type: Actor,
      nullable: true,
      description: 'Who triggered it.',
      select: { triggeredBy: { select: { id: true, name: true } } },
      resolve: ({ triggeredBy }) => triggeredBy,
    }),
    reason: t.exposeString('reason', { nullable: true }),
    source: t.relation('source', { nullable: true, description: 'What it retries, redeploys or goes back to.' }),
    supersededBy: t.relation('supersededBy', {
      nullable: true,
      description: 'The newer deployment that took its place, by the overlap policy, if one did.',
    }),
    queuePosition: t.int({
      nullable: true,
      description:
        'Its place among the waiting deployments of its app. 1: it is next, and starts when the one in progress, if there is one, has ended and a worker is free. Null unless it is pending.',
      select: { status: true },
      resolve: ({ id, status }, _args, context) => (status === 'pending' ? queuePositions.load(context, id) : null),
    }),
    isLive: t.boolean({
      description: 'Whether its release takes all traffic of the app.',
      select: { productionApp: { select: { liveRelease: { select: { deploymentId: true } } } } },
      resolve: ({ id, productionApp }) => productionApp.liveRelease?.deploymentId === id,
    }),
    allowedActions: t.field({
      type: [AllowedAction],
      description: 'What you may do with it now, by the same rules that the mutations go by.',
      select: { number: true, status: true, productionAppId: true, ...WITH_ACTION_FACTS },
      resolve: async (deployment, _args, context) => {
        const standing = await standings.load(context, deployment.productionAppId);
        return allowedActions(factsOf(deployment, standing!, requireViewer(context.viewer)));
      },
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was triggered.' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', nullable: true, description: 'When a worker took it.' }),
    finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true, description: 'When it ended.' }),
    durationMs: t.int({
      nullable: true,
      description: 'From start to end, or until now, in milliseconds.',
      select: { startedAt: true, finishedAt: true },
      resolve: durationMs,
    }),
  }),
});
