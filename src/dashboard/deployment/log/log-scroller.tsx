import {
  useCallback,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type ReactNode,
  type RefObject,
} from 'react';
import { flushSync } from 'react-dom';
import type { LogRows, Row } from './log-rows.ts';
import { RowHeights } from './row-heights.ts';
import { elementPx, placeAfterScroll, placeAt, SCROLL_START, topMax, type ScrollPlace } from './scroll-place.ts';
import classes from './log-viewer.module.css';

const LINE_PX = 20;
const HEAD_PX = 36;
/** So near to the end still counts as at the end. */
const END_SLACK_PX = 2 * LINE_PX;
/** Rows that are drawn beyond what is seen, and those whose lines are read already. */
const DRAWN_BEYOND = 10;
const READ_BEYOND = 40;
/** More than rows are ever drawn: each takes the element of a row that went, which a leap would else make anew. */
const SLOTS = 1_024;

/** Where to scroll to. A new object each time, even to the same line. */
export interface Goal {
  readonly seq: number;
  /** With the lines to this one, as far as there is room for them. */
  readonly lastSeq?: number;
  /** Its section's name is at the top then, else the line is in the middle. */
  readonly isSection?: boolean;
}

interface LogScrollerProps {
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly rows: LogRows;
  /** Changes whenever rows get other places than before; not when rows are added at the end. */
  readonly layout: string;
  readonly isWrapped: boolean;
  readonly goal: Goal | null;
  readonly isFollowing: boolean;
  /** The user has scrolled to the end, or up from it. */
  readonly onFollow: (isFollowing: boolean) => void;
  /** Which lines are seen or soon will be: the first one that is seen is the first of them. */
  readonly onLook: (seqs: readonly number[]) => void;
  readonly drawRow: (row: Row) => ReactNode;
  readonly drawHead: (row: Extract<Row, { kind: 'section' }>) => ReactNode;
}

/**
 * Draws the rows that are seen, of any number. Its own virtual list, since an element can only be so high, a log can be
 * longer, and a log that grows must not cost more the longer it is: a usual list goes through all its rows for each that
 * is added.
 *
 * Whatever else changes, what the user looks at stays where it is: the end while it is followed, the line that was gone
 * to, or else the first line that is seen.
 */
