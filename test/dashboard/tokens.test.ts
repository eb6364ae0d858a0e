import { expect, test } from 'vitest';
import { allowanceText, expiryAfter, LIFETIMES, mayMakeTokens, tokenState } from '../../src/dashboard/tokens/token.ts';
import { TOKEN_DAYS_MAX } from '../../src/domain/access.ts';

const NOW = Date.parse('2026-03-01T12:00:00.000Z');
const PAST = '2026-02-28T12:00:00.000Z';
const FUTURE = '2026-03-02T12:00:00.000Z';

test.each([
  [{ expiresAt: null, revokedAt: null }, 'active'],
  [{ expiresAt: FUTURE, revokedAt: null }, 'active'],
  [{ expiresAt: new Date(NOW).toISOString(), revokedAt: null }, 'expired'],
  [{ expiresAt: PAST, revokedAt: PAST }, 'revoked'],
] as const)('a token with %o is %s', (dates, state) => {
  expect(tokenState(dates, NOW)).toBe(state);
});

test('only a token without any limit makes others', () => {
  expect(mayMakeTokens({ scopes: null, productionAppIds: null })).toBe(true);
  expect(mayMakeTokens({ scopes: [], productionAppIds: null })).toBe(false);
  expect(mayMakeTokens({ scopes: null, productionAppIds: ['app_1'] })).toBe(false);
  // Whoever signed in elsewhere has no token.
  expect(mayMakeTokens(null)).toBe(false);
});

test('what a token allows is said in words, and apps that may not be seen are counted', () => {
  const shop = { id: 'app_1', subdomain: 'shop' };

  expect(allowanceText({ scopes: null, productionAppIds: null, productionApps: null })).toBe('Everything you may');
  expect(allowanceText({ scopes: [], productionAppIds: null, productionApps: null })).toBe('Only to read');
  expect(
    allowanceText({
      scopes: ['ORG_SETTINGS', 'ENTITIES_DEPLOY'],
      productionAppIds: ['app_1', 'app_2'],
      productionApps: [shop],
    }),
  ).toBe('Deploy, See the activity · shop, 1 more');
});

test('every lifetime that is offered is one that the server takes, also when its clock is behind', () => {
  for (const [days] of LIFETIMES) expect(Number(days)).toBeLessThan(TOKEN_DAYS_MAX);
  expect(expiryAfter(30, NOW)).toBe('2026-03-31T12:00:00.000Z');
});
