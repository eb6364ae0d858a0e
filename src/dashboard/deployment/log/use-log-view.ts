import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { rangeOf, type LineRange, type LogPlace, type LogQuery } from './log-address.ts';
import { filterOf } from './log-filter.ts';
import { hitsWithin, type Hits } from './log-hits.ts';
import { layOutRows, type LogRows } from './log-rows.ts';
import type { Goal } from './log-scroller.tsx';
import type { Section } from './log-source.ts';
import { useLogAddress } from './use-log-address.ts';
import type { Log } from './use-log.ts';

/** How a log is looked at: which of its lines, from where, and what is looked for in them. */
export interface LogView {
  readonly query: LogQuery;
  choose(change: Partial<LogQuery>): void;
  readonly rows: LogRows;
  /** Which lines are shown: another text whenever rows get other places. */
  readonly layout: string;
  /** The lines to be shown are still being looked for. */
  readonly isReading: boolean;
  fold(key: string): void;
  readonly isFollowing: boolean;
  follow(isFollowing: boolean): void;
  readonly goal: Goal | null;
  look(seqs: readonly number[]): void;
  /** The lines that the address names. */
  readonly chosen: LineRange | null;
  /** Chooses a line, or all from the one before to it. */
  pick(seq: number, isRange: boolean): void;
  unpick(): void;
  /** What the search has found. Null: nothing is searched for. */
  readonly hits: Hits | null;
  /** The hit that one is at. */
  readonly current: number | null;
  step(direction: 1 | -1): void;
}

interface LogViewOptions {
  /** The user has gone to a place in the log by a link. */
  readonly onVisit: () => void;
}

export function useLogView({ store, state }: Log, { onVisit }: LogViewOptions): LogView {
  const { query, place, visit, choose, chooseLines } = useLogAddress();
  const { phase, minLevel, stream, text, isNarrow } = query;
  const [isFollowing, setIsFollowing] = useState(place === null);
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const [goal, setGoal] = useState(() => goalOf(place, state.sections));
  /** The first line that is seen. */
  const seen = useRef(0);

  useEffect(() => {
    const shown = filterOf({ minLevel, stream, text: isNarrow ? text : '' });
    store.choose(shown, text ? filterOf({ minLevel, stream, text }) : null);
  }, [store, minLevel, stream, text, isNarrow]);
  const rows = useMemo(
    () => layOutRows({ sections: state.sections, matches: state.shown?.seqs ?? null, phase, folded }),
    [state, phase, folded],
  );

  /** Unfolds what it is in. */
  const goTo = useCallback(
    (next: Goal) => {
      const section = rows.sections.find(({ firstSeq, lastSeq }) => next.seq >= firstSeq && next.seq <= lastSeq);
      if (section?.isFolded) setFolded((before) => without(before, section.key));
      setIsFollowing(false);
      setGoal(next);
    },
    [rows],
  );
  useVisits(visit, () => {
    // A link that leaves out a filter, too, leads to what is not shown yet.
    const next = goalOf(place, state.sections);
    if (!next) return;
    goTo(next);
    onVisit();
  });

  const hits = useMemo(() => state.hits && hitsWithin(rows.sections, state.hits.seqs), [state, rows]);
  const found = state.hits?.filter.contains === text ? state.hits : null;
  const isFound = found !== null && (found.isComplete || (found.seqs.at(-1) ?? 0) >= seen.current);
  const { current, step } = useHits({
    text,
    hits,
    isFound,
    isPlaced: place !== null,
    seen,
    onStep: (seq) => goTo({ seq }),
  });

  const chosen = place?.kind === 'lines' ? place : null;
  const anchor = useRef<number | null>(null);
  const pick = useCallback(
    (seq: number, isRange: boolean) => {
      anchor.current = isRange ? (anchor.current ?? chosen?.first ?? seq) : seq;
      setIsFollowing(false);
      chooseLines(rangeOf(anchor.current, seq));
    },
    [chosen, chooseLines],
  );

  return {
    query,
    choose,
    rows,
    layout: [phase, JSON.stringify(state.shown?.filter), ...folded].join(),
    isReading: state.isChoosing || state.shown?.isComplete === false,
    fold: useCallback(
      (key: string) => {
        // What was clicked stays where it is, unless lines come.
        setIsFollowing((before) => before && !state.hasEnded);
        setFolded((before) => (before.has(key) ? without(before, key) : new Set([...before, key])));
      },
      [state.hasEnded],
    ),
    isFollowing,
    follow: useCallback((next: boolean) => setIsFollowing(next), []),
    goal,
    look: useCallback(
      (seqs: readonly number[]) => {
        seen.current = seqs[0] ?? 0;
        store.look(seqs);
      },
      [store],
    ),
    chosen,
    pick,
    unpick: () => chooseLines(null),
    hits,
    current,
    step,
  };
}

/** Calls for each visit but the first, with which the view begins. */
function useVisits(visit: number, onVisit: () => void): void {
  const seen = useRef(visit);
  useLayoutEffect(() => {
    if (seen.current === visit) return;
    seen.current = visit;
    onVisit();
  });
}

interface HitsOptions {
  readonly text: string;
  readonly hits: Hits | null;
  /** Whether the first hit below what is seen is known, or that there is none. */
  readonly isFound: boolean;
  /** Whether the address names a place of the log: whoever opens it wants to see that, and not the first hit. */
  readonly isPlaced: boolean;
  readonly seen: { readonly current: number };
  readonly onStep: (seq: number) => void;
}

/** The hit that one is at: for a new text, the first one below what is seen. */
function useHits({ text, hits, isFound, isPlaced, seen, onStep }: HitsOptions) {
  const [current, setCurrent] = useState<number | null>(null);
  const searched = useRef('');
  const isOpening = useRef(isPlaced && text !== '');
  function stepFrom(from: number, direction: 1 | -1): void {
    const next = hits?.step(from, direction) ?? null;
    setCurrent(next);
    if (next !== null && !isOpening.current) onStep(next);
    isOpening.current = false;
  }
  useEffect(() => {
    if (text === searched.current || (text && !isFound)) return;
    searched.current = text;
    stepFrom(seen.current - 1, 1);
  });
  return { current, step: (direction: 1 | -1) => stepFrom(current ?? seen.current - direction, direction) };
}

/** Where an address points to, as far as there is such a place yet. */
function goalOf(place: LogPlace | null, sections: readonly Section[]): Goal | null {
  if (place?.kind === 'lines') return { seq: place.first, lastSeq: place.last };
  const section = place && sections.find(({ phase }) => phase === place.phase);
  return section ? { seq: section.firstSeq, isSection: true } : null;
}

function without(keys: ReadonlySet<string>, key: string): ReadonlySet<string> {
  return new Set([...keys].filter((each) => each !== key));
}
