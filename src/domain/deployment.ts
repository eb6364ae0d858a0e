/** The documented statuses of a deployment, as stored and as spelled in REST. GraphQL spells them in capitals. */
export const DEPLOYMENT_STATUSES = ['pending', 'in_progress', 'completed', 'failed', 'cancelled'] as const;
export type DeploymentStatus = (typeof DEPLOYMENT_STATUSES)[number];

export const PHASE_STATUSES = ['pending', 'in_progress', 'completed', 'failed'] as const;
export type PhaseStatus = (typeof PHASE_STATUSES)[number];

/** The documented phases, in the order in which every deployment goes through them. */
export const PHASES = [
  'orchestrate',
  'download',
  'infra',
  'build',
  'package',
  'migrate',
  'service_deploy',
  'cache_invalidation',
] as const;
export type PhaseName = (typeof PHASES)[number];

export const DEPLOYMENT_TRIGGERS = ['manual', 'retry', 'redeploy', 'rollback', 'automatic'] as const;
export type DeploymentTrigger = (typeof DEPLOYMENT_TRIGGERS)[number];

export const LOG_STREAMS = ['stdout', 'stderr', 'system'] as const;
export type LogStream = (typeof LOG_STREAMS)[number];

/** From the least to the most urgent. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const DEPLOYMENT_EVENT_TYPES = [
  'created',
  'status',
  'phase',
  'cancel_requested',
  'take_over',
  'switch',
  'release',
] as const;
export type DeploymentEventType = (typeof DEPLOYMENT_EVENT_TYPES)[number];

/**
 * The life of a deployment.
 *
 * - `pending`: stored, with a ticket in the queue. A worker takes it to `in_progress`; a cancel ends it at once; one that
 *   can never start ends `failed`.
 * - `in_progress`: one worker holds it and goes through the phases. A worker that dies leaves it so; the next one takes it
 *   over under a higher `run`.
 * - `completed`: the new release serves. `failed`, `cancelled`: the release that served before still does.
 *
 * The last three are terminal: nothing changes in them any more.
 */
const NEXT: Record<DeploymentStatus, readonly DeploymentStatus[]> = {
  pending: ['in_progress', 'failed', 'cancelled'],
  in_progress: ['completed', 'failed', 'cancelled'],
  completed: [],
  failed: [],
  cancelled: [],
};

/** The life of a phase. One that is interrupted stays `in_progress`, and begins again as its next attempt. */
const NEXT_OF_PHASE: Record<PhaseStatus, readonly PhaseStatus[]> = {
  pending: ['in_progress'],
  in_progress: ['completed', 'failed'],
  completed: [],
  failed: [],
};

/** Whether a deployment may change so. The database has the same table, and refuses what is not in it. */
export function mayChange(from: DeploymentStatus, to: DeploymentStatus): boolean {
  return NEXT[from].includes(to);
}

/** Whether a phase may change so. The database has the same table, and refuses what is not in it. */
export function mayPhaseChange(from: PhaseStatus, to: PhaseStatus): boolean {
  return NEXT_OF_PHASE[from].includes(to);
}

/** The statuses a deployment may be in just before it enters `to`. */
export function statusesBefore(to: DeploymentStatus): DeploymentStatus[] {
  return DEPLOYMENT_STATUSES.filter((from) => NEXT[from].includes(to));
}

export function isTerminal(status: DeploymentStatus): boolean {
  return NEXT[status].length === 0;
}

/** Of a deployment in one of these, there is work to be done. */
export const OPEN_STATUSES: readonly DeploymentStatus[] = DEPLOYMENT_STATUSES.filter((status) => !isTerminal(status));

/** The levels that are at least as urgent as `level`. */
export function levelsFrom(level: LogLevel): LogLevel[] {
  return LOG_LEVELS.slice(LOG_LEVELS.indexOf(level));
}

/** Why a deployment failed, for programs. Not the codes of refused requests: those are in errors.ts. */
export const FAILURE_CODES = [
  'CANCELLED',
  'PACKAGE_INVALID',
  'MANIFEST_INVALID',
  'DOWNLOAD_FAILED',
  'INFRA_FAILED',
  'BUILD_FAILED',
  'MIGRATION_FAILED',
  'START_FAILED',
  'HEALTH_TIMEOUT',
  'PURGE_FAILED',
  'PHASE_TIMEOUT',
  'WORKER_LOST',
  'NO_SPACE',
  'INTERNAL',
] as const;
export type FailureCode = (typeof FAILURE_CODES)[number];

export interface Failure {
  readonly code: FailureCode;
  readonly phase: PhaseName | null;
  readonly message: string;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Whether the same deployment may succeed when it is tried again without a change. */
  readonly retryable: boolean;
  /** What to do about it. */
  readonly hint: string | null;
  /** The log lines that show it: `seq` of the first and of the last one. */
  readonly firstSeq: number | null;
  readonly lastSeq: number | null;
}
