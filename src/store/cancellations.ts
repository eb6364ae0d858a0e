import type { Claim, StateChange } from './deployments.ts';
import type { Statements } from './statements.ts';

export interface CancelRequest {
  /** Null: Windlass itself. */
  readonly userId: string | null;
  readonly reason: string | null;
  readonly force: boolean;
  /** The deployment that takes its place, if it is for that. */
  readonly supersededById?: string;
}

/** What became of a request. */
export interface Cancellation extends StateChange {
  /** `cancelled`: it had waited, and has ended. `requested`: its worker is to stop. `repeated`: that was asked before. */
  readonly outcome: 'cancelled' | 'requested' | 'repeated';
}

/**
 * Cancels a pending deployment at once, or stores the request for the worker of one in progress. Asking again changes
 * nothing, but may add force. Null when the deployment had ended before.
 */
export async function requestCancel(
  tx: Statements,
  deploymentId: string,
  { userId, reason, force, supersededById }: CancelRequest,
): Promise<Cancellation | null> {
  const [cancelled] = await tx.$queryRaw<StateChange[]>`
    with ended as (
      update deployments d
      set status = 'cancelled', finished_at = clock_timestamp(), state_version = d.state_version + 1,
        cancel_requested_at = clock_timestamp(), cancel_requested_by_id = ${userId}, cancel_reason = ${reason},
        cancel_forced = ${force}, error_message = 'The deployment was cancelled before it started.'
      where d.id = ${deploymentId} and d.status = 'pending'
      returning d.id, d.state_version
    ), event as (
      insert into deployment_events (deployment_id, seq, at, type, status, message)
      select id, state_version, clock_timestamp(), 'status', 'cancelled', ${reason} from ended
    )
    select id as "deploymentId", state_version as "stateVersion" from ended`;
  if (cancelled) return { ...cancelled, outcome: 'cancelled' };

  const [requested] = await tx.$queryRaw<StateChange[]>`
    with asked as (
      update deployments d
      set cancel_requested_at = coalesce(d.cancel_requested_at, clock_timestamp()),
        cancel_requested_by_id = coalesce(d.cancel_requested_by_id, ${userId}),
        cancel_reason = coalesce(d.cancel_reason, ${reason}), cancel_forced = d.cancel_forced or ${force},
        superseded_by_id = coalesce(d.superseded_by_id, ${supersededById ?? null}),
        state_version = d.state_version + 1
      where d.id = ${deploymentId} and d.status = 'in_progress'
        and (d.cancel_requested_at is null or (${force} and not d.cancel_forced))
      returning d.id, d.state_version
    ), event as (
      insert into deployment_events (deployment_id, seq, at, type, message)
      select id, state_version, clock_timestamp(), 'cancel_requested', ${reason} from asked
    )
    select id as "deploymentId", state_version as "stateVersion" from asked`;
  if (requested) return { ...requested, outcome: 'requested' };

  const [running] = await tx.$queryRaw<StateChange[]>`
    select id as "deploymentId", state_version as "stateVersion" from deployments
    where id = ${deploymentId} and status = 'in_progress'`;
  return running ? { ...running, outcome: 'repeated' } : null;
}

/** What is known of a cancel. */
export interface CancelState {
  readonly requested: boolean;
  readonly forced: boolean;
}

/** Whether a cancel was asked for, and whether with force. Null when the claim is lost. */
export async function findCancelRequest(
  statements: Statements,
  { deploymentId, run }: Claim,
): Promise<CancelState | null> {
  const [held] = await statements.$queryRaw<CancelState[]>`
    select cancel_requested_at is not null as requested, cancel_forced as forced
    from deployments where id = ${deploymentId} and run = ${run} and status = 'in_progress'`;
  return held ?? null;
}
