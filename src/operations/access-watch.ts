import type { Viewer } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { findValidTokens, findScopesOfUsers } from '../store/directory.ts';
import { findDeletedApps } from '../store/production-apps.ts';
import { metrics } from '../metrics.ts';
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
  /** Calls back at most once, when an app is deleted. Answers how to stop watching. */
  watchApp(productionAppId: string, onDeleted: () => void): () => void;
  close(): void;
}

/** By this a socket knows that it is to be closed, and not only one operation refused. */
const ENDED = { accessEnded: true } as const;

/** All streams of one viewer, who had the same when he opened each. */
interface Watched {
  readonly viewer: Viewer;
  readonly streams: Set<(reason: DomainError) => void>;
}

interface WatchedApp {
  readonly productionAppId: string;
  readonly onDeleted: () => void;
}

/** Asks for all open streams of this process at once: three statements at most, however many there are. */
export function createAccessWatch({ prisma, log }: { readonly prisma: PrismaClient; readonly log: Log }): AccessWatch {
  const watched = new Map<string, Watched>();

  const watchedApps = new Set<WatchedApp>();

  /** Who comes while the database is asked was not asked for: only those from before are judged. */
  async function lookAtViewers(): Promise<void> {
    const before = [...watched].map(([key, { viewer, streams }]) => ({ key, viewer, streams: [...streams] }));
    if (before.length === 0) return;
    const viewers = before.map(({ viewer }) => viewer);
    const tokenIds = new Set(viewers.flatMap(({ tokenId }) => (tokenId === null ? [] : [tokenId])));
    const [validTokens, scopes] = await Promise.all([
      findValidTokens(prisma, [...tokenIds]),
      findScopesOfUsers(prisma, [...new Set(viewers.map(({ userId }) => userId))]),
    ]);
    for (const { key, viewer, streams } of before) {
      const reason = whyEnded(viewer, validTokens, scopes);
      if (reason === null) continue;
      for (const onEnd of streams) if (unwatch(key, onEnd)) onEnd(reason);
    }
  }

  /** Answers whether it was watched until now. */
  function unwatch(key: string, onEnd: (reason: DomainError) => void): boolean {
    const streams = watched.get(key)?.streams;
    const wasThere = streams?.delete(onEnd) ?? false;
    if (streams?.size === 0) watched.delete(key);
    if (wasThere) metrics.subscriptions.dec();
    return wasThere;
  }

  async function lookAtApps(): Promise<void> {
    const before = [...watchedApps];
    if (before.length === 0) return;
    const ids = new Set(before.map(({ productionAppId }) => productionAppId));
    const deleted = await findDeletedApps(prisma, [...ids]);
    for (const one of before) {
      if (deleted.has(one.productionAppId) && watchedApps.delete(one)) one.onDeleted();
    }
  }

  let isLooking = false;
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    Promise.all([lookAtViewers(), lookAtApps()])
      // While the database is away nobody can be removed either, and what expires is refused when it is back.
      .catch((error: unknown) => log.warn({ err: error }, 'Could not look whether open streams may go on'))
      .finally(() => (isLooking = false));
  }, LOOK_EVERY_MS);

  return {
    watch(viewer, onEnd) {
      const key = JSON.stringify(viewer);
      const known = watched.get(key) ?? { viewer, streams: new Set() };
      watched.set(key, known);
      // The same function may be given twice.
      const one = (reason: DomainError) => onEnd(reason);
      known.streams.add(one);
      metrics.subscriptions.inc();
      return () => void unwatch(key, one);
    },
    watchApp(productionAppId, onDeleted) {
      const one = { productionAppId, onDeleted };
      watchedApps.add(one);
      return () => void watchedApps.delete(one);
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
