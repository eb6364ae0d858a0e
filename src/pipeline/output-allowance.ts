import type { StoredOutput } from '../store/logs.ts';

/** What the row of a line and its entry in the index take beside its text: 160 bytes in PostgreSQL 15, measured. */
export const ROW_BYTES = 160;

/** How much of the output of a deployment's commands may still be stored. What Windlass itself says does not count. */
export interface OutputAllowance {
  /** Whether nothing more is stored, and whether that was said. */
  hasEnded(): boolean;
  /** Answers whether there is room for a line; the first one without room ends it. */
  take(message: string): boolean;
}

/** `stored` is what workers before this one stored. */
export function createOutputAllowance(bytesMax: number, stored: StoredOutput): OutputAllowance {
  let bytes = stored.textBytes + stored.lines * ROW_BYTES;
  let hasEnded = stored.isTruncated;
  return {
    hasEnded: () => hasEnded,
    take(message) {
      bytes += Buffer.byteLength(message) + ROW_BYTES;
      hasEnded = bytes > bytesMax;
      return !hasEnded;
    },
  };
}
