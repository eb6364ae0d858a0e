import {
  OPEN_STATUSES,
  PHASES,
  statusesBefore,
  type DeploymentTrigger,
  type Failure,
  type PhaseName,
} from '../domain/deployment.ts';
import { DomainError } from '../domain/errors.ts';
import { createId } from '../domain/ids.ts';
import { Prisma, type PrismaClient } from '../generated/prisma/client.ts';
import type { Transaction } from './db.ts';
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

/**
 * Stores a pending deployment with its eight phases, its next number and its turn. The app's row is locked until the
 * transaction ends, so that numbers, ids and commits come in the same order.
 */
export async function insertDeployment(tx: Transaction, input: NewDeployment): Promise<string> {
  const [app] = await tx.$queryRaw<{ number: number }[]>`
    update production_apps set deployment_count = deployment_count + 1
    where id = ${input.productionAppId} and deleted_at is null
    returning deployment_count as number`;
  if (!app) throw new DomainError('CONFLICT', 'The production app was deleted.');
  const id = createId('Deployment');
  await tx.$executeRaw`
    with made as (
      insert into deployments
        (id, organization_id, production_app_id, version_id, number, turn, trigger, triggered_by_id, reason, source_id,
          created_at)
      values (${id}, ${input.organizationId}, ${input.productionAppId}, ${input.versionId}, ${app.number},
        ${nextTurn(input.organizationId)}, ${input.trigger}::deployment_trigger, ${input.triggeredById}, ${input.reason},
        ${input.sourceId ?? null}, clock_timestamp())
      returning id, state_version
    ), phases as (
      insert into deployment_phases (deployment_id, name)
      select made.id, unnest(${[...PHASES]}::phase_name[]) from made
    )
    insert into deployment_events (deployment_id, seq, type, status)
    select id, state_version, 'created', 'pending' from made`;
  return id;
}

/** Locks an app, as inserting a deployment does: for what must be decided before it is inserted. */
export async function lockApp(tx: Transaction, productionAppId: string): Promise<void> {
  await tx.$executeRaw`select id from production_apps where id = ${productionAppId} for no key update`;
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
}

/**
 * Takes the deployment that an app's worker must work on now: the one that is in progress (its worker was lost), else
 * the oldest pending one, whose first phase begins with it, in one statement. Null when there is none.
 */
export async function claimNextDeployment(
  prisma: PrismaClient,
  productionAppId: string,
  workerId: string,
): Promise<NewClaim | null> {
  const [claimed] = await prisma.$queryRaw<NewClaim[]>`
    with candidate as (
      select id, status = 'in_progress' as taken_over, worker_id as previous_worker_id,
        -- Null of one that was given back. A worker that gets its own back, after an outage, was not lost either.
        status = 'in_progress' and worker_id <> ${workerId} as is_lost
      from deployments
      where production_app_id = ${productionAppId} and status in ('pending', 'in_progress')
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
    ), event as (
      insert into deployment_events (deployment_id, seq, at, type, status, message)
      select id, case when taken_over then state_version else state_version - 1 end, clock_timestamp(),
        (case when taken_over then 'take_over' else 'status' end)::deployment_event_type, 'in_progress',
        'Worker ' || ${workerId}
      from claimed
    ), begun_event as (
      insert into deployment_events (deployment_id, seq, at, type, phase, phase_status)
      select id, state_version, clock_timestamp(), 'phase', ${FIRST_PHASE}::phase_name, 'in_progress'
      from claimed where not taken_over
    )
    select id as "deploymentId", run, state_version as "stateVersion", ${workerId} as "workerId",
      taken_over as "takenOver", previous_worker_id as "previousWorkerId", lost_workers as "lostWorkers"
    from claimed`;
  return claimed ?? null;
}

/** Gives a deployment back in an orderly way: whoever takes it over has lost no worker. */
export async function handOverDeployment(prisma: PrismaClient, { deploymentId, run }: Claim): Promise<void> {
  const where = { id: deploymentId, run, status: 'in_progress' } as const;
  await prisma.deployment.updateMany({ where, data: { workerId: null } });
}

/** Starts an interrupted phase again, as its next attempt, or one that a lost worker had not begun. Null when the claim is lost. */
export async function beginPhase(prisma: PrismaClient, claim: Claim, phase: PhaseName): Promise<StateChange | null> {
  const [change] = await prisma.$queryRaw<StateChange[]>`
    with held as (${holdClaim(claim, 1)}),
    begun as (${beginPhaseRow(phase)}),
    event as (
      insert into deployment_events (deployment_id, seq, at, type, phase, phase_status)
      select id, state_version, clock_timestamp(), 'phase', ${phase}::phase_name, 'in_progress' from held
    )
    select id as "deploymentId", state_version as "stateVersion" from held`;
  return change ?? null;
}

