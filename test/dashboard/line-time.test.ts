import { expect, test } from 'vitest';
import { lineTime } from '../../src/dashboard/deployment/log/line-time.ts';

const START = '2026-01-02T03:04:05.000Z';

test.each([
  ['2026-01-02T03:04:05.007Z', '+0:00.007'],
  ['2026-01-02T03:05:09.500Z', '+1:04.500'],
  ['2026-01-02T04:04:05.000Z', '+60:00.000'],
  ['2026-01-02T03:04:04.990Z', '-0:00.010'],
])('%s is %s after the start', (at, text) => {
  expect(lineTime(at, START)).toBe(text);
});

test('the time of the day is to the millisecond', () => {
  expect(lineTime('2026-01-02T03:04:05.678Z', null)).toMatch(/^\d\d:04:05[.,]678$/);
});
