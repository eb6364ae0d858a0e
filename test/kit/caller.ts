import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createFolder } from './folder.ts';
import { createRequire } from 'node:module';
import type { Files, Member } from './seed.ts';
import type { Plane } from './plane.ts';
import { createScreen, DEFAULT_SIZE, inTerminal, resizeTerminal, type Size } from './terminal.ts';
import { until } from './until.ts';

export interface Ended {
  readonly code: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command line as its user calls it: a process of its own, with an environment and folders of its own. */
interface CallerProcess {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  untilOutput(pattern: RegExp): Promise<unknown>;
  /** What is on its screen, if it has one. */
  screen(): Promise<string>;
  untilScreen(pattern: RegExp): Promise<unknown>;
  resize(size: Size): void;
  ended(): Promise<Ended>;
}

interface CallOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Another program than Windlass, in the same place. */
  readonly program?: readonly string[];
  /** In a terminal of its own: everything comes on standard output then. */
  readonly terminal?: boolean;
  /** Of the terminal: whether it wraps lines anew when it is resized. */
  readonly reflows?: boolean;
}

/** A user in front of a shell: a home and a project of his own, signed in as a member by the environment. */
export interface CallerKit extends Disposable {
  /** The project folder that commands run in. */
  readonly folder: string;
  readonly configHome: string;
  start(args: readonly string[], options?: CallOptions): CallerProcess;
  run(args: readonly string[], options?: CallOptions): Promise<Ended>;
}

const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
export const PROGRAM: readonly string[] = [process.execPath, '--import', TSX, join(process.cwd(), 'src', 'main.ts')];

/** The files are texts. */
export function createCaller(
  plane: Pick<Plane, 'url'>,
  member: Pick<Member, 'token'> | null,
  files: Files = {},
): CallerKit {
  const folder = createFolder();
  const home = createFolder();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder.path, name), content as string);
  let count = 0;
  const identity: Record<string, string> = member ? { WINDLASS_URL: plane.url, WINDLASS_TOKEN: member.token } : {};

  function start(
    args: readonly string[],
    { env = {}, input, terminal, reflows, program = PROGRAM }: CallOptions = {},
  ): CallerProcess {
    const command = [...program, ...args];
    const deviceFile = join(home.path, `terminal-${(count += 1)}`);
    const [file, ...rest] = terminal ? inTerminal(command, DEFAULT_SIZE, deviceFile) : command;
    const screen = terminal ? createScreen(DEFAULT_SIZE, { reflows }) : null;
    const child = spawn(file!, rest, {
      cwd: folder.path,
      env: { PATH: process.env['PATH'] ?? '', HOME: home.path, TERM: 'xterm-256color', ...identity, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    if (!terminal || input !== undefined) child.stdin.end(input ?? '');
    let [stdout, stderr] = ['', ''];
    // Whole characters, wherever a chunk ends.
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
      screen?.write(chunk);
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
    const close = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    const untilIn = (what: string, read: () => string | Promise<string>, pattern: RegExp) =>
      until(
        `${what} ${pattern}`,
        async () => {
          if (pattern.test(await read())) return true;
          if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode}:\n${stdout}${stderr}`);
          return false;
        },
        60_000,
      ).catch(async (cause: unknown) => {
        throw new Error(`${(cause as Error).message}\n${await read()}`, { cause });
      });
    return {
      child,
      stdout: () => stdout,
      stderr: () => stderr,
      untilOutput: (pattern) => untilIn('it prints', () => stdout + stderr, pattern),
      screen: () => screen!.text(),
      untilScreen: (pattern) => untilIn('its screen shows', () => screen!.text(), pattern),
      resize(size) {
        // As a terminal does it: first itself, then those who run in it hear of it.
        screen!.resize(size);
        resizeTerminal(deviceFile, size);
      },
      async ended() {
        const [code, signal] = await close;
        return { code: code ?? signal!, stdout, stderr };
      },
    };
  }

  return {
    folder: folder.path,
    configHome: join(home.path, '.config'),
    start,
    run: (args, options) => start(args, options).ended(),
    [Symbol.dispose]() {
      folder[Symbol.dispose]();
      home[Symbol.dispose]();
    },
  };
}
