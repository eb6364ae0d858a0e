import { isTerminal, type DeploymentStatus } from '../domain/deployment.ts';
import type { DeploymentEvent, LogLine, PrismaClient } from '../generated/prisma/client.ts';
import { readDeploymentEvents } from '../store/deployment-events.ts';
import { matchesLogFilter, readLogLines, type LogFilter } from '../store/logs.ts';
import { ROWS_PER_PIECE_MAX, type DeploymentFollower, type DeploymentView, type Followers } from './follower.ts';
import { leavable, type Leaving } from './leavable.ts';
import { derive, type Piece } from './tail.ts';

interface FollowDeps {
  readonly prisma: PrismaClient;
  readonly followers: Followers;
}

export interface LogBatch {
  readonly kind: 'batch';
  readonly lines: readonly LogLine[];
  /** The last seq looked at, also when the filter dropped its line: where to go on after a reconnect. */
  readonly cursor: number;
  /** Whether the lines were there when the follower came. */
  readonly history: boolean;
}

export type LogEvent =
  | LogBatch
  | { readonly kind: 'end'; readonly status: DeploymentStatus; readonly cursor: number; readonly lineCount: number };

/**
 * Takes a batch to its reader by a way of its own, which costs less than to give it out when thousands read the same. Not
 * before the reader has room for the next one is it asked again. False: the batch must be given out.
 */
export type Deliver = (batch: LogBatch) => boolean | Promise<boolean>;

/** A batch that is on its way by `deliver`, or must be given out: false. */
interface Underway {
  readonly batch: LogBatch;
  readonly isDelivered: false | Promise<boolean>;
}

interface FollowLogsOptions {
  readonly after: number;
  readonly filter?: LogFilter;
  readonly deliver?: Deliver;
}

/**
 * Every line of a deployment after one seq, exactly once and in order: what is stored, then what comes, then an explicit
 * end. Lines are read from the database only; hints say when to look. Who keeps up gets the same objects as everybody
 * else who wants the same lines; who does not reads the rows at its own pace, and holds up nobody.
 */
export function followLogs(
  deps: FollowDeps,
  deploymentId: string,
  options: FollowLogsOptions,
): AsyncGenerator<LogEvent, void, void> {
  return leavable((leaving) =>
    following(deps, deploymentId, (follower) => logEvents(deps, follower, { deploymentId, leaving, ...options })),
  );
}

async function* logEvents(
  { prisma }: FollowDeps,
  follower: DeploymentFollower,
  { deploymentId, after, filter, deliver, leaving }: FollowLogsOptions & { deploymentId: string; leaving: Leaving },
): AsyncGenerator<LogEvent, void, void> {
  const filterKey = JSON.stringify(filter ?? null);
  const historyEnd = follower.view.lastSeq;
  let cursor = after;

  async function readPiece(end: number): Promise<Piece<LogLine>> {
    const before = Math.min(end, follower.lines.start, filter ? Infinity : cursor + ROWS_PER_PIECE_MAX) + 1;
    const range = { after: cursor, before, limit: ROWS_PER_PIECE_MAX };
    return follower.readOnce(`${cursor}-${before}${filterKey}`, async () => {
      const rows = await readLogLines(prisma, deploymentId, range, filter);
      const last = rows.length < range.limit ? before - 1 : rows.at(-1)!.seq;
      return { after: range.after, rows, cursor: last, derived: new Map() };
    });
  }

  /** Goes past a piece. Answers what must be waited for, or given out, before the next one. */
  function take(piece: Piece<LogLine>, end: number): Underway | null {
    const history = piece.cursor <= historyEnd;
    const batch = derive(piece, `${history}${filterKey}`, (): LogBatch => {
      const lines = filter ? piece.rows.filter((line) => matchesLogFilter(line, filter)) : piece.rows;
      return { kind: 'batch', lines, cursor: piece.cursor, history };
    });
    // A filter may drop much: then only how far it is counts.
    const isWorthIt = batch.lines.length > 0 || batch.cursor >= end;
    const isDelivered = !isWorthIt || (deliver?.(batch) ?? false);
    cursor = batch.cursor;
    return isDelivered === true ? null : { batch, isDelivered };
  }

  let underway: Underway | null = null;

  /** Delivers what has just come, as far as that needs no waiting. False: it did not get to the end of it. */
  function deliverAtOnce(): boolean {
    const { view, lines } = follower;
    while (!leaving.hasLeft && underway === null && cursor < view.lastSeq) {
      const piece = lines.pieceAfter(cursor);
      if (piece === null) return false;
      underway = take(piece, view.lastSeq);
    }
    return !leaving.hasLeft && underway === null && !isTerminal(view.status);
  }

  for (;;) {
    const view = follower.view;
    while (underway !== null || cursor < view.lastSeq) {
      underway ??= take(follower.lines.pieceAfter(cursor) ?? (await readPiece(view.lastSeq)), view.lastSeq);
      if (underway === null) continue;
      const { batch, isDelivered }: Underway = underway;
      underway = null;
      if (!(await isDelivered)) yield batch;
      if (leaving.hasLeft) return;
    }
    // The status and the last seq come from one row, and nothing is appended to a terminal one.
    if (isTerminal(view.status)) {
      yield endOf(view);
      return;
    }
    if (!(await untilChange(follower, view, leaving, deliver && deliverAtOnce))) return;
  }
}

