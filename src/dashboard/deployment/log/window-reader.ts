import { ApiError } from '../../../client/api.ts';
import type { LineCache } from './line-cache.ts';
import type { LineWindow, LogSource } from './log-source.ts';
import type { MatchIndex } from './match-index.ts';
import { createReadPace } from './read-pace.ts';
import { indexNotLess, isAmong } from './sorted.ts';

/** Lines of a window that is read. */
const WINDOW_LINES = 200;
const READS_MAX = 3;

export interface WindowReader {
  /** Says which lines are looked at: what is missing of them is read. Only the last call counts. */
  look(seqs: readonly number[]): void;
  stop(): void;
}

/** Where lines can be: among all up to the last one, or among those that a filter lets pass. */
interface Places {
  readonly lastSeq: number;
  readonly shown: MatchIndex | null;
}

interface WindowReaderOptions {
  readonly source: Pick<LogSource, 'readLines'>;
  readonly cache: LineCache;
  places(): Places;
  /** The cache has more lines. */
  onRead(): void;
  onError(error: unknown): void;
}

/** Reads the lines that are looked at into a cache: few windows at a time, at a pace that the API takes. */
export function createWindowReader({ source, cache, places, onRead, onError }: WindowReaderOptions): WindowReader {
  const pace = createReadPace();
  const reading: LineWindow[] = [];
  let looked: readonly number[] = [];
  let isStopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const isMissing = (seq: number) =>
    !cache.has(seq) && !reading.some(({ after, before }) => seq > after && seq < before);

  function readMissing(): void {
    clearTimeout(timer);
    while (reading.length < READS_MAX && !isStopped) {
      const window = windowAround(looked.filter(isMissing), places(), cache);
      if (!window) return;
      const waitMs = pace.take(performance.now());
      if (waitMs > 0) {
        timer = setTimeout(readMissing, waitMs);
        return;
      }
      reading.push(window);
      read(window).catch((error: unknown) => {
        if (isStopped) return;
        stop();
        onError(error);
      });
    }
  }

  async function read(window: LineWindow): Promise<void> {
    const lines = await source.readLines(window);
    reading.splice(reading.indexOf(window), 1);
    if (isStopped) return;
    if (lines.length === 0) throw new ApiError('NOT_FOUND', 'A part of the log is not there any more.');
    cache.add(lines);
    onRead();
    readMissing();
  }

  function stop(): void {
    isStopped = true;
    clearTimeout(timer);
  }

  return {
    look(seqs) {
      looked = seqs;
      readMissing();
    },
    stop,
  };
}

/** A window with the missing lines, and as many of those around them as fit and are not there either. */
export function windowAround(
  missing: readonly number[],
  { lastSeq, shown }: Places,
  cache: Pick<LineCache, 'has'>,
): LineWindow | null {
  // What was looked at last may be no place any more.
  const wanted = shown ? missing.filter((seq) => isAmong(shown.seqs, seq)) : missing;
  if (wanted.length === 0) return null;
  const seqOf = (rank: number) => (shown ? (shown.seqs[rank] ?? 0) : rank + 1);
  const rankOf = (seq: number) => (shown ? indexNotLess(shown.seqs, seq) : seq - 1);
  const first = rankOf(Math.min(...wanted));
  const count = Math.min(WINDOW_LINES, rankOf(Math.max(...wanted)) - first + 1);
  const spare = WINDOW_LINES - count;
  const isKnownBefore = cache.has(seqOf(first - 1));
  const isKnownAfter = cache.has(seqOf(first + count));
  const start = Math.max(0, first - (isKnownBefore ? 0 : isKnownAfter ? spare : Math.floor(spare / 2)));
  const end = Math.min(start + WINDOW_LINES, shown ? shown.seqs.length : lastSeq);
  const range = { after: seqOf(start) - 1, before: seqOf(end - 1) + 1, first: WINDOW_LINES };
  return shown ? { ...range, filter: shown.filter } : range;
}
