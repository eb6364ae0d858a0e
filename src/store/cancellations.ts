import type { PrismaClient } from '../generated/prisma/client.ts';
import type { Transaction } from './db.ts';
import type { Claim, StateChange } from './deployments.ts';

export interface CancelRequest {
  /** Null: Windlass itself. */
  readonly userId: string | null;
  readonly reason: string | null;
  readonly force: boolean;
  /** The deployment that takes its place, if it is for that. */
  readonly supersededById?: string;
}

/**
 * Cancels a pending deployment at once, or stores the request for the worker of one in progress. Asking again changes
 * nothing, but may add force. Null when the deployment had ended before.
 */
export async function requestCancel(
  tx: Transaction,
  deploymentId: string,
  { userId, reason, force, supersededById }: CancelRequest,
): Promise<(StateChange & { outcome: 'cancelled' | 'requested' }) | null> {
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
  return running ? { ...running, outcome: 'requested' } : null;
}

/** Whether a cancel was asked for, and whether with force. Null when the claim is lost. */
export async function findCancelRequest(
  prisma: PrismaClient,
  { deploymentId, run }: Claim,
): Promise<{ requested: boolean; forced: boolean } | null> {
  const row = await prisma.deployment.findUnique({
    where: { id: deploymentId },
    select: { run: true, status: true, cancelRequestedAt: true, cancelForced: true },
  });
  if (row?.run !== run || row.status !== 'in_progress') return null;
  return { requested: row.cancelRequestedAt !== null, forced: row.cancelForced };
}
