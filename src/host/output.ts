import { execFile } from 'node:child_process';
import { mkdirSync, openSync, watch, type FSWatcher } from 'node:fs';
import { open, readdir, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { NewRuntimeLine, RuntimeLogWriter } from '../store/runtime-logs.ts';
import { LineSplitter, type OutputLine } from '../targets/lines.ts';
import type { Mask } from '../targets/masking.ts';

/*
 * A release's processes write to files, not to pipes: they outlive the host agent, and a full disk of logs or an agent
 * that is away must not stop them. What was read from a file into the app's log is freed again.
 */

const STREAMS = ['stdout', 'stderr'] as const;
type Stream = (typeof STREAMS)[number];

const CHUNK_BYTES = 128 * 1024;
/** Longer than this without a newline, and what there is counts as a line. */
const UNFINISHED_BYTES_MAX = 1024 * 1024;
/** An app that prints more than this in a second is read more slowly than it prints. */
const BYTES_PER_SECOND_MAX = 8 * 1024 * 1024;
/** More than this unread, and the oldest of it is skipped: so much of the disk an app can fill at most. */
const UNREAD_BYTES_MAX = 64 * 1024 * 1024;
const FREE_BYTES = 4 * 1024 * 1024;
const BLOCK_BYTES = 4096;
const LOOK_AGAIN_MS = 1_000;
const NEWLINE = 0x0a;

export interface OutputTarget {
  readonly log: RuntimeLogWriter;
  readonly deploymentId: string;
  readonly mask: Mask;
  /** After lines were stored. */
  onStored(): void;
  /** What could not be done; it is tried again. */
  onProblem(error: unknown): void;
}

/** The output files of one start of a release. What is in them is not masked yet. */
export function openOutput(folder: string, releaseId: string) {
  mkdirSync(folder, { recursive: true });
  const name = `${releaseId}.${Date.now()}`;
  const [stdout, stderr] = STREAMS.map((stream) => openSync(join(folder, `${name}.${stream}`), 'a', 0o600));
  return { name, stdout: stdout!, stderr: stderr! };
}

/** The starts of a release whose output is not all in the log, oldest first. */
export async function findOutput(folder: string, releaseId: string): Promise<string[]> {
  try {
    const files = await readdir(folder);
    const names = files.filter((file) => file.startsWith(`${releaseId}.`)).map((file) => file.replace(/\.std\w+$/, ''));
    return [...new Set(names)].toSorted();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

export interface OutputCollector {
  /** Called when nothing writes any more: reads the rest, and removes the files. */
  finish(): Promise<void>;
}

/** Stores what one start of a release prints in the app's log: every line once, also over restarts of the agent. */
export function collectOutput(folder: string, name: string, target: OutputTarget): OutputCollector {
  const ended = new AbortController();
  const collecting = STREAMS.map((stream) =>
    collectStream(folder, `${name}.${stream}`, stream, target, ended.signal).catch(target.onProblem),
  );
  return {
    async finish() {
      ended.abort();
      await Promise.all(collecting);
    },
  };
}

async function collectStream(
  folder: string,
  fileName: string,
  stream: Stream,
  target: OutputTarget,
  ended: AbortSignal,
): Promise<void> {
  const path = join(folder, fileName);
  const file = await openIfThere(path);
  if (!file) return;
  const changes = watchFile(path, ended);
  try {
    await readToEnd(file, { path, fileName, stream, target, ended, changes });
  } finally {
    changes.close();
    await file.close();
  }
  await rm(path);
  target.log.forget(fileName);
}

interface Reading {
  readonly path: string;
  readonly fileName: string;
  readonly stream: Stream;
  readonly target: OutputTarget;
  readonly ended: AbortSignal;
  readonly changes: FileChanges;
}

async function readToEnd(file: FileHandle, { path, fileName, stream, target, ended, changes }: Reading): Promise<void> {
  const { log, deploymentId, mask } = target;
  const splitter = new LineSplitter();
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  const pace = createPace();
  let position = log.readTo(fileName);
  let stored = position;
  let freed = position;

  async function store(lines: readonly OutputLine[], readTo: number, from: NewRuntimeLine['stream'] = stream) {
    stored = readTo;
    if (lines.length === 0) return;
    const rows = lines.map(({ message, truncated }): NewRuntimeLine => {
      return { deploymentId, stream: from, message: mask(message, { isCut: truncated }), truncated };
    });
    await storeUntilDone(target, rows, { name: fileName, readTo });
  }

  for (;;) {
    const isLast = ended.aborted;
    const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, position);
    if (bytesRead === 0) {
      if (isLast) break;
      await changes.next();
      continue;
    }
    const chunk = buffer.subarray(0, bytesRead);
    const lines = splitter.push(chunk);
    const newline = chunk.lastIndexOf(NEWLINE);
    let readTo = newline === -1 ? stored : position + newline + 1;
    position += bytesRead;
    if (position - readTo > UNFINISHED_BYTES_MAX) {
      lines.push(...splitter.end());
      readTo = position;
    }
    await store(lines, readTo);
    if (stored - freed >= FREE_BYTES) freed = await freeUpTo(path, stored);
    if (!isLast) await pace(bytesRead, ended);
    const skipped = (await file.stat()).size - UNREAD_BYTES_MAX - position;
    if (skipped > 0) {
      position += skipped;
      const message = `${skipped} bytes of ${stream} were skipped: the app prints faster than can be stored.`;
      await store(splitter.end(), position);
      await store([{ message, truncated: false }], position, 'system');
    }
  }
  await store(splitter.end(), position);
}

/** A full disk, or what else there may be, delays lines but does not lose them. */
async function storeUntilDone(
  { log, onStored, onProblem }: OutputTarget,
  lines: readonly NewRuntimeLine[],
  source: { name: string; readTo: number },
): Promise<void> {
  for (;;) {
    try {
      await log.append(lines, source);
      onStored();
      return;
    } catch (error) {
      onProblem(error);
      await delay(LOOK_AGAIN_MS);
    }
  }
}

/** Resolves at once, or, for whoever was too fast in this second, in the next one. */
function createPace(): (bytes: number, ended: AbortSignal) => Promise<void> {
  let second = 0;
  let bytesInSecond = 0;
  return async (bytes, signal) => {
    const now = Date.now();
    if (now - second >= 1_000) [second, bytesInSecond] = [now, 0];
    bytesInSecond += bytes;
    if (bytesInSecond <= BYTES_PER_SECOND_MAX) return;
    await delay(second + 1_000 - now, undefined, { signal }).catch(() => {}); // Ended: nobody waits for the next second.
  };
}

const run = promisify(execFile);

/**
 * Gives the blocks before a position back to the file system. The file keeps its length, so that no line that is written
 * at that moment can be lost, as with cutting it off. Without `fallocate` the file stays until its process ends.
 */
async function freeUpTo(path: string, position: number): Promise<number> {
  const length = position - (position % BLOCK_BYTES);
  await run('fallocate', ['--punch-hole', '--offset', '0', '--length', String(length), path]).catch(() => {});
  return position;
}

interface FileChanges {
  /** Resolves after a change since it was asked last, or after a second. */
  next(): Promise<void>;
  close(): void;
}

function watchFile(path: string, ended: AbortSignal): FileChanges {
  let hasChanged = true;
  let wake = () => {};
  const note = () => {
    hasChanged = true;
    wake();
  };
  ended.addEventListener('abort', note, { once: true });
  const watcher = tryToWatch(path, note);
  return {
    async next() {
      if (!hasChanged) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, LOOK_AGAIN_MS);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      hasChanged = false;
    },
    close() {
      watcher?.close();
      ended.removeEventListener('abort', note);
    },
  };
}

/** A machine has only so many watches. Without one, a look a second must do. */
function tryToWatch(path: string, onChange: () => void): FSWatcher | null {
  try {
    const watcher = watch(path, onChange);
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return null;
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
