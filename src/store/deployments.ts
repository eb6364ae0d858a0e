import {
  OPEN_STATUSES,
  PHASES,
  statusesBefore,
  type DeploymentTrigger,
  type Failure,
  type PhaseName,
  type PhaseStatus,
} from '../domain/deployment.ts';
import { DomainError } from '../domain/errors.ts';
import { createId } from '../domain/ids.ts';
import type { OverlapPolicy } from '../domain/overlap.ts';
import { Prisma, type PrismaClient } from '../generated/prisma/client.ts';
import { SHIPMENT, type StoredShipment } from './shipments.ts';
import type { Statements } from './statements.ts';
import { nextTurn } from './turns.ts';

/**
 * One worker's hold on one deployment. Every write of a worker names its `run`; a later worker's claim has a higher one,
 * so that a worker that was given up for dead writes nothing more.
 */
export interface Claim {
  readonly deploymentId: string;
  readonly run: number;
}

/** What changed, for whoever announces it after the commit. */
export interface StateChange {
  readonly deploymentId: string;
  readonly stateVersion: number;
}

export interface NewDeployment {
  readonly organizationId: string;
  readonly productionAppId: string;
  readonly versionId: string;
  readonly trigger: DeploymentTrigger;
  /** Null: Windlass itself. */
  readonly triggeredById: string | null;
  readonly reason: string | null;
  /** What it retries, redeploys or rolls back to. */
  readonly sourceId?: string | null;
}

const FIRST_PHASE = PHASES[0];

/** What is known of a deployment as soon as it is stored. */
export interface InsertedDeployment {
  readonly id: string;
  /** The policy of its app. */
  readonly overlap: OverlapPolicy;
  /** The turn of the app's next deployment, which is this one or one that waited before. */
  readonly nextTurn: number;
}

/**
 * Stores a pending deployment with its eight phases, its next number and its turn. The app's row is locked until the
 * transaction ends, so that numbers, ids and commits come in the same order.
 *
 * Two statements: one that waits for the lock still sees what was there before it waited.
 */
export async function insertDeployment(tx: Statements, input: NewDeployment): Promise<InsertedDeployment> {
  const [app] = await tx.$queryRaw<{ number: number; overlap: OverlapPolicy }[]>`
    update production_apps set deployment_count = deployment_count + 1
    where id = ${input.productionAppId} and deleted_at is null
    returning deployment_count as number, overlap::text`;
  if (!app) throw new DomainError('CONFLICT', 'The production app was deleted.');
  const id = createId('Deployment');
  const [made] = await tx.$queryRaw<{ nextTurn: number }[]>`
    with made as (
      insert into deployments
        (id, organization_id, production_app_id, version_id, number, turn, trigger, triggered_by_id, reason, source_id,
          created_at)
      values (${id}, ${input.organizationId}, ${input.productionAppId}, ${input.versionId}, ${app.number},
        ${nextTurn(input.organizationId)}, ${input.trigger}::deployment_trigger, ${input.triggeredById}, ${input.reason},
        ${input.sourceId ?? null}, clock_timestamp())
      returning id, state_version, turn
    ), phases as (
      insert into deployment_phases (deployment_id, name)
      select made.id, unnest(${[...PHASES]}::phase_name[]) from made
    ), event as (
      insert into deployment_events (deployment_id, seq, at, type, status)
      select id, state_version, clock_timestamp(), 'created', 'pending' from made
    )
    select least(turn, (
      select min(turn) from deployments where production_app_id = ${input.productionAppId} and status = 'pending'
    )) as "nextTurn" from made`;
  return { id, overlap: app.overlap, nextTurn: made!.nextTurn };
}

/** Locks an app, as inserting a deployment does: for what must be decided before it is inserted. */
export async function lockApp(tx: Statements, productionAppId: string): Promise<void> {
  await tx.$queryRaw`select id from production_apps where id = ${productionAppId} for no key update`;
}

/** A claim as its worker gets it. */
export interface NewClaim extends Claim, StateChange {
  readonly workerId: string;
  /** Another worker had it before, and its interrupted phase must begin again. */
  readonly takenOver: boolean;
  /** Who had it before, unless it was given back. */
  readonly previousWorkerId: string | null;
  /** How many workers were lost with it, this time and before. */
  readonly lostWorkers: number;
  /** The turn of the app's next deployment, if one waited behind this one. */
  readonly nextTurn: number | null;
  /** What is to be done. Null when it was taken over: until the claim, the worker before may have done more of it. */
  readonly shipment: StoredShipment | null;
}

