/** Kept apart from the code that acts on them, which is loaded only when a command runs. */
export const OVERLAPS = ['queue', 'queue-latest', 'cancel-running', 'reject'] as const;
export type Overlap = (typeof OVERLAPS)[number];

/** What the first interrupt does. */
export const ON_INTERRUPT = ['ask', 'cancel', 'detach'] as const;
export type OnInterrupt = (typeof ON_INTERRUPT)[number];

/** Those that completion is for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export const LOG_STREAMS = ['stdout', 'stderr', 'system'] as const;
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
export const STATUSES = ['pending', 'in_progress', 'completed', 'failed', 'cancelled'] as const;
