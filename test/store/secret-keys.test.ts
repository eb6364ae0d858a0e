import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadKeyRing, SecretKeyError } from '../../src/store/secret-keys.ts';
import { createFolder } from '../kit/folder.ts';

test('processes that start together make one key, in a file that only its owner reads', async () => {
  using folder = createFolder();
  const file = join(folder.path, 'data', 'secret.key');

  const rings = await Promise.all(Array.from({ length: 8 }, () => loadKeyRing({ keys: null, file })));

  const sealed = rings[0]!.seal('secret', 'a');
  expect(rings.map((ring) => ring.open(sealed, 'a'))).toEqual(Array(8).fill('secret'));
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(folder.path, 'data'))).toEqual(['secret.key']);
});

test('a file may hold several keys, in base64 or hexadecimal, and the first one seals', async () => {
  using folder = createFolder();
  const file = join(folder.path, 'keys');
  const [young, old] = [randomBytes(32), randomBytes(32)];
  writeFileSync(file, `${young.toString('base64url')}\n\n${old.toString('hex')}\n`);

  const ring = await loadKeyRing({ keys: null, file });

  const before = (await loadKeyRing({ keys: old.toString('base64'), file: '' })).seal('secret', 'a');
  expect(ring.open(before, 'a')).toBe('secret');
  const after = await loadKeyRing({ keys: young.toString('hex'), file: '' });
  expect(after.open(ring.seal('secret', 'a'), 'a')).toBe('secret');
});

test.each(['', 'short', `${'0'.repeat(64)} none`, '0'.repeat(66)])(
  'a file with %j is refused, without a word of what it holds',
  async (text) => {
    using folder = createFolder();
    const file = join(folder.path, 'keys');
    writeFileSync(file, text);

    await expect(loadKeyRing({ keys: null, file })).rejects.toThrow(
      new SecretKeyError(`${file} must hold keys of 32 bytes, each in base64 or hexadecimal.`),
    );
    expect(readFileSync(file, 'utf8')).toBe(text);
  },
);
