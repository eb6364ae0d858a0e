import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';

const environment = z.record(z.string(), z.string());

/**
 * What was provisioned for an app, as its commands and releases find it in their environment. It holds the password of
 * the app's database, so that it lies in a file that only this user may read, and in no row.
 */
export async function loadAppEnvironment(appFolder: string): Promise<Record<string, string>> {
  const text = await readFile(fileOf(appFolder), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  return environment.parse(JSON.parse(text));
}

/** The file is whole or as it was before. */
export async function saveAppEnvironment(appFolder: string, values: Readonly<Record<string, string>>): Promise<void> {
  const file = fileOf(appFolder);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.unfinished`, JSON.stringify(values), { mode: 0o600 });
  await rename(`${file}.unfinished`, file);
}

function fileOf(appFolder: string): string {
  return join(appFolder, 'environment.json');
}
