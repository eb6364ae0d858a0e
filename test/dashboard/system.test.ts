import { expect, test } from 'vitest';
import { problemsOf } from '../../src/dashboard/system/problems.ts';
import type { PageProcessFragment } from '../../src/generated/gql/graphql.ts';

const PROCESS: PageProcessFragment = {
  id: 'prc_1',
  roles: ['API', 'WORKER', 'HOST'],
  version: '1.0.0',
  startedAt: '2026-03-01T12:00:00.000Z',
  lastSeenAt: '2026-03-01T12:00:00.000Z',
  isAlive: true,
  isEventBusConnected: true,
  slots: 2,
  isSandboxed: true,
  deploymentCount: 0,
  hostId: 'hst_1',
  releaseCount: 0,
  deployments: [],
};
const CONNECTED = { kind: 'REDIS', isConnected: true } as const;

test('an installation as it should be has no problems', () => {
  expect(problemsOf({ processes: [PROCESS], eventBus: CONNECTED })).toEqual([]);
});

test('a lost process, and the roles that nobody has any more, are said first', () => {
  const worker = { ...PROCESS, id: 'prc_2', roles: ['WORKER' as const], isAlive: false };
  const api = { ...PROCESS, roles: ['API' as const] };

  expect(problemsOf({ processes: [api, worker], eventBus: CONNECTED })).toEqual([
    'No worker is alive: deployments wait until one starts.',
    'No host agent is alive: apps may not be reached, and no release starts.',
    'The process prc_2 (worker) gives no sign of life. Another worker takes over what it was at.',
  ]);
});

test('an event bus that is away is said once, and for a process only where others reach it', () => {
  const cut = { ...PROCESS, isEventBusConnected: false };

  expect(problemsOf({ processes: [cut], eventBus: { ...CONNECTED, isConnected: false } })).toEqual([
    'The event bus does not answer. Everything goes on, up to a second later.',
  ]);
  expect(problemsOf({ processes: [cut], eventBus: CONNECTED })).toEqual([
    'The process prc_1 (API, worker, host agent) does not reach the event bus, and hears of changes up to a second later.',
  ]);
});

test('builds that are not isolated and mixed versions are said, of living processes alone', () => {
  const open = { ...PROCESS, id: 'prc_2', roles: ['WORKER' as const], isSandboxed: false, version: '0.9.0' };

  expect(problemsOf({ processes: [PROCESS, open], eventBus: CONNECTED })).toEqual([
    'The process prc_2 (worker) does not isolate builds: their commands reach what it reaches.',
    'The processes run different versions: 0.9.0, 1.0.0.',
  ]);
  expect(problemsOf({ processes: [PROCESS, { ...open, isAlive: false }], eventBus: CONNECTED })).toEqual([
    'The process prc_2 (worker) gives no sign of life. Another worker takes over what it was at.',
  ]);
});
