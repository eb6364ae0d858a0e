import { isEnumType } from 'graphql';
import { expect, test } from 'vitest';
import {
  DEPLOYMENT_EVENT_TYPES,
  DEPLOYMENT_STATUSES,
  DEPLOYMENT_TRIGGERS,
  isTerminal,
  levelsFrom,
  LOG_LEVELS,
  LOG_STREAMS,
  PHASE_STATUSES,
  PHASES,
  statusesBefore,
} from '../../src/domain/deployment.ts';
import { DEPLOYMENT_ACTIONS } from '../../src/domain/actions.ts';
import { OVERLAP_POLICIES } from '../../src/domain/overlap.ts';
import { PLAN_ACTIONS } from '../../src/domain/plan.ts';
import * as stored from '../../src/generated/prisma/enums.ts';
import { schema } from '../../src/graphql/schema.ts';

const ALLOWED = [
  'pending → in_progress',
  'pending → failed',
  'pending → cancelled',
  'in_progress → completed',
  'in_progress → failed',
  'in_progress → cancelled',
];
const PAIRS = DEPLOYMENT_STATUSES.flatMap((from) => DEPLOYMENT_STATUSES.map((to) => ({ from, to })));

test.each(PAIRS)('$from → $to is possible exactly if the lifecycle draws it', ({ from, to }) => {
  expect(statusesBefore(to).includes(from)).toBe(ALLOWED.includes(`${from} → ${to}`));
});

test.each(DEPLOYMENT_STATUSES)('%s is terminal exactly if nothing follows it', (status) => {
  expect(isTerminal(status)).toBe(!ALLOWED.some((pair) => pair.startsWith(`${status} →`)));
});

test('the phases are the documented eight, in the documented order', () => {
  expect(PHASES).toEqual([
    ...['orchestrate', 'download', 'infra', 'build'],
    ...['package', 'migrate', 'service_deploy', 'cache_invalidation'],
  ]);
});

test.each([
  ['debug', ['debug', 'info', 'warn', 'error']],
  ['info', ['info', 'warn', 'error']],
  ['warn', ['warn', 'error']],
  ['error', ['error']],
] as const)('the levels from %s on are %j', (level, levels) => {
  expect(levelsFrom(level)).toEqual(levels);
});

test.each([
  ['DeploymentStatus', DEPLOYMENT_STATUSES],
  ['PhaseStatus', PHASE_STATUSES],
  ['PhaseName', PHASES],
  ['DeploymentTrigger', DEPLOYMENT_TRIGGERS],
  ['LogStream', LOG_STREAMS],
  ['LogLevel', LOG_LEVELS],
  ['DeploymentEventType', DEPLOYMENT_EVENT_TYPES],
  ['OverlapPolicy', OVERLAP_POLICIES],
] as const)('the database stores the values of %s that the code knows, in the same order', (name, values) => {
  expect(Object.values(stored[name])).toEqual(values);
});

test.each([
  ['DeploymentStatus', DEPLOYMENT_STATUSES],
  ['PhaseStatus', PHASE_STATUSES],
  ['PhaseName', PHASES],
  ['DeploymentTrigger', DEPLOYMENT_TRIGGERS],
  ['LogStream', LOG_STREAMS],
  ['LogLevel', LOG_LEVELS],
  ['OverlapPolicy', OVERLAP_POLICIES],
  ['DeploymentAction', DEPLOYMENT_ACTIONS],
  ['PlanAction', PLAN_ACTIONS],
] as const)('GraphQL spells the values of %s in capitals', (name, values) => {
  const type = schema.getType(name);

  const spelled = isEnumType(type) ? type.getValues().map((value): unknown[] => [value.name, value.value]) : [];

  expect(spelled).toEqual(values.toSorted().map((value) => [value.toUpperCase(), value]));
});
