import { randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createKeyRing, KEY_BYTES, type KeyRing } from '../domain/sealing.ts';

export class SecretKeyError extends Error {
  override readonly name = 'SecretKeyError';
}

/**
 * The keys that seal what apps keep secret: those that are given, else those in the file, one a line. A file that does
 * not exist is made, with one new key. The first key seals, the others only open.
 */
export async function loadKeyRing({ keys, file }: { keys: string | null; file: string }): Promise<KeyRing> {
  const text = keys ?? (await readOrMake(file));
  const source = keys === null ? file : 'WINDLASS_SECRET_KEY';
  const found = text.split(/[\s,]+/).filter((part) => part !== '');
  const parsed = found.map(parseKey);
  if (parsed.length === 0 || parsed.includes(null)) {
    throw new SecretKeyError(`${source} must hold keys of ${KEY_BYTES} bytes, each in base64 or hexadecimal.`);
  }
  return createKeyRing(parsed as Buffer[]);
}

/** A key in base64 or hexadecimal. Null for a text that is none. */
function parseKey(text: string): Buffer | null {
  const key = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  return key.length === KEY_BYTES && /^[\w+/=-]+$/.test(text) ? key : null;
}

/** Processes that start together make one key: the file appears whole, and the first one stays. */
async function readOrMake(file: string): Promise<string> {
  const known = await readIfThere(file);
  if (known !== null) return known;
  await mkdir(dirname(file), { recursive: true });
  const unfinished = `${file}.${randomUUID()}`;
  const handle = await open(unfinished, 'wx', 0o600);
  try {
    await handle.writeFile(`${randomBytes(KEY_BYTES).toString('base64')}\n`);
    await handle.sync();
    await link(unfinished, file).catch(allowExisting);
  } finally {
    await handle.close();
    await rm(unfinished, { force: true });
  }
  return readFile(file, 'utf8');
}

async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function allowExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
