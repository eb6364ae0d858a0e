import type { ShownSection } from './log-rows.ts';
import { indexNotLess, isAmong } from './sorted.ts';

/** What a search has found in the sections that are shown. */
export interface Hits {
  readonly count: number;
  /** 1 for the first one. Zero for a line that is none. */
  rankOf(seq: number): number;
  /** The hit after a line, or before it; around the end. Null where there is none. */
  step(seq: number, direction: 1 | -1): number | null;
}

export function hitsWithin(
  sections: readonly Pick<ShownSection, 'firstSeq' | 'lastSeq'>[],
  seqs: readonly number[],
): Hits {
  let count = 0;
  const parts = sections.map(({ firstSeq, lastSeq }) => {
    const start = indexNotLess(seqs, firstSeq);
    const length = indexNotLess(seqs, lastSeq + 1) - start;
    const before = count;
    count += length;
    return { firstSeq, lastSeq, start, length, before };
  });
  const at = (rank: number) => {
    const { start, before } = parts.findLast((part) => part.before < rank && part.length > 0)!;
    return seqs[start + rank - before - 1]!;
  };
  /** How many hits come before a line. */
  const countBefore = (seq: number) => {
    const part = parts.findLast(({ firstSeq }) => firstSeq <= seq);
    if (!part) return 0;
    return part.before + Math.min(part.length, indexNotLess(seqs, seq) - part.start);
  };
  const rankOf = (seq: number) => {
    const isShown = parts.some(({ firstSeq, lastSeq }) => seq >= firstSeq && seq <= lastSeq);
    return isShown && isAmong(seqs, seq) ? countBefore(seq) + 1 : 0;
  };
  return {
    count,
    rankOf,
    step(seq, direction) {
      if (count === 0) return null;
      const next = direction === 1 ? countBefore(seq + 1) + 1 : countBefore(seq);
      return at(next > count ? 1 : next < 1 ? count : next);
    },
  };
}
