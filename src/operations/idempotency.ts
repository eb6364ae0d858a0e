import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Viewer } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import type { Transaction } from '../store/db.ts';
import { claimKey } from '../store/idempotency-keys.ts';

export const idempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 printable characters without spaces')
  .nullish();

export interface Made {
  readonly id: string;
  /** The object was made by an earlier call with the same key. */
  readonly replayed: boolean;
}

/** For this long a key is remembered. After it, the key may be used afresh. */
export const KEY_TTL_MS = 24 * 60 * 60 * 1_000;

/**
 * Makes an object once for each key of a caller, in the transaction that makes it: a second call with the same key and
 * body waits for the first one's commit and gets its object. Throws IDEMPOTENCY_MISMATCH for another body.
 */
export async function makeOnce(
  tx: Transaction,
  viewer: Viewer,
  key: string | null | undefined,
  body: Readonly<Record<string, unknown>>,
  make: () => Promise<string>,
): Promise<Made> {
  if (key == null) return { id: await make(), replayed: false };
  const owner = { userId: viewer.userId, key };
  const fingerprint = fingerprintOf(body);
  if (await claimKey(tx, owner, fingerprint, KEY_TTL_MS)) {
    const id = await make();
    await tx.idempotencyKey.update({ where: { userId_key: owner }, data: { objectId: id } });
    return { id, replayed: false };
  }
  const earlier = await tx.idempotencyKey.findUniqueOrThrow({ where: { userId_key: owner } });
  return madeBefore(earlier, fingerprint);
}

/**
 * What an earlier call with this key made, before anything is done: for an operation that takes long until it makes
 * something. Null when there was none. Throws IDEMPOTENCY_MISMATCH for another body.
 */
export async function recallMade(
  prisma: Pick<Transaction, 'idempotencyKey'>,
  { userId }: Viewer,
  key: string | null | undefined,
  body: Readonly<Record<string, unknown>>,
): Promise<Made | null> {
  if (key == null) return null;
  const createdAt = { gt: new Date(Date.now() - KEY_TTL_MS) };
  const earlier = await prisma.idempotencyKey.findFirst({ where: { userId, key, createdAt } });
  return earlier && madeBefore(earlier, fingerprintOf(body));
}

function madeBefore(earlier: { fingerprint: string; objectId: string }, fingerprint: string): Made {
  if (earlier.fingerprint === fingerprint) return { id: earlier.objectId, replayed: true };
  throw new DomainError('IDEMPOTENCY_MISMATCH', 'This idempotency key was used for another request. Use a new key.');
}

/** What is left out and what is null ask for the same. */
function fingerprintOf(body: Readonly<Record<string, unknown>>): string {
  const given = Object.fromEntries(Object.entries(body).filter(([, value]) => value != null));
  return createHash('sha256').update(JSON.stringify(given)).digest('hex');
}
