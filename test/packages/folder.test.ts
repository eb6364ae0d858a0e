import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { createFolderStore } from '../../src/packages/folder.ts';
import { PackageTooLargeError } from '../../src/packages/store.ts';
import { createFolder } from '../kit/folder.ts';
import { until } from '../kit/until.ts';

const KEY = 'packages/ver_1.tar.gz';
const PLENTY = { bytesMax: 1_000_000 };

/** Every file of a folder; empty folders do not count. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

/** A stream that its test ends, breaks or leaves open. */
function openStream(): Readable {
  return new Readable({ read() {} });
}

test('an object is stored under its key, with its length and its SHA-256', async () => {
  using folder = createFolder();
  const content = randomBytes(300_000);
  const pieces = [content.subarray(0, 1), content.subarray(1, 100_000), content.subarray(100_000)];

  const stored = await createFolderStore(folder.path).put(KEY, Readable.from(pieces), PLENTY);

  expect(stored).toEqual({ bytes: 300_000, sha256: createHash('sha256').update(content).digest('hex') });
  expect(filesOf(folder.path)).toEqual([KEY]);
  expect(readFileSync(join(folder.path, KEY)).equals(content)).toBe(true);
});

test('an object is read as it was stored, also by a store that is opened later', async () => {
  using folder = createFolder();
  await createFolderStore(folder.path).put(KEY, Readable.from([Buffer.from('content')]), PLENTY);

  const later = createFolderStore(folder.path);

  expect(await later.has(KEY)).toBe(true);
  expect(await buffer(later.open(KEY))).toEqual(Buffer.from('content'));
});

test('an empty object is an object', async () => {
  using folder = createFolder();
  const store = createFolderStore(folder.path);

  const stored = await store.put(KEY, Readable.from([]), { bytesMax: 0 });

  expect(stored).toEqual({ bytes: 0, sha256: createHash('sha256').digest('hex') });
  expect(await store.has(KEY)).toBe(true);
});

test('an object is not there before its last byte has come', async () => {
  using folder = createFolder();
  const store = createFolderStore(folder.path);
  const source = openStream();
  const stored = store.put(KEY, source, PLENTY);
  source.push('first half, ');
  await until('the first half is written', () => filesOf(folder.path).length > 0);

  const before = await store.has(KEY);
  source.push('second half');
  source.push(null);
  await stored;

  expect(before).toBe(false);
  expect(await buffer(store.open(KEY))).toEqual(Buffer.from('first half, second half'));
});

test('of two objects under one key the later one stays, whole', async () => {
  using folder = createFolder();
  const store = createFolderStore(folder.path);
  const [slow, fast] = [openStream(), openStream()];
  const puts = [store.put(KEY, slow, PLENTY), store.put(KEY, fast, PLENTY)];
  slow.push('slow ');
  fast.push('fast');

  fast.push(null);
  await puts[1];
  const between = await buffer(store.open(KEY));
  slow.push('slow');
  slow.push(null);
  await puts[0];

  expect(between).toEqual(Buffer.from('fast'));
  expect(await buffer(store.open(KEY))).toEqual(Buffer.from('slow slow'));
  expect(filesOf(folder.path)).toEqual([KEY]);
});

test('an object of exactly the limit is stored', async () => {
  using folder = createFolder();

  const stored = await createFolderStore(folder.path).put(KEY, Readable.from([Buffer.alloc(10)]), { bytesMax: 10 });

  expect(stored.bytes).toBe(10);
});

test('an object over the limit is refused at the first byte too many, and nothing of it is kept', async () => {
  using folder = createFolder();
  const store = createFolderStore(folder.path);
  const source = openStream();
  source.push(Buffer.alloc(11));

  const stored = store.put(KEY, source, { bytesMax: 10 });

  await expect(stored).rejects.toThrow(new PackageTooLargeError(10));
  expect(source.destroyed).toBe(true);
  expect(filesOf(folder.path)).toEqual([]);
});

