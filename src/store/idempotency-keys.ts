import type { Transaction } from './db.ts';

/** How many expired keys each new one takes with it: more than one, so that they do not pile up. */
const EXPIRED_REMOVED = 3;

/**
 * Takes a caller's key for a new request: one that was never used, or so long ago that it is forgotten. False when it is
 * in use; a call that is using it is waited for.
 */
export async function claimKey(
  tx: Transaction,
  { userId, key }: { userId: string; key: string },
  fingerprint: string,
  ttlMs: number,
): Promise<boolean> {
  const claimed = await tx.$executeRaw`
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
    where mine.created_at < now() - make_interval(secs => ${ttlMs / 1_000})`;
  return claimed > 0;
}
