import { expect, test } from 'vitest';
import {
  decideOverlap,
  OVERLAP_POLICIES,
  type OpenDeployment,
  type OverlapDecision,
} from '../../src/domain/overlap.ts';

const running: OpenDeployment = { id: 'dep_1', number: 1, status: 'in_progress' };
const waiting: OpenDeployment = { id: 'dep_2', number: 2, status: 'pending' };

test.each(OVERLAP_POLICIES)('with the policy %s the only deployment of an app just waits for a worker', (policy) => {
  expect(decideOverlap(policy, [])).toEqual({ kind: 'wait' });
});

test.each<[string, Parameters<typeof decideOverlap>[0], OpenDeployment[], OverlapDecision]>([
  ['queue waits behind all', 'queue', [running, waiting], { kind: 'wait' }],
  ['queue_latest replaces who waits', 'queue_latest', [running, waiting], { kind: 'supersede', alsoRunning: false }],
  ['cancel_running replaces all', 'cancel_running', [running, waiting], { kind: 'supersede', alsoRunning: true }],
  ['reject names the one that runs', 'reject', [running, waiting], { kind: 'reject', open: running }],
  ['reject names the next one when none runs', 'reject', [waiting], { kind: 'reject', open: waiting }],
])('%s', (_what, policy, open, decision) => {
  expect(decideOverlap(policy, open)).toEqual(decision);
});
