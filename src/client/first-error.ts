import type { FollowedLineFragment, FollowedStateFragment } from '../generated/gql/graphql.ts';

type Line = Pick<FollowedLineFragment, 'seq' | 'phase' | 'stream' | 'message'>;
type Failure = Pick<
  NonNullable<FollowedStateFragment['failure']>,
  'phase' | 'message' | 'hint' | 'firstSeq' | 'lastSeq'
>;

/** How tools of all kinds begin what they complain about. */
const COMPLAINT = /\b(?:error|fatal|exception|panic|failed|failure|cannot|traceback)\b|\w(?:Error|Exception)\b/i;

/** The lines of the phase that failed, but for what Windlass says of it at the end: the failure says that itself. */
export function linesOfFailure<Of extends Line>(lines: readonly Of[], { phase, message, hint }: Failure): Of[] {
  return lines.filter((line) => line.phase === phase && line.message !== message && line.message !== hint);
}

/**
 * The line that shows first what went wrong. A failure names the lines that show it, which may be the whole output of a
 * command: the first complaint is among them. Null when there are none.
 */
export function findFirstError<Of extends Line>(lines: readonly Of[], failure: Failure): Of | null {
  const { firstSeq, lastSeq } = failure;
  const isFault = ({ seq }: Line) => seq >= (firstSeq ?? 0) && seq <= (lastSeq ?? Infinity);
  const shown = linesOfFailure(lines, failure).filter(isFault);
  const printed = shown.filter(({ stream }) => stream !== 'SYSTEM');
  return (
    printed.find(({ message }) => COMPLAINT.test(message)) ??
    printed.find(({ stream }) => stream === 'STDERR') ??
    printed.at(-1) ??
    shown.at(-1) ??
    null
  );
}
