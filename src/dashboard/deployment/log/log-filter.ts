import type { FollowedLineFragment, LogLevel, LogStream } from '../../../generated/gql/graphql.ts';

export type Line = FollowedLineFragment;

export const LEVELS = ['DEBUG', 'INFO', 'WARN', 'ERROR'] as const satisfies readonly LogLevel[];
export const STREAMS = ['STDOUT', 'STDERR', 'SYSTEM'] as const satisfies readonly LogStream[];

/** Which lines. All conditions must hold; an absent one always does. */
export interface LineFilter {
  readonly minLevel?: LogLevel;
  readonly streams?: readonly LogStream[];
  readonly contains?: string;
}

/** By the rules of the API's `DeploymentLogFilter`: for the lines that come after it was asked. */
export function matchesFilter(line: Line, { minLevel, streams, contains }: LineFilter): boolean {
  if (minLevel && LEVELS.indexOf(line.level) < LEVELS.indexOf(minLevel)) return false;
  if (streams && !streams.includes(line.stream)) return false;
  return !contains || line.message.includes(contains);
}

export function isOpenFilter({ minLevel, streams, contains }: LineFilter): boolean {
  return !minLevel && !streams && !contains;
}

interface Choice {
  readonly minLevel: LogLevel | null;
  readonly stream: LogStream | null;
  readonly text: string;
}

/** A filter by what was chosen, and by nothing that was not. */
export function filterOf({ minLevel, stream, text }: Choice): LineFilter {
  return {
    ...(minLevel && { minLevel }),
    ...(stream && { streams: [stream] }),
    ...(text && { contains: text }),
  };
}
