import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { LineSplitter, type OutputLine } from './lines.ts';
import { spawnGroup, terminateGroup, type Startable } from './process-group.ts';

export type OutputHandler = (stream: 'stdout' | 'stderr', lines: readonly OutputLine[]) => void | Promise<void>;

export interface ExecOptions {
  readonly cwd: string;
  /** All of the command's environment: nothing of ours leaks into it. */
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly killGraceMs: number;
  /** By which another process finds what this one left running. Default: one of its own. */
  readonly marker?: string;
  /** Output waits in the pipe, and the command with it, until the handler is done. */
  readonly onOutput: OutputHandler;
}

export interface ExecResult {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * Runs a command to its end in a process group of its own. When the signal aborts, the whole group is terminated
 * and this throws the signal's reason. However it ends, everything the command started is gone when this settles.
 */
export async function exec(command: Startable, options: ExecOptions): Promise<ExecResult> {
  options.signal.throwIfAborted();
  const { marker = randomUUID() } = options;
  const child = spawnGroup(command, { ...options, marker, stdio: ['ignore', 'pipe', 'pipe'] });
  const leader = child.pid;
  if (leader === undefined) {
    const [error] = await once(child, 'error');
    throw error;
  }
  const output = readOutput(child, options.onOutput);

  const onAbort = () => void terminateGroup({ leader, marker }, options.killGraceMs);
  options.signal.addEventListener('abort', onAbort, { once: true });
  try {
    const [exitCode, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    // What the command left in the background would hold the pipes open, or go on after a cancel.
    await terminateGroup({ leader, marker }, options.killGraceMs);
    await untilRead(output, child, options.killGraceMs);
    options.signal.throwIfAborted();
    return { exitCode, signal };
  } finally {
    options.signal.removeEventListener('abort', onAbort);
  }
}

/**
 * Waits for the end of the output. What got rid of its group and of the marker may hold a pipe open for ever: once it has
 * been silent for the grace, nobody waits for it any more.
 */
async function untilRead(output: OutputReader, { stdout, stderr }: ChildProcess, graceMs: number): Promise<void> {
  let isCut = false;
  const timer = setInterval(() => {
    if (output.isBusy() || Date.now() - output.lastReadAt() < graceMs) return;
    isCut = true;
    stdout?.destroy();
    stderr?.destroy();
  }, graceMs);
  try {
    await output.done;
  } catch (error) {
    if (!isCut) throw error;
  } finally {
    clearInterval(timer);
  }
}

interface OutputReader {
  readonly done: Promise<unknown>;
  /** Whether a handler has not taken yet what was read. */
  isBusy(): boolean;
  lastReadAt(): number;
}

function readOutput({ stdout, stderr }: ChildProcess, onOutput: OutputHandler): OutputReader {
  let handling = 0;
  let readAt = Date.now();
  const handle = async (stream: 'stdout' | 'stderr', lines: readonly OutputLine[]) => {
    readAt = Date.now();
    handling += 1;
    await onOutput(stream, lines);
    handling -= 1;
    readAt = Date.now();
  };
  const done = Promise.all([
    readLines(stdout!, (lines) => handle('stdout', lines)),
    readLines(stderr!, (lines) => handle('stderr', lines)),
  ]);
  done.catch(() => {}); // Awaited later; a failure must not be called unhandled until then.
  return { done, isBusy: () => handling > 0, lastReadAt: () => readAt };
}

async function readLines(stream: Readable, onLines: (lines: OutputLine[]) => Promise<void>): Promise<void> {
  const splitter = new LineSplitter();
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const lines = splitter.push(chunk);
    if (lines.length > 0) await onLines(lines);
  }
  const last = splitter.end();
  if (last.length > 0) await onLines(last);
}
