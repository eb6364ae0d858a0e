import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as Headless from '@xterm/headless';

const { Terminal } = createRequire(import.meta.url)('@xterm/headless') as typeof Headless;

/** What a keyboard sends. */
export const KEYS = { enter: '\r', escape: '\u001B', ctrlC: '\u0003', ctrlU: '\u0015', down: '\u001B[B', tab: '\t' };

/** `script` of util-linux gives a command a real pseudo-terminal, and passes on what it gets itself. */
function hasScript(): boolean {
  const { stdout } = spawnSync('script', ['--version'], { encoding: 'utf8' });
  const isThere = stdout?.includes('util-linux') ?? false;
  if (!isThere) console.error('\n!!! THE TESTS ON A TERMINAL ARE SKIPPED: there is no `script` of util-linux here.\n');
  return isThere;
}

/** False where this machine gives no command a terminal: tests that need one are skipped there. */
export const HAS_TERMINAL = hasScript();

export interface Size {
  readonly columns: number;
  readonly rows: number;
}
export const DEFAULT_SIZE: Size = { columns: 80, rows: 24 };

/** The command that runs another one in a terminal of its own. `deviceFile` gets the name of the terminal. */
export function inTerminal(command: readonly string[], { columns, rows }: Size, deviceFile: string): string[] {
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  return ['script', '-qfec', `tty >${deviceFile}; stty cols ${columns} rows ${rows}; exec ${quoted}`, '/dev/null'];
}

/** Gives the terminal another size; whoever runs in it gets SIGWINCH. */
export function resizeTerminal(deviceFile: string, { columns, rows }: Size): void {
  const device = readFileSync(deviceFile, 'utf8').trim();
  execFileSync('stty', ['-F', device, 'cols', String(columns), 'rows', String(rows)]);
}

/** What somebody in front of a terminal sees. */
export interface Screen extends Disposable {
  write(written: string): void;
  resize(size: Size): void;
  /** All lines, also those that have scrolled by. */
  text(): Promise<string>;
}

/** `reflows` is whether a terminal wraps lines anew that do not fit any more, or cuts them off: there are both. */
export function createScreen({ columns, rows }: Size = DEFAULT_SIZE, { reflows = true } = {}): Screen {
  const terminal = new Terminal({
    cols: columns,
    rows,
    scrollback: 10_000,
    allowProposedApi: true,
    // Only what has the window of Windows before version 21376 does not reflow.
    windowsPty: reflows ? {} : { backend: 'conpty', buildNumber: 19_000 },
  });
  return {
    write: (written) => terminal.write(written),
    resize: (size) => terminal.resize(size.columns, size.rows),
    async text() {
      await new Promise<void>((resolve) => terminal.write('', resolve));
      const { active } = terminal.buffer;
      const lines: string[] = [];
      for (let i = 0; i < active.length; i += 1) {
        const line = active.getLine(i)!;
        const text = line.translateToString(true, 0, terminal.cols);
        if (line.isWrapped) lines.push(lines.pop()! + text);
        else lines.push(text);
      }
      return `${lines
        .map((line) => line.trimEnd())
        .join('\n')
        .trimEnd()}\n`;
    },
    [Symbol.dispose]: () => terminal.dispose(),
  };
}
