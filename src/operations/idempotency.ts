import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Viewer } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import { claimKey, findUsedKey, noteMade, type UsedKey } from '../store/idempotency-keys.ts';
import type { Statements } from '../store/statements.ts';

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

type Body = Readonly<Record<string, unknown>>;

/**
 * Makes an object once for each key of a caller, in the transaction that makes it: a second call with the same key and
 * body waits for the first one's commit and gets its object. Throws IDEMPOTENCY_MISMATCH for another body. Of several
 * forms of the body, the first is remembered, and an earlier call is known by any.
 */
export async function makeOnce(
  tx: Statements,
  viewer: Viewer,
  key: string | null | undefined,
  body: Body | readonly Body[],
  make: () => Promise<string>,
): Promise<Made> {
  if (key == null) return { id: await make(), replayed: false };
  const owner = { userId: viewer.userId, key };
  const fingerprints = [body].flat().map(fingerprintOf);
  if (await claimKey(tx, owner, fingerprints[0]!, KEY_TTL_MS)) {
    const id = await make();
    await noteMade(tx, owner, id);
    return { id, replayed: false };
  }
  return madeBefore((await findUsedKey(tx, owner, KEY_TTL_MS))!, fingerprints);
}

/** Calls of this process that take long, by caller and key. */
const underWay = new Map<string, { readonly fingerprint: string; readonly run: Promise<Made> }>();

/**
 * For an operation that takes long until it makes something: nothing is done again of what an earlier call with this key
 * made, or is making. Calls of one process with the same key and body share what one of them does. Of several processes
 * each does it, and what `make` ends with is decided by `makeOnce`: who was not the first gets what the first one made.
 */
export async function makeSlowlyOnce(
  statements: Statements,
  viewer: Viewer,
  key: string | null | undefined,
  body: Body,
  make: () => Promise<Made>,
): Promise<Made> {
  if (key == null) return make();
  const place = JSON.stringify([viewer.userId, key]);
  const fingerprint = fingerprintOf(body);
  for (let other = underWay.get(place); other; other = underWay.get(place)) {
    if (other.fingerprint === fingerprint) return { ...(await other.run), replayed: true };
    await other.run.catch(() => {}); // It is told to its own caller.
  }
  const run = makeUnlessMade(() => recallMade(statements, viewer, key, fingerprint), make);
  underWay.set(place, { fingerprint, run });
  try {
    return await run;
  } finally {
    underWay.delete(place);
  }
}

/** What another process made meanwhile is in the way of making it: a name is taken, or an upload was confirmed. */
async function makeUnlessMade(recall: () => Promise<Made | null>, make: () => Promise<Made>): Promise<Made> {
  const before = await recall();
  if (before) return before;
  try {
    return await make();
  } catch (error) {
    const meanwhile = error instanceof DomainError ? await recall() : null;
    if (meanwhile) return meanwhile;
    throw error;
  }
}

async function recallMade(
  statements: Statements,
  { userId }: Viewer,
  key: string,
  fingerprint: string,
): Promise<Made | null> {
  const earlier = await findUsedKey(statements, { userId, key }, KEY_TTL_MS);
  return earlier && madeBefore(earlier, [fingerprint]);
}

function madeBefore(earlier: UsedKey, fingerprints: readonly string[]): Made {
  if (fingerprints.includes(earlier.fingerprint)) return { id: earlier.objectId, replayed: true };
  throw new DomainError('IDEMPOTENCY_MISMATCH', 'This idempotency key was used for another request. Use a new key.');
}

/** What is left out and what is null ask for the same. */
function fingerprintOf(body: Body): string {
  const given = Object.fromEntries(Object.entries(body).filter(([, value]) => value != null));
  return createHash('sha256').update(JSON.stringify(given)).digest('hex');
}