export function LogScroller(props: LogScrollerProps) {
  const { scroller, rows, layout, isWrapped, goal, isFollowing, onFollow, onLook, drawRow, drawHead } = props;
  const list = useRef<HTMLDivElement>(null);
  const viewport = useElementSize(scroller);
  const [place, setPlace] = useState<ScrollPlace>(SCROLL_START);
  const measuredWidth = isWrapped ? viewport.width : 0;
  const layoutKey = `${layout} ${measuredWidth}`;
  const heights = useMemo(() => new RowHeights(LINE_PX), [layoutKey]); // oxlint-disable-line exhaustive-deps -- a new layout has new rows
  for (const { headRow } of rows.sections) heights.set(headRow, HEAD_PX);

  const kept = useRef<Kept>({ layoutKey, goal: null, pinned: null, seq: 0, belowPx: 0 });
  const size = () => ({ totalPx: heights.offsetOf(rows.count), viewportPx: viewport.height });

  /** Answers whether that draws anything else than before. */
  function moveTo(top: number, isMeasured: boolean): boolean {
    const next = placeAt(top, size());
    const element = scroller.current!;
    if (element.scrollTop !== next.elementTop) element.scrollTop = next.elementTop;
    const isMoved = isMeasured || next.top !== place.top || next.elementTop !== place.elementTop;
    if (isMoved) setPlace(next);
    return isMoved;
  }

  useLayoutEffect(() => {
    if (viewport.height === 0 || rows.count === 0) return;
    const keep = kept.current;
    if (keep.layoutKey === layoutKey) {
      keep.seq = seqAt(rows, firstSeen);
      keep.belowPx = place.top - heights.offsetOf(rows.rowOf(keep.seq));
    }
    const isMeasured = isWrapped && measureRows(list.current!, heights);
    const isNewGoal = goal !== null && goal !== keep.goal;
    const isMoved = isMeasured || isNewGoal || keep.layoutKey !== layoutKey;
    if (isNewGoal) {
      keep.pinned = goal;
      scroller.current!.scrollIntoView({ block: 'nearest' });
    }
    keep.goal = goal;
    keep.layoutKey = layoutKey;
    // What is passed on the way is not looked at.
    if ((isFollowing || isMoved) && moveTo(wantedTop(keep), isMeasured)) return;
    onLook(seqsAround(rows, firstSeen, lastSeen));
  });

  function wantedTop({ pinned, seq, belowPx }: Kept): number {
    if (isFollowing) return Infinity;
    return pinned ? topOfGoal(pinned) : heights.offsetOf(rows.rowOf(seq)) + belowPx;
  }

  function topOfGoal({ seq, lastSeq = seq, isSection }: Goal): number {
    const row = rows.rowOf(seq);
    if (isSection) return heights.offsetOf(rows.sectionAt(row)!.headRow);
    const top = heights.offsetOf(row);
    const room = viewport.height - (heights.offsetOf(rows.rowOf(lastSeq) + 1) - top);
    return top - Math.max(room / 2, 2 * HEAD_PX);
  }

  function noteScroll(): void {
    const element = scroller.current!;
    // It was moved from here, or by the browser since there are fewer rows. Where pixels are small, it rounds.
    if (Math.abs(element.scrollTop - place.elementTop) < 1) return;
    kept.current.pinned = null;
    const next = placeAfterScroll(place, element.scrollTop, size());
    if (next.elementTop !== element.scrollTop) element.scrollTop = next.elementTop;
    const isAtEnd = next.top >= topMax(size()) - END_SLACK_PX;
    // At once: a line that comes before the next drawing would pull the user back to the end.
    flushSync(() => {
      if (isAtEnd) onFollow(true);
      else if (next.top < place.top) onFollow(false);
      setPlace(next);
    });
  }

  /** The browser's own keys do the rest. It would scroll to the ends step by step. */
  function noteKey(event: KeyboardEvent): void {
    if (event.target !== event.currentTarget || (event.key !== 'Home' && event.key !== 'End')) return;
    event.preventDefault();
    kept.current.pinned = null;
    onFollow(event.key === 'End');
    moveTo(event.key === 'End' ? Infinity : 0, false);
  }

  const firstSeen = heights.rowAt(place.top);
  const lastSeen = Math.min(rows.count - 1, heights.rowAt(place.top + viewport.height));
  const first = Math.max(0, firstSeen - DRAWN_BEYOND);
  const last = Math.min(rows.count - 1, lastSeen + DRAWN_BEYOND);
  const drawn: { row: number; offset: number }[] = [];
  for (let row = first, offset = heights.offsetOf(first) - place.top + place.elementTop; row <= last; row += 1) {
    drawn.push({ row, offset });
    offset += heights.heightOf(row);
  }

  const head = rows.sectionAt(firstSeen);
  const isHeadAbove = head !== null && heights.offsetOf(head.headRow) < place.top;
  return (
    <div className={classes['frame']}>
      <div
        ref={scroller}
        className={classes['scroller']}
        tabIndex={0}
        role="region"
        aria-label="Log lines"
        onScroll={noteScroll}
        onScrollEnd={() => moveTo(place.top, false)}
        onKeyDown={noteKey}
      >
        <div
          ref={list}
          role="list"
          className={`${classes['lines']} ${isWrapped ? classes['wrapped'] : ''}`}
          style={{ height: elementPx(size()) }}
        >
          {drawn.map(({ row, offset }) => (
            <div
              key={row % SLOTS}
              role="listitem"
              data-row={row}
              className={classes['row']}
              style={{ transform: `translateY(${offset}px)` }}
            >
              {drawRow(rows.at(row)!)}
            </div>
          ))}
        </div>
      </div>
      {isHeadAbove && <div className={classes['sticky']}>{drawHead({ kind: 'section', section: head })}</div>}
    </div>
  );
}

/** What must not move when rows change. */
interface Kept {
  layoutKey: string;
  goal: Goal | null;
  /** The goal, until the user scrolls: rows above it may turn out higher than they were thought. */
  pinned: Goal | null;
  /** The first line that is seen, and how far below its top the view begins. */
  seq: number;
  belowPx: number;
}

/** Answers whether a row is not as high as it was thought. */
function measureRows(list: HTMLElement, heights: RowHeights): boolean {
  let isChanged = false;
  for (const element of list.querySelectorAll<HTMLElement>('[data-row]')) {
    isChanged = heights.set(Number(element.dataset['row']), element.offsetHeight) || isChanged;
  }
  return isChanged;
}

function seqAt(rows: LogRows, index: number): number {
  const row = rows.at(index);
  return row?.kind === 'line' ? row.seq : (row?.section.firstSeq ?? 0);
}

/** Those that are seen first, and then those around. */
function seqsAround(rows: LogRows, first: number, last: number): number[] {
  const seqs: number[] = [];
  const add = (from: number, to: number) => {
    for (let index = from; index <= to; index += 1) {
      const row = rows.at(index);
      if (row?.kind === 'line') seqs.push(row.seq);
    }
  };
  add(first, last);
  add(last + 1, last + READ_BEYOND);
  add(first - READ_BEYOND, first - 1);
  return seqs;
}

function useElementSize(element: RefObject<HTMLElement | null>) {
  const [size, setSize] = useState({ width: 0, height: 0 });
  const measure = useCallback(() => {
    const { clientWidth: width, clientHeight: height } = element.current!;
    setSize((before) => (before.width === width && before.height === height ? before : { width, height }));
  }, [element]);
  useLayoutEffect(() => {
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element.current!);
    return () => observer.disconnect();
  }, [element, measure]);
  return size;
}
