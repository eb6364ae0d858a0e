import { expect, test } from 'vitest';
import { allowedActions, DEPLOYMENT_ACTIONS, refusalOf, type ActionFacts } from '../../src/domain/actions.ts';
import { DEPLOYMENT_STATUSES } from '../../src/domain/deployment.ts';

const FACTS: ActionFacts = {
  status: 'completed',
  forbidden: null,
  isAppDeleted: false,
  isLive: false,
  newer: null,
  irreversibleSince: null,
};

/** What is allowed, by status, when nothing else stands against it. */
const ALLOWED = {
  pending: ['cancel'],
  in_progress: ['cancel'],
  completed: ['redeploy', 'rollback'],
  failed: ['retry', 'redeploy'],
  cancelled: ['retry', 'redeploy'],
} as const;
const PAIRS = DEPLOYMENT_STATUSES.flatMap((status) => DEPLOYMENT_ACTIONS.map((action) => ({ status, action })));

test.each(PAIRS)(
  '$action of a deployment that is $status is allowed exactly if it makes sense',
  ({ status, action }) => {
    const refusal = refusalOf(action, { ...FACTS, status });

    expect(refusal === null).toBe((ALLOWED[status] as readonly string[]).includes(action));
    if (refusal) expect(refusal.reason).toMatch(/^[A-Z].*\.$/);
  },
);

test.each<[string, Partial<ActionFacts>, (typeof DEPLOYMENT_ACTIONS)[number], string, RegExp]>([
  ['a viewer who may not', { forbidden: 'This needs a scope.' }, 'redeploy', 'FORBIDDEN', /scope/],
  ['a deleted app', { isAppDeleted: true }, 'redeploy', 'CONFLICT', /deleted/],
  ['the end of it', {}, 'cancel', 'ALREADY_FINISHED', /completed already/],
  [
    'a newer one that serves',
    { newer: { number: 7, status: 'completed' } },
    'redeploy',
    'CONFLICT',
    /7 is newer and has/,
  ],
  [
    'a newer one that waits',
    { newer: { number: 7, status: 'pending' } },
    'redeploy',
    'CONFLICT',
    /7 is newer and is w/,
  ],
  [
    'a newer one that serves',
    { status: 'failed', newer: { number: 7, status: 'completed' } },
    'retry',
    'CONFLICT',
    /must not replace it/,
  ],
  ['that it serves already', { isLive: true }, 'rollback', 'CONFLICT', /serves already/],
  ['an irreversible migration', { irreversibleSince: 9 }, 'rollback', 'CONFLICT', /Deployment 9 .* irreversible/],
])('because of %s (%j) %s is refused with %s and the reason', (_what, facts, action, code, reason) => {
  expect(refusalOf(action, { ...FACTS, ...facts })).toEqual({ code, reason: expect.stringMatching(reason) });
});

test('a newer deployment keeps nobody from a rollback', () => {
  expect(refusalOf('rollback', { ...FACTS, newer: { number: 7, status: 'completed' } })).toBeNull();
});

test('every action is told, with a reason exactly if it is not allowed', () => {
  expect(allowedActions({ ...FACTS, status: 'pending' })).toEqual([
    { action: 'cancel', allowed: true, reason: null },
    { action: 'retry', allowed: false, reason: 'It has not ended yet.' },
    { action: 'redeploy', allowed: false, reason: 'It has not ended yet.' },
    { action: 'rollback', allowed: false, reason: 'Only a completed deployment can be gone back to.' },
  ]);
});
