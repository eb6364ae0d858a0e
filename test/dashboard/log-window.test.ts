import { expect, test } from 'vitest';
import { EMPTY_WINDOW, isGap, withBatches, withEarlier, type LogWindow } from '../../src/dashboard/apps/log-window.ts';

interface Line {
  readonly seq: number;
}

test('lines come after those that are held, in order', () => {
  const window = withBatches(windowOf(1, 2), [batch([3, 4]), batch([5])], 10);

  expect(window).toEqual({ entries: lines(1, 2, 3, 4, 5), front: 2, hasEarlier: false });
});

test('where lines are not kept any more, it says how many', () => {
  const window = withBatches(windowOf(1, 2), [batch([90], 87)], 10);

  expect(window.entries).toEqual([...lines(1, 2), { dropped: 87, seq: 90 }, ...lines(90)]);
  expect(window.entries.map(isGap)).toEqual([false, false, true, false]);
});

test('it says so too when the filter left out all that came after them', () => {
  expect(withBatches(windowOf(1), [batch([], 5, '9')], 10).entries).toEqual([...lines(1), { dropped: 5, seq: 10 }]);
});

test('nothing is missing before the first line that is held', () => {
  expect(withBatches<Line>(EMPTY_WINDOW, [batch([90], 89)], 10).entries).toEqual(lines(90));
});

test('of too many lines the oldest are let go, and can be read again', () => {
  const window = withBatches(windowOf(1, 2), [batch([3, 4, 5])], 3);

  expect(window).toEqual({ entries: lines(3, 4, 5), front: 0, hasEarlier: true });
});

test('what is put at the front moves what is seen by so much', () => {
  const window = withEarlier(windowOf(4, 5), lines(1, 2, 3), true);

  expect(window).toEqual({ entries: lines(1, 2, 3, 4, 5), front: 5, hasEarlier: true });
});

function windowOf(...seqs: number[]): LogWindow<Line> {
  return withEarlier<Line>(EMPTY_WINDOW, lines(...seqs), false);
}

function lines(...seqs: number[]): Line[] {
  return seqs.map((seq) => ({ seq }));
}

function batch(seqs: number[], dropped = 0, cursor = String(seqs.at(-1))) {
  return { lines: lines(...seqs), dropped, cursor };
}