/**
 * Ends a phase with what it made and starts the next one, in one statement: there is no moment at which a worker's death
 * would lose what was made. Null when the claim is lost, or the phase does not run: repeated, it changes nothing.
 */
export async function completePhase(
  prisma: PrismaClient,
  claim: Claim,
  phase: PhaseName,
  result: { outputs: object; skipReason: string | null; next: PhaseName | null },
): Promise<StateChange | null> {
  const begun = result.next
    ? Prisma.sql`, begun as (${beginPhaseRow(result.next, Prisma.sql`completed`)}),
        begun_event as (
          insert into deployment_events (deployment_id, seq, at, type, phase, phase_status)
          select id, state_version, clock_timestamp(), 'phase', ${result.next}::phase_name, 'in_progress' from completed
        )`
    : Prisma.empty;
  const events = result.next ? 2 : 1;
  const [change] = await prisma.$queryRaw<StateChange[]>`
    with held as (${holdClaim(claim, events, phase)}),
    completed as (
      update deployment_phases p
      set status = 'completed', finished_at = clock_timestamp(), outputs = ${JSON.stringify(result.outputs)}::jsonb,
        skip_reason = ${result.skipReason}
      from held where p.deployment_id = held.id and p.name = ${phase}::phase_name and p.status = 'in_progress'
      returning held.id, held.state_version
    ),
    completed_event as (
      insert into deployment_events (deployment_id, seq, at, type, phase, phase_status)
      select id, state_version - ${events - 1}, clock_timestamp(), 'phase', ${phase}::phase_name, 'completed'
      from completed
    )
    ${begun}
    select id as "deploymentId", state_version as "stateVersion" from completed`;
  return change ?? null;
}

/** With a phase: only while that one runs, so that a write that is repeated leaves no hole in the numbers of events. */
function holdClaim({ deploymentId, run }: Claim, events: number, phase: PhaseName | null = null): Prisma.Sql {
  const isRunning = phase
    ? Prisma.sql` and exists (
        select from deployment_phases p
        where p.deployment_id = deployments.id and p.name = ${phase}::phase_name and p.status = 'in_progress')`
    : Prisma.empty;
  return Prisma.sql`
    update deployments set state_version = state_version + ${events}
    where id = ${deploymentId} and run = ${run} and status = 'in_progress'${isRunning}
    returning id, state_version`;
}

function beginPhaseRow(phase: PhaseName, held = Prisma.sql`held`): Prisma.Sql {
  return Prisma.sql`
    update deployment_phases p
    set status = 'in_progress', started_at = clock_timestamp(), finished_at = null,
      attempt = case when p.status = 'in_progress' then p.attempt + 1 else p.attempt end
    from ${held} where p.deployment_id = ${held}.id and p.name = ${phase}::phase_name`;
}

/**
 * Ends a deployment as completed, if the claim is still held, its release is the one that takes the app's traffic, and
 * nobody asked for a cancel: who asks first wins. In the same statement every other release of the app is told to stop.
 */
export async function completeDeployment(prisma: PrismaClient, claim: Claim): Promise<StateChange | null> {
  const [change] = await prisma.$queryRaw<StateChange[]>`
    with ended as (
      update deployments d
      set status = 'completed', finished_at = clock_timestamp(), state_version = d.state_version + 1
      from production_apps a, releases r
      where d.id = ${claim.deploymentId} and d.run = ${claim.run}
        and d.status = any(${statusesBefore('completed')}::deployment_status[])
        and d.cancel_requested_at is null
        and a.id = d.production_app_id and r.id = a.live_release_id and r.deployment_id = d.id
      returning d.id, d.state_version, d.production_app_id, r.id as release_id
    ), replaced as (
      update releases r set wanted = 'stopped'
      from ended where r.production_app_id = ended.production_app_id and r.id <> ended.release_id
        and r.wanted = 'running'
    ), event as (
      insert into deployment_events (deployment_id, seq, at, type, status)
      select id, state_version, clock_timestamp(), 'status', 'completed' from ended
    )
    select id as "deploymentId", state_version as "stateVersion" from ended`;
  return change ?? null;
}

/** Ends a deployment as failed or cancelled, and its running phase as failed. Null when the claim is lost. */
export async function failDeployment(
  prisma: PrismaClient,
  claim: Claim,
  status: 'failed' | 'cancelled',
  failure: Failure,
): Promise<StateChange | null> {
  const [change] = await prisma.$queryRaw<StateChange[]>`
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
