import type { DeploymentTrigger, PhaseName } from './deployment.ts';
import type { Manifest } from './manifest.ts';

/** What becomes of a phase: it runs, it keeps what an earlier deployment made, or it has nothing to do. */
export const PLAN_ACTIONS = ['run', 'reuse', 'skip'] as const;
export type PlanAction = (typeof PLAN_ACTIONS)[number];

export interface PhasePlan {
  readonly action: PlanAction;
  /** Why, as a sentence. Of a phase that is reused or skipped it becomes its `skipReason`. */
  readonly reason: string;
}

/** The deployment that is tried again or gone back to, and how far it came. */
export interface PlanSource {
  readonly kind: 'retry' | 'rollback';
  readonly number: number;
  readonly completed: readonly PhaseName[];
}

/** What is known when it is decided. Beforehand less is known than when a phase begins, and the reason says so. */
export interface PlanFacts {
  /** Null: everything is made afresh. */
  readonly source: PlanSource | null;
  /** Null: the package was not looked into yet. */
  readonly manifest: Pick<Manifest, 'build' | 'migrate'> | null;
  /** Whether the artifact's migrations ran for this app before. Null: there is no artifact yet. */
  readonly isMigrated: boolean | null;
}

/** Of what a deployment was made from, only retries and rollbacks keep something; a redeployment makes it all again. */
export function planSource(
  trigger: DeploymentTrigger,
  source: { number: number; completed: readonly PhaseName[] } | null,
): PlanSource | null {
  if (source === null) return null;
  if (trigger === 'retry') return { kind: 'retry', ...source };
  return trigger === 'rollback' || trigger === 'automatic' ? { kind: 'rollback', ...source } : null;
}

/** The one place that decides about a phase: for whoever asks beforehand, and for the worker when its time has come. */
export function planPhase(phase: PhaseName, facts: PlanFacts): PhasePlan {
  return PLAN[phase](facts);
}

/**
 * What can be kept of an earlier deployment is what outlives it: its artifact in the store, and what was done to the
 * app's data folder and database. Its workspace is gone. So an unpacked package, and a build that was not packed into an
 * artifact, must be made again.
 */
const PLAN: Record<PhaseName, (facts: PlanFacts) => PhasePlan> = {
  orchestrate: () => run('Checks what is shipped, and opens the workspace.'),
  download({ source }) {
    if (keepsArtifact(source)) return reuse(source!);
    if (source?.completed.includes('download')) return runAgain(source, 'the unpacked package');
    return run('Unpacks the package and reads its manifest.');
  },
  infra({ source }) {
    if (source?.kind === 'retry' && source.completed.includes('infra')) return reuse(source);
    return run('Makes the data folder and the database of the app, unless they are there.');
  },
  build({ source, manifest }) {
    if (keepsArtifact(source)) return reuse(source!);
    if (manifest?.build.length === 0) return skip('The package has no build commands.');
    if (source?.completed.includes('build')) return runAgain(source, 'what the build made');
    return run(
      manifest === null
        ? 'Runs the build commands, if the package has any.'
        : `Runs ${count(manifest.build.length, 'build command')}.`,
    );
  },
  package({ source }) {
    if (keepsArtifact(source)) return reuse(source!);
    return run('Packs the built folder into an artifact, unless the same one is stored already.');
  },
  migrate({ source, manifest, isMigrated }) {
    if (source?.kind === 'rollback') return skip('A rollback runs no migrations.');
    if (source?.completed.includes('migrate')) return reuse(source);
    if (manifest?.migrate.length === 0) return skip('The package has no migration commands.');
    if (isMigrated) return skip("This artifact's migrations ran before.");
    const unless = isMigrated === null ? ', unless those of the same artifact ran before' : '';
    return run(
      manifest === null
        ? `Runs the migration commands, if the package has any${unless}.`
        : `Runs ${count(manifest.migrate.length, 'migration command')}${unless}.`,
    );
  },
  service_deploy: () => run('Starts the new release beside the one that serves, and switches the traffic.'),
  cache_invalidation: () => run('Purges what caches hold of the release before.'),
};

/** Whether a stored artifact stands for everything up to the phase `package`. */
export function keepsArtifact(source: PlanSource | null): boolean {
  return source?.completed.includes('package') ?? false;
}

function run(reason: string): PhasePlan {
  return { action: 'run', reason };
}

function runAgain({ number }: PlanSource, what: string): PhasePlan {
  return run(`Runs again: ${what} was in the workspace of deployment ${number}, which is gone.`);
}

function reuse({ number }: PlanSource): PhasePlan {
  return { action: 'reuse', reason: `Reused from deployment ${number}.` };
}

function skip(reason: string): PhasePlan {
  return { action: 'skip', reason };
}

function count(amount: number, what: string): string {
  return `${amount} ${what}${amount === 1 ? '' : 's'}`;
}
