import { constants } from 'node:fs';
import { chmod, lstat, open, opendir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface DiskLimits {
  /** Of all files in the folders. */
  readonly bytesMax: number;
  /** Files and folders. */
  readonly entriesMax: number;
  /** What must stay free on the disk, whoever fills it. */
  readonly bytesFree: number;
}

/** What was too much, or that it cannot be told: a folder that cannot be read may hold anything. */
export type DiskProblem = 'bytes' | 'entries' | 'free' | 'hidden';

const FREE_INTERVAL_MS = 250;
/** Counting takes at most a tenth of the time. */
const COUNT_SHARE = 10;
const COUNT_INTERVAL_MS_MIN = 1_000;

/**
 * Looks after what a command writes, and calls back once when it is too much. The free space is looked at four times a
 * second; the folders are counted as often as it takes little time, so that a fast writer gets beyond the limit before it
 * is stopped, but does not fill the disk.
 */
export function watchDisk(
  folders: readonly string[],
  limits: DiskLimits,
  onProblem: (problem: DiskProblem) => void,
): Disposable {
  const over = new AbortController();
  const { signal } = over;
  const report = (problem: DiskProblem) => {
    if (signal.aborted) return;
    over.abort();
    onProblem(problem);
  };
  void repeat(signal, async () => {
    const [folder] = folders;
    const { bavail, bsize } = await statfs(folder!);
    if (bavail * bsize < limits.bytesFree) report('free');
    return FREE_INTERVAL_MS;
  });
  void repeat(signal, async () => {
    const startedAt = Date.now();
    const used: Used = { bytes: 0, entries: 0, isHidden: false };
    for (const folder of folders) await count(folder, used, limits, signal);
    if (used.isHidden) report('hidden');
    if (used.bytes > limits.bytesMax) report('bytes');
    if (used.entries > limits.entriesMax) report('entries');
    return Math.max(COUNT_INTERVAL_MS_MIN, (Date.now() - startedAt) * COUNT_SHARE);
  });
  return { [Symbol.dispose]: () => over.abort() };
}

async function repeat(signal: AbortSignal, look: () => Promise<number>): Promise<void> {
  while (!signal.aborted) {
    // A folder that is gone, or that the next look finds again.
    const waitMs = await look().catch(() => COUNT_INTERVAL_MS_MIN);
    await delay(waitMs, undefined, { signal, ref: false }).catch(() => {}); // It is over.
  }
}

interface Used {
  bytes: number;
  entries: number;
  isHidden: boolean;
}

async function count(folder: string, used: Used, limits: DiskLimits, signal: AbortSignal): Promise<void> {
  // Else it is gone since we looked.
  const orHidden = (error: NodeJS.ErrnoException) => {
    if (HIDING.has(error.code ?? '')) used.isHidden = true;
    return null;
  };
  await openUp(folder).catch(() => {}); // What stays closed is hidden.
  const entries = await opendir(folder).catch(orHidden);
  if (entries === null) return;
  for await (const entry of entries) {
    if (signal.aborted || used.bytes > limits.bytesMax || used.entries > limits.entriesMax) return;
    used.entries += 1;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await count(path, used, limits, signal);
    else used.bytes += ((await lstat(path).catch(orHidden))?.blocks ?? 0) * 512;
  }
}

const HIDING = new Set(['EACCES', 'EPERM', 'ENAMETOOLONG']);
/** Of Linux; Node does not name it. Opens what cannot be read, to be named and nothing else. */
const O_PATH = 0o10000000;
const READABLE = 0o500;

/** Gives the worker back what its own user, as which the command runs, may not read. Root may read everything. */
async function openUp(folder: string): Promise<void> {
  if (process.geteuid?.() === 0 || ((await lstat(folder)).mode & READABLE) === READABLE) return;
  // By descriptor: the command may put a link to something else in the folder's place.
  const handle = await open(folder, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const { mode } = await handle.stat();
    await chmod(`/proc/self/fd/${handle.fd}`, (mode & 0o7777) | READABLE);
  } finally {
    await handle.close();
  }
}