/**
 * Takes the deployment that an app's worker must work on now: the one that is in progress (its worker was lost), else
 * the oldest pending one, whose first phase begins with it, in one statement. Null when there is none, or when the
 * condition does not hold that makes it this worker's to take.
 */
export async function claimNextDeployment(
  statements: Statements,
  productionAppId: string,
  workerId: string,
  isMine: Prisma.Sql = Prisma.sql`true`,
): Promise<NewClaim | null> {
  const [claimed] = await statements.$queryRaw<NewClaim[]>`
    with candidate as (
      select id, status = 'in_progress' as taken_over, worker_id as previous_worker_id,
        -- Null of one that was given back. A worker that gets its own back, after an outage, was not lost either.
        status = 'in_progress' and worker_id <> ${workerId} as is_lost
      from deployments
      where production_app_id = ${productionAppId} and status in ('pending', 'in_progress') and ${isMine}
      order by status = 'in_progress' desc, number
      limit 1
      for update
    ), claimed as (
      update deployments d
      set status = 'in_progress', run = d.run + 1, worker_id = ${workerId},
        state_version = d.state_version + case when taken_over then 1 else 2 end,
        lost_workers = d.lost_workers + case when is_lost then 1 else 0 end,
        started_at = coalesce(d.started_at, clock_timestamp())
      from candidate where d.id = candidate.id
      returning d.id, d.run, d.state_version, d.lost_workers, taken_over, previous_worker_id
    ), begun as (
      update deployment_phases p set status = 'in_progress', started_at = clock_timestamp()
      from claimed where not taken_over and p.deployment_id = claimed.id and p.name = ${FIRST_PHASE}::phase_name
    ), events as (
      insert into deployment_events (deployment_id, seq, at, type, status, phase, phase_status, message)
      select id, state_version - e.before, clock_timestamp(), e.type, e.status, e.phase, e.phase_status, e.message
      from claimed cross join lateral (values
        (case when taken_over then 0 else 1 end,
          (case when taken_over then 'take_over' else 'status' end)::deployment_event_type,
          'in_progress'::deployment_status, null::phase_name, null::phase_status, 'Worker ' || ${workerId}),
        (0, 'phase', null, ${FIRST_PHASE}, 'in_progress', null)
      ) e (before, type, status, phase, phase_status, message)
      where not (taken_over and e.type = 'phase')
    )
    select id as "deploymentId", run, state_version as "stateVersion", ${workerId} as "workerId",
      taken_over as "takenOver", previous_worker_id as "previousWorkerId", lost_workers as "lostWorkers",
      (
        select min(turn) from deployments d
        where d.production_app_id = ${productionAppId} and d.status = 'pending' and d.id <> claimed.id
      ) as "nextTurn",
      (select ${SHIPMENT} from deployments d where d.id = claimed.id and not taken_over) as shipment
    from claimed`;
  return claimed ?? null;
}

/** Gives a deployment back in an orderly way: whoever takes it over has lost no worker. */
export async function handOverDeployment(prisma: PrismaClient, { deploymentId, run }: Claim): Promise<void> {
  const where = { id: deploymentId, run, status: 'in_progress' } as const;
  await prisma.deployment.updateMany({ where, data: { workerId: null } });
}

/** Starts an interrupted phase again, as its next attempt, or one that a lost worker had not begun. Null when the claim is lost. */
export async function beginPhase(statements: Statements, claim: Claim, phase: PhaseName): Promise<StateChange | null> {
  const [change] = await statements.$queryRaw<StateChange[]>`
    with held as (${holdClaim(claim, 1)}),
    begun as (${beginPhaseRow(phase)}),
    event as (${insertPhaseEvent(phase, 'in_progress', Prisma.sql`held`)})
    select id as "deploymentId", state_version as "stateVersion" from held`;
  return change ?? null;
}

/** The end of a phase: what it made, and if it had nothing to do, why. */
export interface PhaseEnd {
  readonly phase: PhaseName;
  readonly outputs: object;
  readonly skipReason: string | null;
}

