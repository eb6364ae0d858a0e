import type { Viewer } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { findValidTokens, findScopesOfUsers } from '../store/directory.ts';
import type { Log } from '../telemetry.ts';

/** Streams of who may no longer watch end within 5 s; two looks and their time fit into that. */
const LOOK_EVERY_MS = 2_000;

/**
 * Ends what is open of a viewer who lost what he had when he opened it: the token, a membership, or a scope. Whoever lost
 * something else than what a stream is about opens it again, after its cursor.
 */
export interface AccessWatch {
  /** Calls back at most once, with why. Answers how to stop watching. */
  watch(viewer: Viewer, onEnd: (reason: DomainError) => void): () => void;
  close(): void;
}

/** By this a socket knows that it is to be closed, and not only one operation refused. */
const ENDED = { accessEnded: true } as const;

interface Watched {
  readonly viewer: Viewer;
  readonly onEnd: (reason: DomainError) => void;
}

/** Asks for all open streams of this process at once: two statements, however many there are. */
export function createAccessWatch({ prisma, log }: { readonly prisma: PrismaClient; readonly log: Log }): AccessWatch {
  const watched = new Set<Watched>();

  async function look(): Promise<void> {
    if (watched.size === 0) return;
    const viewers = [...watched].map(({ viewer }) => viewer);
    const tokenIds = new Set(viewers.flatMap(({ tokenId }) => (tokenId === null ? [] : [tokenId])));
    const [validTokens, scopes] = await Promise.all([
      findValidTokens(prisma, [...tokenIds]),
      findScopesOfUsers(prisma, [...new Set(viewers.map(({ userId }) => userId))]),
    ]);
    for (const one of watched) {
      const reason = whyEnded(one.viewer, validTokens, scopes);
      if (reason === null) continue;
      watched.delete(one);
      one.onEnd(reason);
    }
  }

  let isLooking = false;
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    look()
      // While the database is away nobody can be removed either, and what expires is refused when it is back.
      .catch((error: unknown) => log.warn({ err: error }, 'Could not look whether open streams may go on'))
      .finally(() => (isLooking = false));
  }, LOOK_EVERY_MS);

  return {
    watch(viewer, onEnd) {
      const one = { viewer, onEnd };
      watched.add(one);
      return () => void watched.delete(one);
    },
    close: () => clearInterval(timer),
  };
}

function whyEnded(
  { tokenId, userId, expiresAt, memberships }: Viewer,
  validTokens: ReadonlySet<string>,
  scopes: ReadonlyMap<string, ReadonlySet<string>>,
): DomainError | null {
  const isExpired = expiresAt !== null && expiresAt.getTime() <= Date.now();
  if (isExpired || (tokenId !== null && !validTokens.has(tokenId))) {
    return new DomainError('UNAUTHENTICATED', 'The token has expired or was revoked.', ENDED);
  }
  const now = scopes.get(userId);
  const isLess = memberships.some(
    ({ organizationId, scopes: had }) =>
      !now?.has(organizationId) || had.some((scope) => !now.has(`${organizationId} ${scope}`)),
  );
  return isLess
    ? new DomainError('FORBIDDEN', 'You may do less than when this stream was opened. Open it again.', ENDED)
    : null;
}
