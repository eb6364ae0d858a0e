import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RowHeights } from '../../src/dashboard/deployment/log/row-heights.ts';

const LINE_PX = 20;
const measured = fc.array(fc.tuple(fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: 20, max: 400 })), {
  maxLength: 200,
});

function heightsOf(sizes: readonly (readonly [row: number, px: number])[]) {
  const heights = new RowHeights(LINE_PX);
  const naive = Array.from({ length: 4_000 }, () => LINE_PX);
  for (const [row, px] of sizes) {
    heights.set(row, px);
    naive[row] = px;
  }
  const starts = [0];
  for (const px of naive) starts.push(starts.at(-1)! + px);
  return { heights, naive, starts };
}

test('a row begins where the heights of all rows before it end', () => {
  fc.assert(
    fc.property(measured, fc.integer({ min: 0, max: 3_999 }), (sizes, row) => {
      const { heights, naive, starts } = heightsOf(sizes);

      expect(heights.offsetOf(row)).toBe(starts[row]);
      expect(heights.heightOf(row)).toBe(naive[row]);
    }),
  );
});

test('the row at an offset is the one that begins there or reaches over it', () => {
  fc.assert(
    fc.property(
      measured,
      fc.integer({ min: 0, max: 3_999 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (sizes, row, share) => {
        const { heights, naive, starts } = heightsOf(sizes);

        expect(heights.rowAt(starts[row]! + share * naive[row]!)).toBe(row);
      },
    ),
  );
});

test('a row that is as high as it was thought changes nothing', () => {
  const heights = new RowHeights(LINE_PX);

  expect([heights.set(7, 20), heights.set(7, 40), heights.set(7, 40), heights.set(7, 20)]).toEqual([
    false,
    true,
    false,
    true,
  ]);
  expect(heights.offsetOf(1_000)).toBe(20_000);
});

test('the ends of ten million rows are found', () => {
  const heights = new RowHeights(LINE_PX);
  heights.set(9_999_000, 36);

  expect(heights.offsetOf(10_000_000)).toBe(200_000_016);
  expect(heights.rowAt(200_000_015)).toBe(9_999_999);
});