/**
 * Ends a phase with what it made and starts the next one, in one statement: there is no moment at which a worker's death
 * would lose what was made. Null when the claim is lost, or the phase does not run: repeated, it changes nothing. The
 * last phase ends with its deployment.
 */
export async function completePhase(
  statements: Statements,
  claim: Claim,
  end: PhaseEnd,
  next: PhaseName,
): Promise<StateChange | null> {
  const [change] = await statements.$queryRaw<StateChange[]>`
    with held as (${holdClaim(claim, 2, end.phase)}),
    step (phase, status, outputs, skip_reason, before) as (values
      (${end.phase}::phase_name, 'completed'::phase_status, ${JSON.stringify(end.outputs)}::jsonb, ${end.skipReason}, 1),
      (${next}, 'in_progress', null, null, 0)
    ), phases as (
      update deployment_phases p
      set status = step.status, outputs = step.outputs, skip_reason = step.skip_reason,
        started_at = case step.status when 'in_progress' then clock_timestamp() else p.started_at end,
        finished_at = case step.status when 'completed' then clock_timestamp() end
      from held, step
      where p.deployment_id = held.id and p.name = step.phase
        -- On the rows themselves: whoever waited for the same write to be committed sees them as they are then.
        and p.status = case step.status when 'completed' then 'in_progress' else 'pending' end::phase_status
      returning p.name
    ), events as (
      insert into deployment_events (deployment_id, seq, at, type, phase, phase_status)
      select id, state_version - step.before, clock_timestamp(), 'phase', step.phase, step.status
      from held, step where step.phase in (select name from phases)
    )
    select id as "deploymentId", state_version as "stateVersion" from held where exists (select from phases)`;
  return change ?? null;
}

/** With a phase: only while that one runs, so that a write that is repeated leaves no hole in the numbers of events. */
function holdClaim({ deploymentId, run }: Claim, events: number, phase: PhaseName | null = null): Prisma.Sql {
  const isRunning = phase ? isPhaseRunning(phase, Prisma.sql`deployments`) : Prisma.empty;
  return Prisma.sql`
    update deployments set state_version = state_version + ${events}
    where id = ${deploymentId} and run = ${run} and status = 'in_progress'${isRunning}
    returning id, state_version`;
}

function isPhaseRunning(phase: PhaseName, deployment: Prisma.Sql): Prisma.Sql {
  return Prisma.sql` and exists (
    select from deployment_phases p
    where p.deployment_id = ${deployment}.id and p.name = ${phase}::phase_name and p.status = 'in_progress')`;
}

function completeLastPhaseRow({ phase, outputs, skipReason }: PhaseEnd): Prisma.Sql {
  return Prisma.sql`
    update deployment_phases p
    set status = 'completed', finished_at = clock_timestamp(), outputs = ${JSON.stringify(outputs)}::jsonb,
      skip_reason = ${skipReason}
    from ended where p.deployment_id = ended.id and p.name = ${phase}::phase_name and p.status = 'in_progress'`;
}

function beginPhaseRow(phase: PhaseName): Prisma.Sql {
  return Prisma.sql`
    update deployment_phases p
    set status = 'in_progress', started_at = clock_timestamp(), finished_at = null,
      attempt = case when p.status = 'in_progress' then p.attempt + 1 else p.attempt end
    from held where p.deployment_id = held.id and p.name = ${phase}::phase_name`;
}

/** Under the newest state version, or so many before it. */
function insertPhaseEvent(phase: PhaseName, status: PhaseStatus, held: Prisma.Sql, before = 0): Prisma.Sql {
  return Prisma.sql`
    insert into deployment_events (deployment_id, seq, at, type, phase, phase_status)
    select id, state_version - ${before}::int, clock_timestamp(), 'phase', ${phase}::phase_name, ${status}::phase_status
    from ${held}`;
}

/**
 * Ends a deployment as completed, if the claim is still held, its release is the one that takes the app's traffic, and
 * nobody asked for a cancel: who asks first wins. In the same statement its last phase ends with what it made, and every
 * other release of the app is told to stop. Without a phase: of a deployment whose phases are all completed.
 */
