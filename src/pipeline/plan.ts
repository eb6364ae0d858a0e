import type { DeploymentTrigger, PhaseName } from '../domain/deployment.ts';
import { planPhase, planSource, type PhasePlan, type PlanSource } from '../domain/plan.ts';
import type { StoredPhase } from '../store/shipments.ts';
import type { MigrationRecord, PhaseOutputs } from './phase.ts';

/** What a deployment may keep of the one that it was made from, which has ended and never changes. */
export interface Reusable {
  readonly source: PlanSource | null;
  readonly outputs: ReadonlyMap<PhaseName, PhaseOutputs>;
}

export function reusableOf(
  trigger: DeploymentTrigger,
  source: { number: number; phases: readonly StoredPhase[] } | null,
): Reusable {
  const completed = source?.phases.filter(({ status }) => status === 'completed') ?? [];
  return {
    source: planSource(trigger, source && { number: source.number, completed: completed.map(({ name }) => name) }),
    outputs: new Map(completed.map(({ name, outputs }) => [name, (outputs ?? {}) as PhaseOutputs])),
  };
}

/** Decides about a phase whose time has come. Of one that is reused, what it had made is its result. */
export async function decidePhase(
  phase: PhaseName,
  { reusable, outputs, migrations }: { reusable: Reusable; outputs: PhaseOutputs; migrations: MigrationRecord },
): Promise<PhasePlan & { readonly outputs: PhaseOutputs }> {
  const { source } = reusable;
  const { manifest = null, artifactSha256 } = outputs;
  const isMigrated = phase === 'migrate' && artifactSha256 ? await migrations.has(artifactSha256) : null;
  const plan = planPhase(phase, { source, manifest, isMigrated });
  return { ...plan, outputs: plan.action === 'reuse' ? (reusable.outputs.get(phase) ?? {}) : {} };
}
