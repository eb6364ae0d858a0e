import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { until } from './until.ts';

/** Windlass as a process of its own, as a user starts it. */
export interface WindlassProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly output: () => string;
  untilOutput(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  exited(): Promise<number | NodeJS.Signals>;
}

const SOURCES = ['--import', 'tsx', 'src/main.ts'];

/** From the sources, unless another program is named: `npm run build` makes one that starts in a third of the time. */
export function startWindlass(
  args: readonly string[],
  env: Record<string, string>,
  program: readonly string[] = SOURCES,
): WindlassProcess {
  const child = spawn(process.execPath, [...program, ...args], {
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? '',
      WINDLASS_PORT: '0',
      WINDLASS_GATEWAY_PORT: '0',
      NO_COLOR: '1',
      // Tests hold builds from outside, and look at what they do.
      WINDLASS_SANDBOX: 'off',
      WINDLASS_RATE_LIMIT: '0',
      WINDLASS_RATE_LIMIT_ANONYMOUS: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const end = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  return {
    child,
    output: () => text,
    untilOutput: (pattern, timeoutMs) =>
      until(
        `it prints ${pattern}`,
        () => {
          const found = pattern.exec(text);
          if (!found && child.exitCode !== null) throw new Error(`It ended with ${child.exitCode}:\n${text}`);
          return found;
        },
        timeoutMs,
      ),
    async exited() {
      const [code, signal] = await end;
      return code ?? signal!;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await end;
    },
  };
}
