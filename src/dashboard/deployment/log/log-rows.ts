import type { PhaseName } from '../../../generated/gql/graphql.ts';
import type { Section } from './log-source.ts';
import { indexNotLess } from './sorted.ts';

/** A section as it is shown: a row with its name, and below it its lines, unless it is folded. */
export interface ShownSection extends Section {
  readonly key: string;
  readonly headRow: number;
  readonly isFolded: boolean;
  /** How many of its lines the filter lets pass. */
  readonly count: number;
}

export type Row =
  | { readonly kind: 'section'; readonly section: ShownSection }
  | { readonly kind: 'line'; readonly seq: number };

/** Where each line of a log is shown. It holds nothing for each line, so that any number of them can be. */
export interface LogRows {
  readonly count: number;
  readonly sections: readonly ShownSection[];
  at(row: number): Row | null;
  /** The section that a row belongs to. */
  sectionAt(row: number): ShownSection | null;
  /** Whether a line is shown, or would be if its section were not folded. */
  has(seq: number): boolean;
  /** The row of a line; where it is not shown, of what stands in its place. */
  rowOf(seq: number): number;
}

interface LogRowsOptions {
  readonly sections: readonly Section[];
  /** The lines that a filter lets pass. Null: all. */
  readonly matches: readonly number[] | null;
  /** Only those of this phase. */
  readonly phase: PhaseName | null;
  /** The keys of the sections whose lines are hidden. */
  readonly folded: ReadonlySet<string>;
}

export function layOutRows({ sections, matches, phase, folded }: LogRowsOptions): LogRows {
  const shown: ShownSection[] = [];
  let count = 0;
  for (const section of sections) {
    if (phase && section.phase !== phase) continue;
    const lines = countIn(section, matches);
    if (lines === 0) continue;
    const key = keyOf(section);
    const isFolded = folded.has(key);
    shown.push({ ...section, key, headRow: count, isFolded, count: lines });
    count += 1 + (isFolded ? 0 : lines);
  }

  const sectionAt = (row: number) => shown.findLast(({ headRow }) => headRow <= row) ?? null;
  const sectionOf = (seq: number) => shown.find(({ firstSeq, lastSeq }) => seq >= firstSeq && seq <= lastSeq) ?? null;
  return {
    count,
    sections: shown,
    sectionAt,
    at(row) {
      const section = row < 0 || row >= count ? null : sectionAt(row);
      if (!section) return null;
      const index = row - section.headRow - 1;
      if (index < 0) return { kind: 'section', section };
      const seq = matches ? matches[indexNotLess(matches, section.firstSeq) + index]! : section.firstSeq + index;
      return { kind: 'line', seq };
    },
    has: (seq) => sectionOf(seq) !== null && (matches === null || matches[indexNotLess(matches, seq)] === seq),
    rowOf(seq) {
      const section = sectionOf(seq) ?? shown.find(({ firstSeq }) => firstSeq > seq);
      if (!section) return Math.max(0, count - 1);
      if (section.isFolded || seq < section.firstSeq) return section.headRow;
      const rank = matches
        ? indexNotLess(matches, seq) - indexNotLess(matches, section.firstSeq)
        : seq - section.firstSeq;
      return section.headRow + 1 + Math.min(rank, section.count - 1);
    },
  };
}

export function keyOf({ phase, attempt }: Pick<Section, 'phase' | 'attempt'>): string {
  return `${phase ?? 'NONE'} ${attempt}`;
}

function countIn({ firstSeq, lastSeq }: Section, matches: readonly number[] | null): number {
  if (!matches) return lastSeq - firstSeq + 1;
  return indexNotLess(matches, lastSeq + 1) - indexNotLess(matches, firstSeq);
}
