/** Browsers draw nothing, or all in one place, far below this: Firefox from 17.8 million pixels on, Chromium 33.5 million. */
const ELEMENT_PX_MAX = 8_000_000;
/** So near to an end, each pixel of the element is one of the rows: a step must not be cut off before the end is reached. */
const EDGE_PX = 500_000;

/** What is scrolled: all its rows, and how much of them is seen. */
export interface ScrollSize {
  readonly totalPx: number;
  readonly viewportPx: number;
}

/**
 * Where one is in rows that may be higher than an element can be. `elementTop` is where the browser is, `top` where one
 * is in the rows. The two are the same as long as the rows fit.
 */
export interface ScrollPlace {
  readonly top: number;
  readonly elementTop: number;
}

export const SCROLL_START: ScrollPlace = { top: 0, elementTop: 0 };

export function elementPx({ totalPx }: ScrollSize): number {
  return Math.min(totalPx, ELEMENT_PX_MAX);
}

export function topMax({ totalPx, viewportPx }: ScrollSize): number {
  return Math.max(0, totalPx - viewportPx);
}

/** The place at a distance from the top of the rows, with the scroll bar where about that share of them is. */
export function placeAt(top: number, size: ScrollSize): ScrollPlace {
  const max = topMax(size);
  const inside = Math.min(Math.max(0, top), max);
  return { top: inside, elementTop: Math.round(scale(inside, max, elementMax(size))) };
}

/**
 * The place after the browser has scrolled. A step moves the rows by as many pixels; a leap, such as that of the scroll
 * bar, to the same share of them. After steps to an end of the element, the place that comes out is not where the browser
 * is: it must be moved there, so that one can go on.
 */
export function placeAfterScroll(before: ScrollPlace, elementTop: number, size: ScrollSize): ScrollPlace {
  const max = topMax(size);
  const bottom = elementMax(size);
  const step = elementTop - before.elementTop;
  const isLeap = max === bottom || Math.abs(step) > 2 * size.viewportPx;
  if (isLeap) return { top: Math.round(Math.min(Math.max(0, scale(elementTop, bottom, max)), max)), elementTop };
  const top = Math.min(Math.max(0, before.top + step), max);
  const isAtEnd = elementTop <= 0 || elementTop >= bottom;
  return isAtEnd ? placeAt(top, size) : { top, elementTop };
}

function elementMax(size: ScrollSize): number {
  return Math.max(0, elementPx(size) - size.viewportPx);
}

/** From one length to another: the same near both ends, and the same share of what lies between. */
function scale(at: number, from: number, to: number): number {
  if (from === to || at <= EDGE_PX) return at;
  if (from - at <= EDGE_PX) return to - (from - at);
  return EDGE_PX + ((at - EDGE_PX) / (from - 2 * EDGE_PX)) * (to - 2 * EDGE_PX);
}
