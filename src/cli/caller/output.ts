import { createColors } from 'picocolors';
import type { CallerEnvironment } from './environment.ts';

type Colours = ReturnType<typeof createColors>;

/** Standard output carries results alone, so that a pipe gets nothing else; standard error carries all other words. */
export interface Output {
  readonly json: boolean;
  readonly quiet: boolean;
  /** For standard error. */
  readonly colours: Colours;
  /** For standard output. */
  readonly resultColours: Colours;
  /** Standard error is a terminal whose lines may be drawn anew. */
  readonly isLive: boolean;
  /** Standard output is a terminal: tables are for people. */
  readonly isTable: boolean;
  /** Somebody is there to answer. */
  readonly canAsk: boolean;
  readonly terminal: NodeJS.WriteStream;
  result(line: string): void;
  /** Not with `--quiet`. */
  say(line: string): void;
  /** Also with `--quiet`. */
  warn(line: string): void;
}

export function createOutput(
  { isCi, isDumb, colours }: CallerEnvironment,
  { json = false, quiet = false }: { json?: boolean; quiet?: boolean },
): Output {
  const { stdin, stdout, stderr } = process;
  const isColoured = (stream: NodeJS.WriteStream) => (stream.isTTY ? (colours ?? !isDumb) : false);
  return {
    json,
    quiet,
    colours: createColors(isColoured(stderr)),
    resultColours: createColors(isColoured(stdout)),
    isLive: stderr.isTTY && !isCi && !isDumb,
    isTable: stdout.isTTY && !json,
    canAsk: stdin.isTTY && stderr.isTTY && !isCi,
    terminal: stderr,
    result: (line) => void stdout.write(`${line}\n`),
    say: (line) => void (quiet || stderr.write(`${line}\n`)),
    warn: (line) => void stderr.write(`${line}\n`),
  };
}

/** `1.2s`, `3m04s`, `1h02m`. */
export function durationText(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '';
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1_000);
  const two = (value: number) => String(value).padStart(2, '0');
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  return `${Math.floor(seconds / 3_600)}h${two(Math.floor((seconds % 3_600) / 60))}m`;
}
