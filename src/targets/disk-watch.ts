import { lstat, opendir, statfs } from 'node:fs/promises';
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

/** What was too much. */
export type DiskProblem = 'bytes' | 'entries' | 'free';

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
    const used = { bytes: 0, entries: 0 };
    for (const folder of folders) await count(folder, used, limits, signal);
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

async function count(
  folder: string,
  used: { bytes: number; entries: number },
  limits: DiskLimits,
  signal: AbortSignal,
): Promise<void> {
  const entries = await opendir(folder).catch(() => null); // Gone since we looked.
  if (entries === null) return;
  for await (const entry of entries) {
    if (signal.aborted || used.bytes > limits.bytesMax || used.entries > limits.entriesMax) return;
    used.entries += 1;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await count(path, used, limits, signal);
    else used.bytes += ((await lstat(path).catch(() => null))?.blocks ?? 0) * 512;
  }
}
