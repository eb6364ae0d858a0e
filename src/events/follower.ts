import { LRUCache } from 'lru-cache';
import { isTerminal, type DeploymentStatus } from '../domain/deployment.ts';
import type { DeploymentEvent, LogLine, PrismaClient } from '../generated/prisma/client.ts';
import { readDeploymentEvents } from '../store/deployment-events.ts';
import { readLogLines } from '../store/logs.ts';
import { HINT_POLL_MS, type EventBus } from './bus.ts';
import { Tail, type Piece } from './tail.ts';

/** How far a deployment is. Status and numbers come from one row, so that they fit each other. */
export interface DeploymentView {
  readonly status: DeploymentStatus;
  readonly stateVersion: number;
  readonly lastSeq: number;
}

export const ROWS_PER_PIECE_MAX = 100;
const LINES_PER_READ_MAX = 1_000;
const LINES_KEPT_MAX = 2_000;
const EVENTS_KEPT_MAX = 200;
const OLDER_PIECES_KEPT_MAX = 16;

/** Reads a deployment's new rows, once for all who follow it in this process. */
export interface DeploymentFollower {
  readonly view: DeploymentView;
  readonly lines: Tail<LogLine>;
  readonly events: Tail<DeploymentEvent>;
  /** Reads some older lines, once for all who need the same ones at about the same time. */
  readOnce(key: string, read: () => Promise<Piece<LogLine>>): Promise<Piece<LogLine>>;
  /** Calls back once, after the view has changed. */
  onChange(listener: () => void): void;
  offChange(listener: () => void): void;
}

export interface Followers {
  /** The follower of a deployment, after a look that began now. Each call needs a `release`. */
  acquire(deploymentId: string): Promise<DeploymentFollower>;
  release(deploymentId: string): void;
}

/** So many hear of a change in one turn of the event loop. */
const TOLD_AT_ONCE = 250;

/**
 * In between, what was sent to them is written, and others are served. Told at once, ten thousand would hold the event
 * loop for a third of a second, and all that is sent to them in memory.
 */
function tellInTurns(listeners: readonly (() => void)[], from = 0): void {
  for (const listener of listeners.slice(from, from + TOLD_AT_ONCE)) listener();
  const next = from + TOLD_AT_ONCE;
  if (next < listeners.length) setImmediate(tellInTurns, listeners, next);
}

/** One follower for each deployment that somebody follows. */
export function createFollowers(deps: { readonly prisma: PrismaClient; readonly bus: EventBus }): Followers {
  const followers = new Map<string, SharedFollower>();

  function release(deploymentId: string): void {
    const follower = followers.get(deploymentId)!;
    follower.users -= 1;
    if (follower.users > 0) return;
    followers.delete(deploymentId);
    follower.close();
  }

  return {
    async acquire(deploymentId) {
      const known = followers.get(deploymentId);
      const follower = known ?? new SharedFollower(deps, deploymentId);
      followers.set(deploymentId, follower);
      follower.users += 1;
      try {
        const opened = await follower.opened;
        if (known) await follower.look();
        return opened;
      } catch (error) {
        release(deploymentId);
        throw error;
      }
    },
    release,
  };
}

class SharedFollower {
  users = 0;
  readonly opened: Promise<DeploymentFollower>;
  readonly #deps: { readonly prisma: PrismaClient; readonly bus: EventBus };
  readonly #deploymentId: string;
  readonly #listeners = new Set<() => void>();
  #view: DeploymentView = { status: 'pending', stateVersion: 0, lastSeq: 0 };
  #lines = new Tail<LogLine>(0, LINES_KEPT_MAX);
  #events = new Tail<DeploymentEvent>(0, EVENTS_KEPT_MAX);
  #looking: Promise<void> | null = null;
  #nextLook: Promise<void> | null = null;
  #poll: NodeJS.Timeout | null = null;
  #unsubscribe = () => {};
  #isClosed = false;

