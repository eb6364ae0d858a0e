import { randomUUID } from 'node:crypto';
import { chmod, opendir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** What a removal fails with that a second one, after `makeReachable`, does not. */
const UNREACHABLE = new Set(['EACCES', 'EPERM', 'ENAMETOOLONG']);
/** Below the folder. Together with its own path it must stay below the 4096 bytes that a path may have. */
const DEPTH_BYTES_MAX = 1_024;

/**
 * Removes a folder with all that is in it, also where a build took its own user's rights away, as caches of modules do,
 * and where it made folders in folders until no path reaches them any more. Nothing may run in it any more.
 */
export async function removeFolder(folder: string): Promise<void> {
  const remove = () => rm(folder, { recursive: true, force: true, maxRetries: 3 });
  try {
    await remove();
  } catch (error) {
    if (!UNREACHABLE.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await makeReachable(folder);
    await remove();
  }
}

/** Opens what is closed, and moves what is deep up to the folder itself. What cannot be helped is told by the removal. */
async function makeReachable(folder: string): Promise<void> {
  const waiting = [folder];
  for (let top = waiting.pop(); top !== undefined; top = waiting.pop()) await openUp(top, top);

  /** Follows no links. */
  async function openUp(path: string, top: string): Promise<void> {
    await chmod(path, 0o700).catch(() => {});
    const entries = await opendir(path).catch(() => null);
    if (entries === null) return;
    for await (const entry of entries) {
      if (!entry.isDirectory()) continue;
      const inside = join(path, entry.name);
      if (Buffer.byteLength(inside) - Buffer.byteLength(top) <= DEPTH_BYTES_MAX) await openUp(inside, top);
      else await moveUp(inside);
    }
  }

  async function moveUp(path: string): Promise<void> {
    const moved = join(folder, randomUUID());
    // A folder that is moved is written to, since its `..` changes.
    await chmod(path, 0o700).catch(() => {});
    await rename(path, moved).then(
      () => waiting.push(moved),
      () => {},
    );
  }
}
