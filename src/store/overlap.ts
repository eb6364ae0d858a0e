import { decideOverlap, type OpenDeployment, type OverlapPolicy } from '../domain/overlap.ts';
import { DomainError } from '../domain/errors.ts';
import { requestCancel, type Cancellation } from './cancellations.ts';
import type { Statements } from './statements.ts';

export interface NewcomerOptions {
  readonly policy: OverlapPolicy;
  /** Who triggered it; null: Windlass itself. */
  readonly userId: string | null;
}

/**
 * Does to the open deployments of an app what the policy says, for one that was inserted in this transaction: its app's
 * row is locked, so that nobody else decides at the same time. Answers the deployments that changed. Throws
 * OVERLAP_REJECTED, which takes the new one back.
 */
export async function applyOverlap(
  tx: Statements,
  deploymentId: string,
  { policy, userId }: NewcomerOptions,
): Promise<Cancellation[]> {
  if (policy === 'queue') return [];
  const [{ number, open }] = await tx.$queryRaw<[{ number: number; open: OpenDeployment[] }]>`
    select mine.number, coalesce(
      (select jsonb_agg(jsonb_build_object('id', d.id, 'number', d.number, 'status', d.status) order by d.number)
       from deployments d
       where d.production_app_id = mine.production_app_id and d.status in ('pending', 'in_progress') and d.number < mine.number),
      '[]'::jsonb) as open
    from deployments mine where mine.id = ${deploymentId}`;
  const decision = decideOverlap(policy, open);
  if (decision.kind === 'wait') return [];
  if (decision.kind === 'reject') throw rejected(decision.open);
  const ids = open.map(({ id }) => id);
  const newcomer = { id: deploymentId, number, userId };
  const waiting = await supersedePending(tx, ids, newcomer);
  // One that waited when we looked may run by now.
  return decision.alsoRunning ? [...waiting, ...(await supersedeRunning(tx, ids, newcomer))] : waiting;
}

function rejected({ id, number, status }: OpenDeployment): DomainError {
  const what = status === 'in_progress' ? 'is in progress' : 'is waiting';
  return new DomainError(
    'OVERLAP_REJECTED',
    `Deployment ${number} of this app ${what}. Wait for its end, cancel it, or choose another overlap policy.`,
    { deploymentId: id, number },
  );
}

interface Newcomer {
  readonly id: string;
  readonly number: number;
  readonly userId: string | null;
}

/** The newcomer also takes over the turn of the first one that it supersedes: it must not be worse off for it. */
function supersedePending(
  tx: Statements,
  ids: readonly string[],
  { id, number, userId }: Newcomer,
): Promise<Cancellation[]> {
  const message = `Superseded by deployment ${number} before it started.`;
  return tx.$queryRaw<Cancellation[]>`
    with ended as (
      update deployments d
      set status = 'cancelled', finished_at = clock_timestamp(), state_version = d.state_version + 1,
        superseded_by_id = ${id}, cancel_requested_at = clock_timestamp(), cancel_requested_by_id = ${userId},
        cancel_reason = ${reasonOf(number)}, error_message = ${message}
      where d.id = any(${[...ids]}::text[]) and d.status = 'pending'
      returning d.id, d.state_version, d.turn
    ), inherited as (
      update deployments set turn = least(turn, (select min(turn) from ended)) where id = ${id}
    ), event as (
      insert into deployment_events (deployment_id, seq, at, type, status, message)
      select id, state_version, clock_timestamp(), 'status', 'cancelled', ${message} from ended
    )
    select id as "deploymentId", state_version as "stateVersion", 'cancelled' as outcome from ended`;
}

async function supersedeRunning(
  tx: Statements,
  ids: readonly string[],
  { id, number, userId }: Newcomer,
): Promise<Cancellation[]> {
  const [running] = await tx.$queryRaw<{ id: string }[]>`
    select id from deployments
    where id = any(${[...ids]}::text[]) and status = 'in_progress' and cancel_requested_at is null`;
  if (!running) return [];
  const request = { userId, reason: reasonOf(number), force: false, supersededById: id };
  const change = await requestCancel(tx, running.id, request);
  return change ? [change] : [];
}

function reasonOf(number: number): string {
  return `Superseded by deployment ${number}.`;
}
