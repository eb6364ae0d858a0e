import type { Line } from './log-filter.ts';

export interface LineCache {
  /** A line that is kept; it is then the last to go. */
  get(seq: number): Line | undefined;
  has(seq: number): boolean;
  add(lines: readonly Line[]): void;
  readonly size: number;
}

/** Lines by number, so many and so long that the page stays small: those that were not looked at for longest go first. */
export function createLineCache({ linesMax = 20_000, charactersMax = 8_000_000 } = {}): LineCache {
  // A map keeps the order in which its keys came.
  const lines = new Map<number, Line>();
  let characters = 0;

  function put(line: Line): void {
    const before = lines.get(line.seq);
    if (before) characters -= before.message.length;
    lines.delete(line.seq);
    lines.set(line.seq, line);
    characters += line.message.length;
  }

  function trim(): void {
    for (const [seq, line] of lines) {
      if (lines.size <= linesMax && characters <= charactersMax) return;
      lines.delete(seq);
      characters -= line.message.length;
    }
  }

  return {
    get(seq) {
      const line = lines.get(seq);
      if (line) put(line);
      return line;
    },
    has: (seq) => lines.has(seq),
    add(more) {
      for (const line of more) put(line);
      trim();
    },
    get size() {
      return lines.size;
    },
  };
}
