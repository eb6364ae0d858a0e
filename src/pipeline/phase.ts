import type { PhaseName } from '../domain/deployment.ts';
import type { Manifest } from '../domain/manifest.ts';
import type { PackageStore } from '../packages/store.ts';
import type { Reusable } from './plan.ts';
import type { AppEnvironment } from './app-environment.ts';
import type { IsolatedApp } from './isolation.ts';
import type { Target, TargetApp, TargetContext } from '../targets/target.ts';

/** What phases hand to the ones after them. Stored with a phase's completion, so that a later worker has it too. */
export interface PhaseOutputs {
  /** Set by `orchestrate`: the package's files lie in `source/` of this folder. */
  readonly workspace?: string;
  /** Set by `download`. */
  readonly manifest?: Manifest;
  /** Set by `package`. */
  readonly artifactKey?: string;
  readonly artifactSha256?: string;
  /** Set by `service_deploy`. */
  readonly releaseId?: string;
}

export interface ShippedVersion {
  readonly id: string;
  readonly version: string;
  readonly packageKey: string;
  readonly packageBytes: number;
  readonly packageSha256: string;
  /** What its package says, as far as that is known before it is unpacked. */
  readonly manifest: { readonly secrets?: readonly string[] } | null;
}

export interface RunOptions {
  /** Which code the deployment's failure gets when the command fails. */
  readonly failureCode: 'BUILD_FAILED' | 'MIGRATION_FAILED';
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** A cancel waits for the end of the command, unless it is forced. */
  readonly isUninterrupted?: boolean;
  /** Folders that the command may write to beside `cwd`. */
  readonly writable?: readonly string[];
  /** Whether it may reach the server of the database that DATABASE_URL in `env` names. */
  readonly reachesDatabase?: boolean;
}

export interface PhaseContext extends TargetContext {
  readonly app: TargetApp & IsolatedApp;
  readonly version: ShippedVersion;
  readonly outputs: PhaseOutputs;
  readonly target: Target;
  readonly packages: PackageStore;
  readonly workspacesFolder: string;
  readonly limits: { readonly packageBytesMax: number; readonly unpackedBytesMax: number };
  readonly migrations: MigrationRecord;
  /** What the app's owner set. */
  readonly environment: AppEnvironment;
  /** What may be kept of the deployment that this one was made from. */
  readonly reusable: Reusable;
  /** Runs a shell command, streaming its output to the log. Throws PhaseFailure when it fails. */
  run(command: string, options: RunOptions): Promise<void>;
}

/** Remembers which artifacts' migrations ran against the app's database. */
export interface MigrationRecord {
  has(artifactSha256: string): Promise<boolean>;
  add(artifactSha256: string): Promise<void>;
  /** Remembers that this deployment's migrations, done or half done, cannot be undone by older code. */
  markIrreversible(): Promise<void>;
}

export interface PhaseResult {
  readonly outputs?: PhaseOutputs;
  /** Why nothing needed to be done. */
  readonly skipReason?: string;
}

/**
 * One of the eight phases. `run` must be safe to repeat: after a crash another worker starts the interrupted phase again.
 * It knows no row, status or event; deploy.ts does those around it. It throws PhaseFailure when the package is at fault.
 */
export interface Phase {
  readonly name: PhaseName;
  run(context: PhaseContext): Promise<PhaseResult>;
}

/** An output that an earlier phase always sets. */
export function requireOutput<K extends keyof PhaseOutputs>(
  outputs: PhaseOutputs,
  key: K,
): NonNullable<PhaseOutputs[K]> {
  const value = outputs[key];
  if (value === undefined) throw new Error(`The output ${key} of an earlier phase is missing.`);
  return value;
}