test('a stream that breaks fails with its error and leaves nothing', async () => {
  using folder = createFolder();
  const store = createFolderStore(folder.path);
  const source = openStream();
  const stored = store.put(KEY, source, PLENTY);
  source.push('half');
  await until('the half is written', () => filesOf(folder.path).length > 0);

  source.destroy(new Error('the peer is gone'));

  await expect(stored).rejects.toThrow('the peer is gone');
  expect(filesOf(folder.path)).toEqual([]);
});

test('a stream that breaks before it is read fails with its error and leaves nothing', async () => {
  using folder = createFolder();
  const source = openStream();
  const stored = createFolderStore(folder.path).put(KEY, source, PLENTY);

  source.destroy(new Error('the peer is gone'));

  await expect(stored).rejects.toThrow('the peer is gone');
  expect(filesOf(folder.path)).toEqual([]);
});

test('an abort ends a stream that goes on, and leaves nothing', async () => {
  using folder = createFolder();
  const store = createFolderStore(folder.path);
  const source = openStream();
  const abort = new AbortController();
  const stored = store.put(KEY, source, { ...PLENTY, signal: abort.signal });
  source.push('half');
  await until('the half is written', () => filesOf(folder.path).length > 0);

  abort.abort(new Error('cancelled'));
  source.push('more');

  await expect(stored).rejects.toThrow('cancelled');
  expect(source.destroyed).toBe(true);
  expect(filesOf(folder.path)).toEqual([]);
});

test('an object that is replaced in vain stays as it was', async () => {
  using folder = createFolder();
  const store = createFolderStore(folder.path);
  await store.put(KEY, Readable.from([Buffer.from('good')]), PLENTY);

  const replaced = store.put(KEY, Readable.from([Buffer.from('longer')]), { bytesMax: 4 });

  await expect(replaced).rejects.toBeInstanceOf(PackageTooLargeError);
  expect(await buffer(store.open(KEY))).toEqual(Buffer.from('good'));
});

test('an object that cannot take its place leaves nothing behind', async () => {
  using folder = createFolder();
  mkdirSync(join(folder.path, KEY, 'in the way'), { recursive: true });

  const stored = createFolderStore(folder.path).put(KEY, Readable.from([Buffer.from('x')]), PLENTY);

  await expect(stored).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
  expect(filesOf(folder.path)).toEqual([]);
});

test('a removed object is gone, and removing it again is no error', async () => {
  using folder = createFolder();
  const store = createFolderStore(folder.path);
  await store.put(KEY, Readable.from([Buffer.from('x')]), PLENTY);
  await store.put('packages/other', Readable.from([Buffer.from('y')]), PLENTY);

  await store.remove(KEY);
  await store.remove(KEY);

  expect(await store.has(KEY)).toBe(false);
  expect(filesOf(folder.path)).toEqual(['packages/other']);
});

test('what is not there is not had, and opens as a stream that fails', async () => {
  using folder = createFolder();
  const store = createFolderStore(join(folder.path, 'not', 'made', 'yet'));

  expect(await store.has(KEY)).toBe(false);
  await expect(buffer(store.open(KEY))).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(store.remove(KEY)).resolves.toBeUndefined();
});

test.each([
  '',
  'packages',
  'packages/',
  '/packages/a',
  '../packages/a',
  'packages/../a',
  'packages/..',
  'packages/.',
  'packages/a/b',
  'packages/a b',
  'packages/a\n',
  'packages/a\0',
  'packages\\a',
  'Packages/a',
  'packages//a',
  'unfinished/a',
])('the key %j is refused by everything', async (key) => {
  using folder = createFolder();
  const store = createFolderStore(join(folder.path, 'store'));
  const refusal = `Not a key of the package store: ${JSON.stringify(key)}.`;

  await expect(store.put(key, Readable.from([Buffer.from('x')]), PLENTY)).rejects.toThrow(refusal);
  await expect(store.has(key)).rejects.toThrow(refusal);
  await expect(store.remove(key)).rejects.toThrow(refusal);
  expect(() => store.open(key)).toThrow(refusal);
  expect(readdirSync(folder.path)).toEqual([]);
});