  constructor(deps: { readonly prisma: PrismaClient; readonly bus: EventBus }, deploymentId: string) {
    this.#deps = deps;
    this.#deploymentId = deploymentId;
    this.opened = this.#open();
    this.opened.catch(() => {}); // Told to whoever acquires it.
  }

  async #open(): Promise<DeploymentFollower> {
    // From here on nothing is missed; what was there before is history, which nobody may want.
    const unsubscribe = await this.#deps.bus.subscribe(`deployment:${this.#deploymentId}`, () => this.#lookSoon());
    if (this.#isClosed) unsubscribe();
    else this.#unsubscribe = unsubscribe;
    this.#view = await this.#readView();
    this.#lines = new Tail(this.#view.lastSeq, LINES_KEPT_MAX);
    this.#events = new Tail(this.#view.stateVersion, EVENTS_KEPT_MAX);
    if (!this.#isClosed) this.#poll = setInterval(() => this.#lookSoon(), HINT_POLL_MS);
    const view = () => this.#view;
    const older = new LRUCache<string, Promise<Piece<LogLine>>>({ max: OLDER_PIECES_KEPT_MAX });
    return {
      get view() {
        return view();
      },
      lines: this.#lines,
      events: this.#events,
      readOnce(key, read) {
        const known = older.get(key);
        if (known) return known;
        const reading = read();
        older.set(key, reading);
        reading.catch(() => older.delete(key));
        return reading;
      },
      onChange: (listener) => void this.#listeners.add(listener),
      offChange: (listener) => void this.#listeners.delete(listener),
    };
  }

  /** Resolves after a look that began after this call. Calls during one look share the next. */
  look(): Promise<void> {
    if (!this.#looking) {
      this.#looking = this.#readOn().finally(() => {
        this.#looking = null;
      });
      return this.#looking;
    }
    this.#nextLook ??= this.#looking
      .catch(() => {}) // Told to whoever began it.
      .then(() => {
        this.#nextLook = null;
        return this.look();
      });
    return this.#nextLook;
  }

  close(): void {
    this.#isClosed = true;
    this.#unsubscribe();
    if (this.#poll) clearInterval(this.#poll);
  }

  #lookSoon(): void {
    if (this.#nextLook) return;
    this.opened.then(() => this.look()).catch(() => {}); // The database is away: the poll tries again.
  }

  async #readOn(): Promise<void> {
    if (this.#isClosed) return;
    const { prisma } = this.#deps;
    const view = await this.#readView();
    while (this.#events.end < view.stateVersion) {
      const range = { after: this.#events.end, before: view.stateVersion + 1, limit: ROWS_PER_PIECE_MAX };
      const events = await readDeploymentEvents(prisma, this.#deploymentId, range);
      this.#events.push(events, events.length < range.limit ? view.stateVersion : events.at(-1)!.seq);
    }
    while (this.#lines.end < view.lastSeq) {
      const range = { after: this.#lines.end, before: view.lastSeq + 1, limit: LINES_PER_READ_MAX };
      const lines = await readLogLines(prisma, this.#deploymentId, range);
      for (let from = 0; from < lines.length; from += ROWS_PER_PIECE_MAX) {
        const piece = lines.slice(from, from + ROWS_PER_PIECE_MAX);
        this.#lines.push(piece, piece.at(-1)!.seq);
      }
      this.#show({ ...this.#view, lastSeq: this.#lines.end });
    }
    this.#show(view);
  }

  #show(view: DeploymentView): void {
    const { stateVersion, lastSeq, status } = this.#view;
    this.#view = view;
    if (view.stateVersion === stateVersion && view.lastSeq === lastSeq && view.status === status) return;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    tellInTurns(listeners);
    // Nothing of a terminal deployment changes any more, but for what its release does, which nobody waits for.
    if (isTerminal(view.status) && this.#poll) clearInterval(this.#poll);
  }

  #readView(): Promise<DeploymentView> {
    return this.#deps.prisma.deployment.findUniqueOrThrow({
      where: { id: this.#deploymentId },
      select: { status: true, stateVersion: true, lastSeq: true },
    });
  }
}
