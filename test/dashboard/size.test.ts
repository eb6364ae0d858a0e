import { expect, test } from 'vitest';
import { sizeText } from '../../src/dashboard/elements/size.ts';

test.each([
  [0, '0 B'],
  [812, '812 B'],
  [1_023, '1023 B'],
  [1_024, '1.0 KiB'],
  [9.94 * 1_024, '9.9 KiB'],
  [9.96 * 1_024, '10 KiB'],
  [1_023.6 * 1_024, '1.0 MiB'],
  [64 * 1_024 ** 2, '64 MiB'],
  [5_000 * 1_024 ** 4, '5000 TiB'],
])('%d bytes are told as %s', (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});
