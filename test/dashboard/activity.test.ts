import { readFileSync } from 'node:fs';
import { buildSchema } from 'graphql';
import { describe, expect, test } from 'vitest';
import { ACTION_GROUPS, actionText } from '../../src/dashboard/activity/action-words.ts';
import { auditFilterOf, hasFilters, withFilter, withoutFilters } from '../../src/dashboard/activity/activity-filter.ts';
import { detailsOf, subjectOf } from '../../src/dashboard/activity/audit-event.ts';

test('there are words for each mutation of the API, and for no other', () => {
  const schema = buildSchema(readFileSync('schema.graphql', 'utf8'));
  const mutations = Object.keys(schema.getMutationType()!.getFields());

  const named = Object.values(ACTION_GROUPS).flatMap((group) => Object.keys(group));

  expect(named.toSorted()).toEqual(mutations.toSorted());
  expect(actionText('somethingNew')).toBe('somethingNew');
});

describe('the filters in the URL', () => {
  test('ask the API for what they say, and a day is whole, from its first moment to its last', () => {
    const search = new URLSearchParams(
      'action=createRole&actor=usr_1&outcome=REFUSED&subject=rol_1&from=2026-03-28&to=2026-03-29',
    );

    const { after, before, ...others } = auditFilterOf(search);

    expect(others).toEqual({ action: ['createRole'], actorId: 'usr_1', outcome: 'REFUSED', subjectId: 'rol_1' });
    expect(Date.parse(after!)).toBe(new Date(2026, 2, 28).getTime() - 1);
    expect(Date.parse(before!)).toBe(new Date(2026, 2, 30).getTime());
  });

  test('that are empty or not understood filter nothing', () => {
    const nothing = {
      action: undefined,
      actorId: undefined,
      outcome: undefined,
      subjectId: undefined,
      after: undefined,
      before: undefined,
    };

    expect(auditFilterOf(new URLSearchParams())).toEqual(nothing);
    expect(auditFilterOf(new URLSearchParams('action=&outcome=done&from=yesterday&to=2026-3-1'))).toEqual(nothing);
  });

  test('are set and taken away one by one or all at once, and the organization stays', () => {
    const chosen = withFilter(new URLSearchParams('organization=acme&outcome=DONE'), 'action', 'createRole');

    expect(chosen.toString()).toBe('organization=acme&outcome=DONE&action=createRole');
    expect(withFilter(chosen, 'outcome', '').toString()).toBe('organization=acme&action=createRole');
    expect(hasFilters(chosen)).toBe(true);
    expect(hasFilters(withoutFilters(chosen))).toBe(false);
    expect(withoutFilters(chosen).toString()).toBe('organization=acme');
  });
});

describe('what something was done to', () => {
  const about = { subjectId: 'x', details: '{}' };

  test('leads to its page where there is one', () => {
    const productionApp = { id: 'app_1', subdomain: 'shop' };
    const app = { ...productionApp, __typename: 'ProductionApp' as const };

    expect(
      subjectOf({ ...about, subject: { __typename: 'Deployment', id: 'dep_1', number: 3, productionApp } }),
    ).toEqual({ text: 'shop #3', to: '/deployments/dep_1' });
    expect(subjectOf({ ...about, subject: { ...app, deletedAt: null } })).toEqual({ text: 'shop', to: '/apps/shop' });
    expect(subjectOf({ ...about, subject: { ...app, deletedAt: '2026-03-01T12:00:00.000Z' } })).toEqual({
      text: 'shop',
      to: null,
    });
  });

  test('is named as it was then where it is no object, and has its id where it was not', () => {
    const gone = { subject: null, subjectId: 'tok_1' };

    expect(subjectOf({ ...gone, details: '{"name":"CI"}' })).toEqual({ text: 'CI', to: null });
    expect(subjectOf({ ...gone, details: '{"role":"deployers","email":null}' })).toEqual({
      text: 'deployers',
      to: null,
    });
    expect(subjectOf({ ...gone, details: '{}' })).toEqual({ text: 'tok_1', to: null });
    expect(subjectOf({ subject: null, subjectId: null, details: '{}' })).toBeNull();
  });
});

test('details are readable, empty ones are none, and a refusal says why', () => {
  const details = '{"code":"FORBIDDEN","reason":"This needs a scope."}';

  expect(detailsOf({ outcome: 'REFUSED', details }).reason).toBe('This needs a scope.');
  expect(detailsOf({ outcome: 'DONE', details: '{"reason":"nightly"}' })).toEqual({
    reason: null,
    text: '{\n  "reason": "nightly"\n}',
  });
  expect(detailsOf({ outcome: 'DONE', details: '{}' })).toEqual({ reason: null, text: null });
});
