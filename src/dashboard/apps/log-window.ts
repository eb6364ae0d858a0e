/** A place where lines are missing, because they are not kept any more. */
export interface Gap {
  readonly dropped: number;
  /** Of the line after it. */
  readonly seq: number;
}

export type LogEntry<Line> = Line | Gap;

/** The part of a log that is held: its newest lines, and as many before them as were asked for. */
export interface LogWindow<Line> {
  readonly entries: readonly LogEntry<Line>[];
  /** How many entries were put before the first ones, less those that were let go there: so far has moved what is seen. */
  readonly front: number;
  /** Whether there are lines before those that are held. */
  readonly hasEarlier: boolean;
}

/** Some lines as they come, and how many before them are gone. */
export interface LogBatch<Line> {
  readonly lines: readonly Line[];
  readonly dropped: number;
  /** The last line that was looked at. */
  readonly cursor: string;
}

export const EMPTY_WINDOW: LogWindow<never> = { entries: [], front: 0, hasEarlier: false };

export function isGap(entry: object): entry is Gap {
  return 'dropped' in entry;
}

/** The window with what came. Of more than `entriesMax` entries, the oldest are let go. */
export function withBatches<Line extends { readonly seq: number }>(
  { entries, front, hasEarlier }: LogWindow<Line>,
  batches: readonly LogBatch<Line>[],
  entriesMax: number,
): LogWindow<Line> {
  const all: LogEntry<Line>[] = [...entries];
  for (const { lines, dropped, cursor } of batches) {
    // Before the first line that is held, nothing is missing.
    if (dropped > 0 && all.length > 0) all.push({ dropped, seq: lines[0]?.seq ?? Number(cursor) + 1 });
    for (const line of lines) all.push(line);
  }
  const excess = Math.max(0, all.length - entriesMax);
  return {
    entries: excess > 0 ? all.slice(excess) : all,
    front: front - excess,
    hasEarlier: hasEarlier || excess > 0,
  };
}

/** The window with what was printed before it. */
export function withEarlier<Line>(
  { entries, front }: LogWindow<Line>,
  lines: readonly Line[],
  hasEarlier: boolean,
): LogWindow<Line> {
  return { entries: [...lines, ...entries], front: front + lines.length, hasEarlier };
}
