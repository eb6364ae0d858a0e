import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { createKeyRing, KEY_BYTES, SealError } from '../../src/domain/sealing.ts';

const newKey = () => randomBytes(KEY_BYTES);

test('what a ring sealed it opens again, and two seals of one text differ', () => {
  const ring = createKeyRing([newKey()]);

  const [first, second] = [ring.seal('päss\nword', 'app/A'), ring.seal('päss\nword', 'app/A')];

  expect([ring.open(first, 'app/A'), ring.open(second, 'app/A')]).toEqual(['päss\nword', 'päss\nword']);
  expect(Buffer.from(first).equals(second)).toBe(false);
  expect(Buffer.from(first).toString('latin1')).not.toContain('word');
});

test('the first key seals, and what an older key sealed opens as long as the ring has it', () => {
  const [old, young] = [newKey(), newKey()];
  const sealed = createKeyRing([old]).seal('secret', 'a');
  const ring = createKeyRing([young, old]);

  expect(ring.open(sealed, 'a')).toBe('secret');
  expect(createKeyRing([young]).open(ring.seal('secret', 'a'), 'a')).toBe('secret');
  expect(() => createKeyRing([young]).open(sealed, 'a')).toThrow(SealError);
});

test('what was sealed for one owner does not open for another', () => {
  const ring = createKeyRing([newKey()]);

  expect(() => ring.open(ring.seal('secret', 'a'), 'b')).toThrow(SealError);
});

test('no byte of what was sealed can be changed, and nothing cut off', () => {
  const ring = createKeyRing([newKey()]);
  const sealed = ring.seal('secret', 'a');

  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Uint8Array.from(sealed);
    changed[at]! ^= 1;
    expect(() => ring.open(changed, 'a'), `byte ${at}`).toThrow(SealError);
    expect(() => ring.open(sealed.subarray(0, at), 'a'), `${at} bytes`).toThrow(SealError);
  }
});

test('a fingerprint tells texts apart, and there is one under each key, the first first', () => {
  const [old, young] = [newKey(), newKey()];
  const [before] = createKeyRing([old]).fingerprints('a');
  const ring = createKeyRing([young, old]);

  expect(ring.fingerprints('a')).toEqual([createKeyRing([young]).fingerprints('a')[0], before]);
  expect(ring.fingerprints('a')).not.toEqual(ring.fingerprints('b'));
  expect(ring.fingerprints('a')[0]).not.toBe(before);
});
