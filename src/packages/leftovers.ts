import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Files of the folder store that nothing has written to for so long, by their keys: `packages/…`, `unfinished/…`. */
export async function findQuietFiles(
  folder: string,
  kind: 'packages' | 'unfinished',
  quietMs: number,
): Promise<string[]> {
  const names = await readdir(join(folder, kind)).catch(() => []); // None yet.
  const quiet: string[] = [];
  for (const name of names) {
    const found = await stat(join(folder, kind, name)).catch(() => null); // Gone since we looked.
    if (found?.isFile() && Date.now() - found.mtimeMs > quietMs) quiet.push(`${kind}/${name}`);
  }
  return quiet;
}

export async function removeFiles(folder: string, keys: readonly string[]): Promise<void> {
  for (const key of keys) await rm(join(folder, key), { force: true });
}
