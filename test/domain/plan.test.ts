import { expect, test } from 'vitest';
import { PHASES, type PhaseName } from '../../src/domain/deployment.ts';
import { planPhase, planSource, type PlanFacts, type PlanSource } from '../../src/domain/plan.ts';

const NOTHING: PlanFacts = { source: null, manifest: null, isMigrated: null };
const BUILDS = { build: ['make'], migrate: ['migrate'] };

/** A source that ended in a phase: those before it are completed. */
const endedIn = (kind: PlanSource['kind'], phase: PhaseName): PlanSource => ({
  kind,
  number: 12,
  completed: PHASES.slice(0, PHASES.indexOf(phase)),
});
const actions = (facts: PlanFacts) => PHASES.map((phase) => planPhase(phase, facts).action);

const RUN_ALL = Array.from({ length: 8 }, () => 'run');

test.each<[string, PlanFacts, string[]]>([
  ['with nothing known all phases run', NOTHING, RUN_ALL],
  [
    'without commands build and migrate are skipped',
    { ...NOTHING, manifest: { build: [], migrate: [] } },
    ['run', 'run', 'run', 'skip', 'run', 'skip', 'run', 'run'],
  ],
  [
    'migrations that ran before are skipped',
    { ...NOTHING, manifest: BUILDS, isMigrated: true },
    ['run', 'run', 'run', 'run', 'run', 'skip', 'run', 'run'],
  ],
  ['a retry of what ended in orchestrate does all', { ...NOTHING, source: endedIn('retry', 'orchestrate') }, RUN_ALL],
  ['a retry of what ended in infra does all', { ...NOTHING, source: endedIn('retry', 'infra') }, RUN_ALL],
  [
    'a retry of what ended in build keeps the infrastructure',
    { ...NOTHING, source: endedIn('retry', 'build') },
    ['run', 'run', 'reuse', 'run', 'run', 'run', 'run', 'run'],
  ],
  [
    'a retry of what ended in package must build again',
    { ...NOTHING, source: endedIn('retry', 'package') },
    ['run', 'run', 'reuse', 'run', 'run', 'run', 'run', 'run'],
  ],
  [
    'a retry of what ended in migrate keeps the artifact',
    { ...NOTHING, manifest: BUILDS, isMigrated: false, source: endedIn('retry', 'migrate') },
    ['run', 'reuse', 'reuse', 'reuse', 'reuse', 'run', 'run', 'run'],
  ],
  [
    'a retry of what ended in service_deploy keeps the migrations, too',
    { ...NOTHING, manifest: BUILDS, source: endedIn('retry', 'service_deploy') },
    ['run', 'reuse', 'reuse', 'reuse', 'reuse', 'reuse', 'run', 'run'],
  ],
  [
    'a retry of what ended in cache_invalidation starts a release again, since the other one was taken back',
    { ...NOTHING, manifest: BUILDS, source: endedIn('retry', 'cache_invalidation') },
    ['run', 'reuse', 'reuse', 'reuse', 'reuse', 'reuse', 'run', 'run'],
  ],
  [
    'a rollback keeps the artifact, runs no migration, and looks whether the infrastructure is there',
    { ...NOTHING, manifest: BUILDS, source: { ...endedIn('rollback', 'orchestrate'), completed: PHASES } },
    ['run', 'reuse', 'run', 'reuse', 'reuse', 'skip', 'run', 'run'],
  ],
])('%s', (_what, facts, expected) => {
  expect(actions(facts)).toEqual(expected);
});

test('what is kept says from where, and what runs again says why', () => {
  const facts = { ...NOTHING, manifest: BUILDS, source: endedIn('retry', 'package') };

  expect(PHASES.slice(1, 4).map((phase) => planPhase(phase, facts).reason)).toEqual([
    'Runs again: the unpacked package was in the workspace of deployment 12, which is gone.',
    'Reused from deployment 12.',
    'Runs again: what the build made was in the workspace of deployment 12, which is gone.',
  ]);
});

test('what is not known beforehand is said as a condition', () => {
  expect(planPhase('migrate', NOTHING).reason).toBe(
    'Runs the migration commands, if the package has any, unless those of the same artifact ran before.',
  );
  expect(planPhase('migrate', { ...NOTHING, manifest: BUILDS, isMigrated: false }).reason).toBe(
    'Runs 1 migration command.',
  );
});

test.each([
  ['manual', null],
  ['redeploy', null],
  ['retry', 'retry'],
  ['rollback', 'rollback'],
  ['automatic', 'rollback'],
] as const)('of the source of a deployment that was made by %s is kept what a %s keeps', (trigger, kind) => {
  expect(planSource(trigger, { number: 1, completed: [] })?.kind ?? null).toBe(kind);
  expect(planSource(trigger, null)).toBeNull();
});