export async function completeDeployment(
  statements: Statements,
  claim: Claim,
  last: PhaseEnd | null = null,
): Promise<StateChange | null> {
  const ended = Prisma.sql`ended`;
  const isRunning = last ? isPhaseRunning(last.phase, Prisma.sql`d`) : Prisma.empty;
  const completed = last
    ? Prisma.sql`, completed as (${completeLastPhaseRow(last)}),
        completed_event as (${insertPhaseEvent(last.phase, 'completed', ended, 1)})`
    : Prisma.empty;
  const [change] = await statements.$queryRaw<StateChange[]>`
    with ended as (
      update deployments d
      set status = 'completed', finished_at = clock_timestamp(), state_version = d.state_version + ${last ? 2 : 1}
      from production_apps a, releases r
      where d.id = ${claim.deploymentId} and d.run = ${claim.run}
        and d.status = any(${statusesBefore('completed')}::deployment_status[])
        and d.cancel_requested_at is null
        and a.id = d.production_app_id and r.id = a.live_release_id and r.deployment_id = d.id${isRunning}
      returning d.id, d.state_version, d.production_app_id, r.id as release_id
    ), replaced as (
      update releases r set wanted = 'stopped'
      from ended where r.production_app_id = ended.production_app_id and r.id <> ended.release_id
        and r.wanted = 'running'
    ), event as (
      insert into deployment_events (deployment_id, seq, at, type, status)
      select id, state_version, clock_timestamp(), 'status', 'completed' from ended
    )${completed}
    select id as "deploymentId", state_version as "stateVersion" from ended`;
  return change ?? null;
}

/** Ends a deployment as failed or cancelled, and its running phase as failed. Null when the claim is lost. */
export async function failDeployment(
  statements: Statements,
  claim: Claim,
  status: 'failed' | 'cancelled',
  failure: Failure,
): Promise<StateChange | null> {
  const [change] = await statements.$queryRaw<StateChange[]>`
    with ended as (
      update deployments d
      set status = ${status}::deployment_status, finished_at = clock_timestamp(), state_version = d.state_version + 2,
        error_message = ${failure.message}, failure = ${JSON.stringify(failure)}::jsonb
      where d.id = ${claim.deploymentId} and d.run = ${claim.run}
        and d.status = any(${statusesBefore(status)}::deployment_status[])
      returning d.id, d.state_version
    ), phase as (
      update deployment_phases p set status = 'failed', finished_at = clock_timestamp(), error_message = ${failure.message}
      from ended where p.deployment_id = ended.id and p.status = 'in_progress'
      returning p.deployment_id, p.name
    ), phase_event as (
      insert into deployment_events (deployment_id, seq, at, type, phase, phase_status, message)
      select ended.id, ended.state_version - 1, clock_timestamp(), 'phase', phase.name, 'failed', ${failure.message}
      from ended join phase on phase.deployment_id = ended.id
      limit 1
    ), event as (
      insert into deployment_events (deployment_id, seq, at, type, status, message)
      select id, state_version, clock_timestamp(), 'status', ${status}::deployment_status, ${failure.message} from ended
    )
    select id as "deploymentId", state_version as "stateVersion" from ended`;
  return change ?? null;
}

/** Of some deployments, those that still have work to be done. */
export async function findOpenDeployments(prisma: PrismaClient, ids: readonly string[]): Promise<string[]> {
  const status = { in: [...OPEN_STATUSES] };
  const rows = await prisma.deployment.findMany({ where: { id: { in: [...ids] }, status }, select: { id: true } });
  return rows.map(({ id }) => id);
}

/** Apps with open work, for the reconciler that re-sends lost tickets. */
export async function findAppsWithOpenDeployments(prisma: PrismaClient): Promise<string[]> {
  const rows = await prisma.$queryRaw<{ id: string }[]>`
    select distinct production_app_id as id from deployments where status in ('pending', 'in_progress')`;
  return rows.map(({ id }) => id);
}

/** Another worker took the deployment over, or it ended: whoever gets this stops and writes nothing more. */
export class ClaimLostError extends Error {
  override readonly name = 'ClaimLostError';
  constructor({ deploymentId, run }: Claim) {
    super(`Run ${run} of deployment ${deploymentId} is over.`);
  }
}
