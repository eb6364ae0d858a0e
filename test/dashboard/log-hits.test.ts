import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hitsWithin } from '../../src/dashboard/deployment/log/log-hits.ts';

const SECTIONS = [
  { firstSeq: 11, lastSeq: 20 },
  { firstSeq: 31, lastSeq: 40 },
];
const isShown = (seq: number) => (seq >= 11 && seq <= 20) || (seq >= 31 && seq <= 40);
const seqs = fc.uniqueArray(fc.integer({ min: 1, max: 50 })).map((some) => some.toSorted((a, b) => a - b));

test('hits are counted and numbered among the sections that are shown', () => {
  fc.assert(
    fc.property(seqs, (all) => {
      const shown = all.filter(isShown);
      const hits = hitsWithin(SECTIONS, all);

      expect(hits.count).toBe(shown.length);
      for (let seq = 1; seq <= 50; seq += 1) expect(hits.rankOf(seq)).toBe(shown.indexOf(seq) + 1);
    }),
  );
});

test('a step goes to the next hit or the one before, from any line, and around the ends', () => {
  fc.assert(
    fc.property(seqs, fc.integer({ min: 0, max: 51 }), (all, from) => {
      const shown = all.filter(isShown);
      const hits = hitsWithin(SECTIONS, all);

      expect(hits.step(from, 1)).toBe(shown.find((seq) => seq > from) ?? shown[0] ?? null);
      expect(hits.step(from, -1)).toBe(shown.findLast((seq) => seq < from) ?? shown.at(-1) ?? null);
    }),
  );
});
