import type { DeploymentStatus, PhaseName, PhaseStatus } from '../../generated/gql/graphql.ts';
import { PHASE_NAMES } from '../elements/phase-names.ts';
import { stillServing, type LiveDeployment } from './serving.ts';

interface Deployment {
  readonly status: DeploymentStatus;
  readonly phases: readonly { readonly name: PhaseName; readonly status: PhaseStatus }[];
  readonly cancellation?: object | null;
  readonly productionApp: { readonly liveDeployment?: LiveDeployment | null };
}

export interface CancelOutcome {
  /** What a cancel does now, in sentences. */
  readonly sentences: readonly string[];
  /** Whether a migration command may be running, which only force would end. */
  readonly mayForce: boolean;
}

/** What happens when a deployment is cancelled where it is now: docs/lifecycle.md has the rules. */
export function cancelOutcome({ status, phases, cancellation, productionApp }: Deployment): CancelOutcome {
  const phase = phases.find((each) => each.status === 'IN_PROGRESS')?.name ?? null;
  const mayForce = phase === 'MIGRATE';
  return {
    sentences: [
      ...(cancellation ? ['It is being cancelled already.'] : []),
      status === 'PENDING' ? 'It has not begun, and is cancelled at once.' : (phase && DURING[phase]) || BETWEEN,
      stillServing(productionApp.liveDeployment),
    ],
    mayForce,
  };
}

const BETWEEN = 'Its work is ended, with all that it started.';
const AFTER_SWITCH = 'If the traffic goes to the new release already, it goes back to the one before.';
const DURING: Record<PhaseName, string> = {
  ORCHESTRATE: stopsIn('ORCHESTRATE'),
  DOWNLOAD: stopsIn('DOWNLOAD'),
  INFRA: stopsIn('INFRA'),
  BUILD: stopsIn('BUILD'),
  PACKAGE: stopsIn('PACKAGE'),
  MIGRATE: 'It stops in Migrate: the migration command that is running may finish, and the next one does not start.',
  SERVICE_DEPLOY: `${stopsIn('SERVICE_DEPLOY')} ${AFTER_SWITCH}`,
  CACHE_INVALIDATION: `${stopsIn('CACHE_INVALIDATION')} ${AFTER_SWITCH}`,
};

function stopsIn(phase: PhaseName): string {
  return `It stops in ${PHASE_NAMES[phase]}: what is running is ended, with all that it started.`;
}
