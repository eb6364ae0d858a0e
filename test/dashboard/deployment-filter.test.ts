import { expect, test } from 'vitest';
import { choicesIn, filterOf, fits, withChoices } from '../../src/dashboard/deployments/filter.ts';

test('a URL chooses what it says, and what it says amiss is left out', () => {
  const fine = { status: 'FAILED', app: 'app_1', who: 'usr_1', trigger: 'RETRY', from: '2026-11-01', to: '2026-11-30' };
  const amiss = { status: 'failed', app: '', trigger: 'toString', from: '1/2/2026', to: 'yesterday', other: 'x' };

  expect(choicesIn(new URLSearchParams(fine))).toEqual(fine);
  expect(choicesIn(new URLSearchParams(amiss))).toEqual({});
  expect(choicesIn(new URLSearchParams({ from: '2026-13-01', to: '2026-02-30' }))).toEqual({});
});

test('a choice changes its own part of the URL', () => {
  const before = new URLSearchParams('organization=main&status=FAILED');

  expect(withChoices(before, { app: 'app_1', status: '' }).toString()).toBe('organization=main&app=app_1');
  expect(before.toString()).toBe('organization=main&status=FAILED');
});

test('days are whole ones, by the clock of the viewer', () => {
  const filter = filterOf({ from: '2026-11-30', to: '2026-11-30' });
  const at = (day: number, ...time: number[]) => rowAt(new Date(2026, 10, day, ...time));

  expect([at(30), at(30, 23, 59, 59, 999)].map((row) => fits(filter, row))).toEqual([true, true]);
  expect([at(29, 23, 59, 59, 999), at(31)].map((row) => fits(filter, row))).toEqual([false, false]);
});

test('a deployment fits when all that is chosen holds', () => {
  const row = rowAt(new Date(2026, 10, 30));
  const chosen = {
    status: 'FAILED',
    app: 'app_1',
    who: 'usr_1',
    trigger: 'RETRY',
    from: '2026-11-30',
    to: '2026-11-30',
  };
  const others = {
    status: 'PENDING',
    app: 'app_2',
    who: 'usr_2',
    trigger: 'MANUAL',
    from: '2026-12-01',
    to: '2026-11-29',
  };

  expect(fits(filterOf({}), row)).toBe(true);
  expect(fits(filterOf(chosen), row)).toBe(true);
  for (const [choice, other] of Object.entries(others)) {
    expect([choice, fits(filterOf({ ...chosen, [choice]: other }), row)]).toEqual([choice, false]);
  }
});

test('what Windlass did by itself is of nobody', () => {
  const row = { ...rowAt(new Date()), triggeredBy: null };

  expect(fits(filterOf({ who: 'usr_1' }), row)).toBe(false);
  expect(fits(filterOf({}), row)).toBe(true);
});

function rowAt(createdAt: Date) {
  return {
    status: 'FAILED',
    trigger: 'RETRY',
    createdAt: createdAt.toISOString(),
    triggeredBy: { userId: 'usr_1' },
    productionApp: { id: 'app_1' },
  } as const;
}
