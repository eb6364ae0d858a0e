import type { PrismaClient } from '../generated/prisma/client.ts';
import { readDatabaseClock, readDeploymentChanges, type DeploymentChange } from '../store/deployment-changes.ts';
import { HINT_POLL_MS, type EventBus } from './bus.ts';
import { leavable } from './leavable.ts';

/** Hints that come in a burst share one look. */
const LOOK_DELAY_MS = 20;
/** A change may be committed this long after the moment that it bears, and is found all the same. */
const COMMIT_DELAY_MAX_MS = 5_000;

/** Which deployments: those of some organizations, and of some apps only if they are named. */
export interface ChangeScope {
  readonly organizationIds: readonly string[];
  readonly appIds: readonly string[] | null;
}

export interface ChangeFeed {
  /**
   * The id of every deployment that is made or changed from now on; changes of one may be merged. It ends when what
   * `watchEnd` was given is called, after what came before; without it, never by itself.
   */
  follow(scope: ChangeScope, watchEnd?: (end: () => void) => () => void): AsyncGenerator<string, void, void>;
}

interface Follower {
  readonly scope: ChangeScope;
  /** What changed and was not taken yet. */
  readonly waiting: Set<string>;
  wake(): void;
}

/** One reader of changes for all in this process who follow lists. It reads only while there is somebody. */
export function createChangeFeed(deps: { readonly prisma: PrismaClient; readonly bus: EventBus }): ChangeFeed {
  const followers = new Set<Follower>();
  let reader: ChangeReader | null = null;

  function deliver(change: DeploymentChange): void {
    for (const { scope, waiting, wake } of followers) {
      if (!scope.organizationIds.includes(change.organizationId)) continue;
      if (scope.appIds !== null && !scope.appIds.includes(change.productionAppId)) continue;
      waiting.add(change.id);
      wake();
    }
  }

  return {
    follow: (scope, watchEnd) =>
      leavable(async function* (leaving) {
        const follower = { scope, waiting: new Set<string>(), wake: () => {} };
        followers.add(follower);
        reader ??= new ChangeReader(deps, deliver);
        let isOver = false;
        const unwatch = watchEnd?.(() => {
          isOver = true;
          follower.wake();
        });
        try {
          await reader.opened;
          for (;;) {
            for (const id of follower.waiting) {
              follower.waiting.delete(id);
              yield id;
            }
            if (isOver) return;
            const isThere = await leaving.wait((resolve) => {
              if (follower.waiting.size > 0 || isOver) resolve();
              follower.wake = resolve;
              return () => {};
            });
            if (!isThere) return;
          }
        } finally {
          unwatch?.();
          followers.delete(follower);
          if (followers.size === 0) {
            reader?.close();
            reader = null;
          }
        }
      }),
  };
}

class ChangeReader {
  /** From then on nothing is missed. */
  readonly opened: Promise<void>;
  readonly #deps: { readonly prisma: PrismaClient; readonly bus: EventBus };
  readonly #deliver: (change: DeploymentChange) => void;
  /** What was delivered, as far as the next look may find it again. */
  #seen = new Map<string, DeploymentChange>();
  #newest = new Date(0);
  #isLooking = false;
  /** Whether a hint came during a look, which may have been too early for it. */
  #mustLookAgain = false;
  #delay: NodeJS.Timeout | null = null;
  #poll: NodeJS.Timeout | null = null;
  #unsubscribe = () => {};
  #isClosed = false;

  constructor(
    deps: { readonly prisma: PrismaClient; readonly bus: EventBus },
    deliver: (change: DeploymentChange) => void,
  ) {
    this.#deps = deps;
    this.#deliver = deliver;
    this.opened = this.#open();
  }

  async #open(): Promise<void> {
    const unsubscribe = await this.#deps.bus.subscribe('deployments', () => this.#lookSoon());
    if (this.#isClosed) return unsubscribe();
    this.#unsubscribe = unsubscribe;
    this.#newest = await readDatabaseClock(this.#deps.prisma);
    // What is there already is nobody's news.
    this.#seen = new Map((await this.#read()).map((change) => [change.id, change]));
    if (!this.#isClosed) this.#poll = setInterval(() => this.#lookSoon(), HINT_POLL_MS);
  }

  close(): void {
    this.#isClosed = true;
    this.#unsubscribe();
    if (this.#poll) clearInterval(this.#poll);
    if (this.#delay) clearTimeout(this.#delay);
  }

  #lookSoon(): void {
    if (this.#isClosed) return;
    this.#mustLookAgain ||= this.#isLooking;
    if (!this.#isLooking) this.#delay ??= setTimeout(() => void this.#look(), LOOK_DELAY_MS);
  }

  async #look(): Promise<void> {
    this.#delay = null;
    this.#isLooking = true;
    this.#mustLookAgain = false;
    try {
      await this.opened;
      this.#tell(await this.#read());
    } catch {
      // The database is away: the poll tries again.
    }
    this.#isLooking = false;
    if (this.#mustLookAgain) this.#lookSoon();
  }

  #read(): Promise<DeploymentChange[]> {
    return readDeploymentChanges(this.#deps.prisma, new Date(this.#newest.getTime() - COMMIT_DELAY_MAX_MS));
  }

  #tell(changes: readonly DeploymentChange[]): void {
    const before = this.#seen;
    this.#seen = new Map(changes.map((change) => [change.id, change]));
    this.#newest = changes.at(-1)?.changedAt ?? this.#newest;
    for (const change of changes) {
      if (before.get(change.id)?.stateVersion !== change.stateVersion) this.#deliver(change);
    }
  }
}
