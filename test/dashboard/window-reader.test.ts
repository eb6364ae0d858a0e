import { expect, test } from 'vitest';
import type { MatchIndex } from '../../src/dashboard/deployment/log/match-index.ts';
import { windowAround } from '../../src/dashboard/deployment/log/window-reader.ts';

const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_unused, index) => first + index);
const holding = (first: number, last: number) => ({ has: (seq: number) => seq >= first && seq <= last });
const NOTHING = holding(0, -1);
const all = { lastSeq: 10_000, shown: null };

test.each([
  ['after a leap, on both sides', range(5_001, 5_100), NOTHING, { after: 4_950, before: 5_151 }],
  [
    'down, where the lines above are there',
    range(5_001, 5_040),
    holding(4_000, 5_000),
    { after: 5_000, before: 5_201 },
  ],
  ['up, where the lines below are there', range(5_001, 5_040), holding(5_041, 6_000), { after: 4_840, before: 5_041 }],
  ['at the first line', range(1, 40), NOTHING, { after: 0, before: 201 }],
  ['to the last line', range(9_990, 10_000), NOTHING, { after: 9_895, before: 10_001 }],
  ['no further than a window is long', [10, 900], NOTHING, { after: 9, before: 210 }],
])('a window reaches %s', (_where, missing, cache, expected) => {
  expect(windowAround(missing, all, cache)).toEqual({ ...expected, first: 200 });
});

test('with a filter, a window is of lines that it lets pass', () => {
  const seqs = range(1, 1_000).map((tenth) => tenth * 10);
  const filter = { minLevel: 'WARN' } as const;
  const shown: MatchIndex = { filter, seqs, cursor: 10_000, isComplete: true, take() {}, stop() {} };

  expect(windowAround([5_000, 5_010], { ...all, shown }, NOTHING)).toEqual({
    after: 4_009,
    before: 6_001,
    first: 200,
    filter,
  });
  expect(windowAround([5_001, 5_002], { ...all, shown }, NOTHING)).toBeNull();
});

test('nothing is read when nothing is missing', () => {
  expect(windowAround([], all, NOTHING)).toBeNull();
});
