import { expect, test } from 'vitest';
import { cancelOutcome } from '../../src/dashboard/deployment/cancel-outcome.ts';
import { PHASE_NAMES } from '../../src/dashboard/elements/phase-names.ts';
import type { PhaseName } from '../../src/generated/gql/graphql.ts';

const live = { number: 3, version: { version: 'v3' } };

function deploymentIn(running: PhaseName | null) {
  const phases = (Object.keys(PHASE_NAMES) as PhaseName[]).map((name) => ({
    name,
    status: name === running ? ('IN_PROGRESS' as const) : ('PENDING' as const),
    attempt: 1,
  }));
  const status = running ? ('IN_PROGRESS' as const) : ('PENDING' as const);
  return { status, phases, cancellation: null, productionApp: { liveDeployment: live } };
}

test('a waiting deployment is cancelled at once, and what serves goes on', () => {
  expect(cancelOutcome(deploymentIn(null))).toEqual({
    sentences: ['It has not begun, and is cancelled at once.', 'Version v3 (#3) is still serving.'],
    mayForce: false,
  });
});

test('only a migration may be ended by force', () => {
  for (const phase of Object.keys(PHASE_NAMES) as PhaseName[]) {
    const { sentences, mayForce } = cancelOutcome(deploymentIn(phase));

    expect(mayForce).toBe(phase === 'MIGRATE');
    expect(sentences[0]).toContain(`It stops in ${PHASE_NAMES[phase]}`);
  }
});

test('where nothing serves, nothing is said to go on', () => {
  const { sentences } = cancelOutcome({ ...deploymentIn('BUILD'), productionApp: { liveDeployment: null } });

  expect(sentences).toContain('Nothing serves this app.');
});
