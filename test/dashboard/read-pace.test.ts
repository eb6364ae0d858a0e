import { expect, test } from 'vitest';
import { createReadPace } from '../../src/dashboard/deployment/log/read-pace.ts';

test('some reads begin at once, and the next when its time has come', () => {
  const pace = createReadPace({ burst: 2, perSecond: 4 });

  expect([pace.take(0), pace.take(0), pace.take(0)]).toEqual([0, 0, 250]);
  expect([pace.take(100), pace.take(250), pace.take(250)]).toEqual([150, 0, 250]);
});

test('no more than the burst is saved up', () => {
  const pace = createReadPace({ burst: 2, perSecond: 4 });
  pace.take(0);

  expect([pace.take(60_000), pace.take(60_000), pace.take(60_000)]).toEqual([0, 0, 250]);
});
