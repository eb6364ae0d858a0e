import { expect, test } from 'vitest';
import { SCOPES as NAMED, scopesText } from '../../src/dashboard/elements/scopes.ts';
import { SCOPES } from '../../src/domain/access.ts';

test('there is a word for each scope', () => {
  const screaming = SCOPES.map((scope) => scope.replaceAll(':', '_').toUpperCase());

  expect([...NAMED].toSorted()).toEqual(screaming.toSorted());
});

test('all scopes and none have a word of their own, others are named in one order', () => {
  expect(scopesText(NAMED)).toBe('Everything');
  expect(scopesText([])).toBe('Only to read');
  expect(scopesText(['MEMBERS_INVITE', 'ENTITIES_DEPLOY'])).toBe('Deploy, Invite members');
});
