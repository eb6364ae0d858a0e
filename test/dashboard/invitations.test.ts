import { expect, test } from 'vitest';
import { invitationState } from '../../src/dashboard/members/invitation-state.ts';

const NOW = Date.parse('2026-03-01T12:00:00.000Z');
const PAST = '2026-02-28T12:00:00.000Z';
const FUTURE = '2026-03-02T12:00:00.000Z';

test.each([
  [{ acceptedAt: null, revokedAt: null, expiresAt: FUTURE }, 'open'],
  [{ acceptedAt: null, revokedAt: null, expiresAt: PAST }, 'expired'],
  [{ acceptedAt: null, revokedAt: PAST, expiresAt: PAST }, 'revoked'],
  [{ acceptedAt: PAST, revokedAt: null, expiresAt: PAST }, 'accepted'],
] as const)('an invitation with %o is %s', (dates, state) => {
  expect(invitationState(dates, NOW)).toBe(state);
});
