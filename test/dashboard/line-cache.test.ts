import { expect, test } from 'vitest';
import { createLineCache } from '../../src/dashboard/deployment/log/line-cache.ts';
import type { Line } from '../../src/dashboard/deployment/log/log-filter.ts';

const line = (seq: number, message = 'x'): Line => ({
  seq,
  message,
  at: '2026-01-02T03:04:05.678Z',
  phase: 'BUILD',
  attempt: 1,
  stream: 'STDOUT',
  level: 'INFO',
  truncated: false,
});

test('the lines that were not looked at for longest go first', () => {
  const cache = createLineCache({ linesMax: 3 });
  cache.add([line(1), line(2), line(3)]);

  cache.get(1);
  cache.add([line(4)]);

  expect([1, 2, 3, 4].filter(cache.has)).toEqual([1, 3, 4]);
  expect(cache.size).toBe(3);
});

test('few long lines fill the memory as many short ones do', () => {
  const cache = createLineCache({ linesMax: 100, charactersMax: 10 });

  cache.add([line(1, 'four'), line(2, 'four'), line(2, 'four'), line(3, 'four')]);

  expect([1, 2, 3].filter(cache.has)).toEqual([2, 3]);
});
