import { chmod, opendir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Removes a folder with all that is in it, also where a build took its own user's rights away, as caches of modules do.
 * Nothing may run in it any more. Throws ENAMETOOLONG for what is deeper than a path can say.
 */
export async function removeFolder(folder: string): Promise<void> {
  const remove = () => rm(folder, { recursive: true, force: true, maxRetries: 3 });
  try {
    await remove();
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await openUp(folder);
    await remove();
  }
}

/** Follows no links. What stays closed is told by the removal. */
async function openUp(folder: string): Promise<void> {
  await chmod(folder, 0o700).catch(() => {});
  const entries = await opendir(folder).catch(() => null);
  if (entries === null) return;
  for await (const entry of entries) if (entry.isDirectory()) await openUp(join(folder, entry.name));
}
