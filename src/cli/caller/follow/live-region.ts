/** Of DEC and ECMA-48, as every terminal has them. The only place that moves a cursor. */
const HIDE_CURSOR = '\u001B[?25l';
const SHOW_CURSOR = '\u001B[?25h';
const ERASE_BELOW = '\r\u001B[J';
const CLIP = '\u001B[?7l';
const WRAP = '\u001B[?7h';

/** The lowest line of a terminal, drawn anew again and again, with lines that stay above it. */
export interface LiveRegion {
  /** Writes lines above. */
  print(lines: readonly string[]): void;
  draw(line: string | null): void;
  /** Leaves the terminal as it was. Again, it changes nothing. */
  close(): void;
}

/**
 * Whatever its user makes of the size of the terminal, what is erased is the lowest line and nothing above it. Terminals
 * differ in what becomes of a line that is wider than they are now: most wrap it, some cut it off, some wrap all lines but
 * the one with the cursor. So its rows are never counted: the cursor rests before its first character, which every
 * terminal keeps there. Nor does the line wrap while it is drawn, which is when the size may not be known yet.
 */
export function openLiveRegion(terminal: NodeJS.WritableStream): LiveRegion {
  let shown: string | null = null;
  let isOpen = true;
  const erase = () => (shown === null ? '' : ERASE_BELOW);
  const drawn = () => (shown === null ? '' : `${CLIP}${shown}${WRAP}\r`);
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    terminal.write(erase() + SHOW_CURSOR);
    shown = null;
    process.removeListener('exit', close);
  };
  terminal.write(HIDE_CURSOR);
  // Whatever way the process ends by itself: a cursor that stays hidden is the user's to mend.
  process.on('exit', close);
  return {
    print(lines) {
      const text = lines.map((line) => `${line}\n`).join('');
      terminal.write(isOpen ? erase() + text + drawn() : text);
    },
    draw(line) {
      if (!isOpen) return;
      const erased = erase();
      shown = line;
      terminal.write(erased + drawn());
    },
    close,
  };
}

/** A pseudo-terminal whose size nobody has set has none. */
export function columnsOf({ columns }: NodeJS.WriteStream): number {
  return columns > 0 ? columns : 80;
}
