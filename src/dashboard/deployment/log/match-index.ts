import { matchesFilter, type Line, type LineFilter } from './log-filter.ts';

export interface FoundMatches {
  readonly seqs: readonly number[];
  readonly cursor: number;
  readonly hasMore: boolean;
}

export interface MatchIndex {
  readonly filter: LineFilter;
  /** The numbers of the lines that match, in order. The array is the same one as it grows. */
  readonly seqs: readonly number[];
  /** The last line that was looked at. */
  readonly cursor: number;
  /** Whether all lines that there are were looked at. */
  readonly isComplete: boolean;
  /** A line that came live. */
  take(line: Line): void;
  stop(): void;
}

interface MatchIndexOptions {
  /** Looks through a part of the stored lines after a cursor. */
  read(filter: LineFilter, after: number): Promise<FoundMatches>;
  /** The last line that is known. */
  lastSeq(): number;
  onChange(): void;
  onError(error: unknown): void;
}

/**
 * Which lines a filter lets pass: of the stored ones by the API's word, of those to come by the same rules. Each line is
 * looked at once, in order: live ones are left to the reads until these have caught up.
 */
export function createMatchIndex(
  filter: LineFilter,
  { read, lastSeq, onChange, onError }: MatchIndexOptions,
): MatchIndex {
  const seqs: number[] = [];
  let cursor = 0;
  let isComplete = false;
  let isStopped = false;

  async function readAll(): Promise<void> {
    for (;;) {
      const part = await read(filter, cursor);
      if (isStopped) return;
      for (const seq of part.seqs) seqs.push(seq);
      cursor = part.cursor;
      isComplete = !part.hasMore && cursor >= lastSeq();
      onChange();
      if (isComplete) return;
    }
  }

  readAll().catch((error: unknown) => {
    if (!isStopped) onError(error);
  });
  return {
    filter,
    seqs,
    get cursor() {
      return cursor;
    },
    get isComplete() {
      return isComplete;
    },
    take(line) {
      if (!isComplete || line.seq <= cursor) return;
      cursor = line.seq;
      if (matchesFilter(line, filter)) seqs.push(line.seq);
    },
    stop() {
      isStopped = true;
    },
  };
}
