import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { PackageTooLargeError, type PackageStore } from './store.ts';

const KEY = /^(?!unfinished\/)[a-z]+\/[A-Za-z0-9_-][A-Za-z0-9_.-]*$/;

/** Packages and artifacts as files of one folder. */
export function createFolderStore(folder: string): PackageStore {
  const fileOf = (key: string) => {
    if (!KEY.test(key)) throw new Error(`Not a key of the package store: ${JSON.stringify(key)}.`);
    return join(folder, key);
  };
  return {
    async put(key, source, { bytesMax, signal }) {
      const file = fileOf(key);
      const unfinished = join(folder, 'unfinished', randomUUID());
      source.on('error', () => {}); // It may fail before it is read, and then fails the reading.
      await Promise.all([dirname(file), dirname(unfinished)].map((path) => mkdir(path, { recursive: true })));
      try {
        const stored = await writeDurably(unfinished, source, bytesMax, signal);
        await rename(unfinished, file);
        return stored;
      } finally {
        await rm(unfinished, { force: true });
      }
    },
    open: (key) => createReadStream(fileOf(key)),
    async has(key) {
      return access(fileOf(key)).then(
        () => true,
        () => false,
      );
    },
    async remove(key) {
      await rm(fileOf(key), { force: true });
    },
  };
}

async function writeDurably(file: string, source: Readable, bytesMax: number, signal: AbortSignal | undefined) {
  const hash = createHash('sha256');
  let bytes = 0;
  const handle = await open(file, 'wx');
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      bytes += chunk.length;
      if (bytes > bytesMax) throw new PackageTooLargeError(bytesMax);
      hash.update(chunk);
      await handle.writeFile(chunk);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { bytes, sha256: hash.digest('hex') };
}
