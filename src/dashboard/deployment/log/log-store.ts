import { ApiError } from '../../../client/api.ts';
import { createLineCache } from './line-cache.ts';
import { isOpenFilter, type Line, type LineFilter } from './log-filter.ts';
import type { LogSource, Section } from './log-source.ts';
import { createMatchIndex, type MatchIndex } from './match-index.ts';
import { createWindowReader } from './window-reader.ts';

/** What is known of a log. Each change makes a new one. */
export interface LogState {
  /** Whether it is known how long the log is. */
  readonly isOpened: boolean;
  readonly sections: readonly Section[];
  readonly lastSeq: number;
  /** The deployment has ended, and this is the whole log. */
  readonly hasEnded: boolean;
  readonly error: ApiError | null;
  /** Which lines are shown. Null: all. */
  readonly shown: MatchIndex | null;
  /** Other lines were chosen to be shown, and are looked for. */
  readonly isChoosing: boolean;
  /** Which of them hold the text that is searched for. Null: nothing is. */
  readonly hits: MatchIndex | null;
}

/**
 * A log of any length, of which a few windows are held: the lines that are looked at are read when they come into view,
 * the end is followed, and what was not looked at for longest is dropped. Lines are numbered without gaps, so each has
 * its place before it is read.
 */
export interface LogStore {
  subscribe(listener: () => void): () => void;
  state(): LogState;
  /** A line, if it is held now. */
  line(seq: number): Line | undefined;
  /** Says which lines are looked at: what is missing of them is read. Only the last call counts. */
  look(seqs: readonly number[]): void;
  /** Which lines are shown, and what is searched for in them. */
  choose(shown: LineFilter, search: LineFilter | null): void;
  /** The shown lines from one to another, read if need be: for copying. */
  read(first: number, last: number): Promise<readonly Line[]>;
  close(): void;
}

interface LogStoreOptions {
  readonly source: LogSource;
  /** Calls soon, and not for each change. Default: before the next frame is drawn. */
  readonly schedule?: (show: () => void) => void;
  readonly linesMax?: number;
}

/** Of the end, at first: a screen and what is read beyond it. */
const FIRST_LINES = 100;
const COPY_LINES = 1_000;
/** No view shows more. */
const VIEW_LINES = 200;

const NOTHING: LogState = {
  isOpened: false,
  sections: [],
  lastSeq: 0,
  hasEnded: false,
  error: null,
  shown: null,
  isChoosing: false,
  hits: null,
};

export function createLogStore({ source, schedule = requestAnimationFrame, linesMax }: LogStoreOptions): LogStore {
  const cache = createLineCache({ linesMax });
  const reader = createWindowReader({ source, cache, places: () => state, onRead: show, onError: fail });
  const listeners = new Set<() => void>();
  let state = NOTHING;
  let looked: readonly number[] = [];
  /** What is shown next, once it has got to what is looked at: until then what was shown stays. */
  let awaited: MatchIndex | null = null;
  let isScheduled = false;
  let isClosed = false;

  function change(next: Partial<LogState> = {}): void {
    if (isClosed) return;
    state = { ...state, ...next };
    if (isScheduled) return;
    isScheduled = true;
    schedule(() => {
      isScheduled = false;
      for (const listener of listeners) listener();
    });
  }

  /** At once: somebody waits for it. */
  function show(): void {
    state = { ...state };
    for (const listener of listeners) listener();
  }

  function fail(error: unknown): void {
    change({ error: error instanceof ApiError ? error : new ApiError('INTERNAL', 'The log cannot be shown.') });
  }

  async function openAndFollow(): Promise<void> {
    const { sections, lines } = await source.readOutline(FIRST_LINES);
    if (isClosed) return;
    cache.add(lines);
    const lastSeq = sections.at(-1)?.lastSeq ?? 0;
    change({ isOpened: true, sections, lastSeq });
    for await (const event of source.follow(lastSeq)) {
      if (isClosed) return;
      if (event.__typename === 'DeploymentLogEnd') change({ hasEnded: true });
      else append(event.lines);
    }
  }

  function append(lines: readonly Line[]): void {
    const fresh = lines.filter(({ seq }) => seq > state.lastSeq);
    if (fresh.length === 0) return;
    cache.add(fresh);
    for (const line of fresh) {
      for (const index of new Set([awaited, state.shown, state.hits])) index?.take(line);
    }
    change({ lastSeq: fresh.at(-1)!.seq, sections: extend(state.sections, fresh) });
  }

  /** An index that is there already, or a new one. */
  function indexOf(filter: LineFilter | null, known: readonly (MatchIndex | null)[]): MatchIndex | null {
    if (!filter || isOpenFilter(filter)) return null;
    const key = JSON.stringify(filter);
    const same = known.find((index) => index && JSON.stringify(index.filter) === key);
    const options = { read: source.readMatches, lastSeq: () => state.lastSeq, onChange: showAwaited, onError: fail };
    return same ?? createMatchIndex(filter, options);
  }

  function showAwaited(): void {
    const isThere = awaited && (awaited.isComplete || awaited.cursor > Math.max(...looked.slice(0, VIEW_LINES)));
    if (isThere) {
      change({ shown: awaited, isChoosing: false });
      awaited = null;
    } else change();
  }

  openAndFollow().catch(fail);
  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    state: () => state,
    line: cache.get,
    look(seqs) {
      looked = seqs;
      reader.look(seqs);
    },
    choose(shown, search) {
      const before = [awaited, state.shown, state.hits];
      const next = indexOf(shown, before);
      const hits = indexOf(search, [next, ...before]);
      awaited = next && next !== state.shown ? next : null;
      const now = { shown: awaited ? state.shown : next, hits };
      for (const index of before) if (![awaited, now.shown, hits].includes(index)) index?.stop();
      change({ ...now, isChoosing: awaited !== null });
      if (awaited) showAwaited();
    },
    async read(first, last) {
      const lines: Line[] = [];
      for (let after = first - 1; after < last; after = lines.at(-1)!.seq) {
        const filter = state.shown?.filter;
        const part = await source.readLines({ after, before: last + 1, first: COPY_LINES, filter });
        if (part.length === 0) break;
        for (const line of part) lines.push(line);
        if (part.length < COPY_LINES) break;
      }
      return lines;
    },
    close() {
      isClosed = true;
      reader.stop();
      for (const index of [awaited, state.shown, state.hits]) index?.stop();
    },
  };
}

/** The sections with the lines that follow them. */
function extend(sections: readonly Section[], lines: readonly Line[]): readonly Section[] {
  const all = [...sections];
  for (const { seq, phase = null, attempt } of lines) {
    const last = all.at(-1);
    const isSame = last && (last.phase ?? null) === phase && last.attempt === attempt;
    if (isSame) all[all.length - 1] = { ...last, lastSeq: seq };
    else all.push({ phase, attempt, firstSeq: seq, lastSeq: seq });
  }
  return all;
}
