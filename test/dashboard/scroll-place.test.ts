import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  elementPx,
  placeAfterScroll,
  placeAt,
  SCROLL_START,
  topMax,
  type ScrollPlace,
} from '../../src/dashboard/deployment/log/scroll-place.ts';

const SHORT = { totalPx: 4_000_000, viewportPx: 600 };
const LONG = { totalPx: 200_000_000, viewportPx: 600 };

/** As a browser does it: it scrolls as far as the element goes. */
function scrollBy(place: ScrollPlace, px: number, size: typeof LONG): ScrollPlace {
  const elementMax = elementPx(size) - size.viewportPx;
  return placeAfterScroll(place, Math.min(Math.max(0, place.elementTop + px), elementMax), size);
}

test('rows that fit into an element are where the browser is', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: topMax(SHORT) }), fc.integer({ min: 0, max: topMax(SHORT) }), (from, to) => {
      expect(placeAt(from, SHORT)).toEqual({ top: from, elementTop: from });
      expect(placeAfterScroll(placeAt(from, SHORT), to, SHORT)).toEqual({ top: to, elementTop: to });
    }),
  );
});

test('no element is higher than a browser can draw, and both its ends are those of the rows', () => {
  expect(elementPx(LONG)).toBe(8_000_000);
  expect(placeAt(Infinity, LONG)).toEqual({ top: topMax(LONG), elementTop: 8_000_000 - 600 });
  expect(placeAt(-1, LONG)).toEqual(SCROLL_START);
});

test('a step moves the rows by as many pixels, wherever one is', () => {
  fc.assert(
    fc.property(fc.integer({ min: 3_000, max: 199_990_000 }), fc.integer({ min: -1_000, max: 1_000 }), (top, step) => {
      const place = placeAt(top, LONG);

      expect(scrollBy(place, step, LONG).top).toBe(place.top + step);
    }),
  );
});

test('a leap of the scroll bar goes to the same share of the rows', () => {
  const half = placeAfterScroll(SCROLL_START, (8_000_000 - 600) / 2, LONG);

  expect(half.top).toBe(topMax(LONG) / 2);
});

test('a leap and back is where one was', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: topMax(LONG) }), (top) => {
      const { elementTop } = placeAt(top, LONG);
      const far = elementTop > 4_000_000 ? SCROLL_START : placeAt(Infinity, LONG);

      const back = placeAfterScroll(far, elementTop, LONG);

      // A pixel of the element is about 28 of the rows here.
      expect(Math.abs(back.top - top)).toBeLessThan(15);
    }),
  );
});

test('steps alone reach both ends, also where the element ends before', () => {
  let place: ScrollPlace = { top: 5_000, elementTop: 20 };
  for (let step = 0; step < 60 && place.top > 0; step += 1) place = scrollBy(place, -100, LONG);
  expect(place).toEqual(SCROLL_START);

  place = { top: topMax(LONG) - 5_000, elementTop: elementPx(LONG) - 620 };
  for (let step = 0; step < 60 && place.top < topMax(LONG); step += 1) place = scrollBy(place, 100, LONG);
  expect(place).toEqual(placeAt(Infinity, LONG));
});