const ends = new WeakMap<DeploymentView, LogEvent>();

/** The same object for everybody. */
function endOf(view: DeploymentView): LogEvent {
  const { status, lastSeq } = view;
  const end = ends.get(view) ?? { kind: 'end', status, cursor: lastSeq, lineCount: lastSeq };
  ends.set(view, end);
  return end;
}

/**
 * Every transition of a deployment after one seq, exactly once and in order. Ends once the deployment has ended and all
 * of them were given.
 */
export function followEvents(
  deps: FollowDeps,
  deploymentId: string,
  after: number,
): AsyncGenerator<DeploymentEvent, void, void> {
  return leavable((leaving) =>
    following(deps, deploymentId, async function* (follower) {
      let cursor = after;
      for (;;) {
        const view = follower.view;
        while (cursor < view.stateVersion) {
          const piece = follower.events.pieceAfter(cursor);
          const range = { after: cursor, before: follower.events.start + 1, limit: ROWS_PER_PIECE_MAX };
          const events = piece?.rows ?? (await readDeploymentEvents(deps.prisma, deploymentId, range));
          const isWhole = piece === null && events.length < range.limit;
          cursor = piece?.cursor ?? (isWhole ? range.before - 1 : events.at(-1)!.seq);
          yield* events;
        }
        if (isTerminal(view.status)) return;
        if (!(await untilChange(follower, view, leaving))) return;
      }
    }),
  );
}

/** The state version of a deployment now and after every change; several changes may be merged. Ends after the terminal one. */
export function followState(deps: FollowDeps, deploymentId: string): AsyncGenerator<number, void, void> {
  return leavable((leaving) =>
    following(deps, deploymentId, async function* (follower) {
      let seen = 0;
      for (;;) {
        const view = follower.view;
        if (view.stateVersion > seen) {
          seen = view.stateVersion;
          yield seen;
        }
        if (isTerminal(view.status)) return;
        if (!(await untilChange(follower, view, leaving))) return;
      }
    }),
  );
}

async function* following<T>(
  { followers }: FollowDeps,
  deploymentId: string,
  run: (follower: DeploymentFollower) => AsyncGenerator<T, void, void>,
): AsyncGenerator<T, void, void> {
  const follower = await followers.acquire(deploymentId);
  try {
    yield* run(follower);
  } finally {
    followers.release(deploymentId);
  }
}

/**
 * Resolves when the view is no more what was seen, or the reader has left: then with false. A change that `dealWith`
 * answers with true is dealt with, and the next one is waited for.
 */
async function untilChange(
  follower: DeploymentFollower,
  seen: DeploymentView,
  leaving: Leaving,
  dealWith: () => boolean = () => false,
): Promise<boolean> {
  if (follower.view !== seen) return !leaving.hasLeft;
  return leaving.wait((resolve) => {
    const listener = () => {
      if (isDealtWith(dealWith)) follower.onChange(listener);
      else resolve();
    };
    follower.onChange(listener);
    return () => follower.offChange(listener);
  });
}

/** Whoever fails here fails again where he waits, and nobody else with him. */
function isDealtWith(dealWith: () => boolean): boolean {
  try {
    return dealWith();
  } catch {
    return false;
  }
}
