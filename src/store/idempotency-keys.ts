import type { Statements } from './statements.ts';

/** How many expired keys each new one takes with it: more than one, so that they do not pile up. */
const EXPIRED_REMOVED = 3;

export interface KeyOwner {
  readonly userId: string;
  readonly key: string;
}

/**
 * Takes a caller's key for a new request: one that was never used, or so long ago that it is forgotten. False when it is
 * in use; a call that is using it is waited for.
 */
export async function claimKey(
  tx: Statements,
  { userId, key }: KeyOwner,
  fingerprint: string,
  ttlMs: number,
): Promise<boolean> {
  const claimed = await tx.$queryRaw<unknown[]>`
    with removed as (
      delete from idempotency_keys where (user_id, key) in (
        select user_id, key from idempotency_keys
        where created_at < now() - make_interval(secs => ${ttlMs / 1_000}) and (user_id, key) <> (${userId}, ${key})
        order by created_at limit ${EXPIRED_REMOVED}
        for update skip locked)
    )
    insert into idempotency_keys as mine (user_id, key, fingerprint, object_id, created_at)
    values (${userId}, ${key}, ${fingerprint}, '', clock_timestamp())
    on conflict (user_id, key) do update
    set fingerprint = excluded.fingerprint, object_id = '', created_at = excluded.created_at
    where mine.created_at < now() - make_interval(secs => ${ttlMs / 1_000})
    returning user_id`;
  return claimed.length > 0;
}

/** What a key was used for. */
export interface UsedKey {
  readonly fingerprint: string;
  /** What was made with it. */
  readonly objectId: string;
}

/** In the transaction that claimed it. */
export async function noteMade(tx: Statements, { userId, key }: KeyOwner, objectId: string): Promise<void> {
  await tx.$queryRaw`update idempotency_keys set object_id = ${objectId} where user_id = ${userId} and key = ${key}`;
}

/** Null when it was not used within this time. */
export async function findUsedKey(tx: Statements, { userId, key }: KeyOwner, ttlMs: number): Promise<UsedKey | null> {
  const [used] = await tx.$queryRaw<UsedKey[]>`
    select fingerprint, object_id as "objectId" from idempotency_keys
    where user_id = ${userId} and key = ${key} and created_at >= now() - make_interval(secs => ${ttlMs / 1_000})`;
  return used ?? null;
}
