import { levelsFrom, type LogLevel, type LogStream, type PhaseName } from '../domain/deployment.ts';
import type { LogLine, Prisma, PrismaClient } from '../generated/prisma/client.ts';
import type { Claim } from './deployments.ts';
import type { Statements } from './statements.ts';

export interface NewLogLine {
  readonly at: Date;
  readonly phase: PhaseName;
  readonly attempt: number;
  readonly stream: LogStream;
  readonly level: LogLevel;
  readonly message: string;
  readonly truncated: boolean;
}

export interface LogFilter {
  readonly phases?: readonly PhaseName[] | null;
  readonly streams?: readonly LogStream[] | null;
  readonly minLevel?: LogLevel | null;
  readonly contains?: string | null;
}

/**
 * Appends lines under the next numbers and answers the last one. The numbers and the lines come in one statement, so
 * that they have no gaps whatever dies. Null when the claim is lost, and then nothing is stored. With `after`, nothing is
 * stored either unless it is the last number: a repeated append does nothing.
 *
 * One `insert … select unnest` takes 46–120 k lines/s, `createMany` 8–10 k. Most lines of a batch are of few kinds, so
 * what a kind has is sent once: seven arrays as long as the batch took twice the time of these two in this process.
 */
export async function appendLogLines(
  statements: Statements,
  { deploymentId, run }: Claim,
  lines: readonly NewLogLine[],
  after: number | null = null,
): Promise<number | null> {
  const { kinds, numbers } = kindsOf(lines);
  const [held] = await statements.$queryRaw<{ last_seq: number }[]>`
    with held as (
      update deployments set last_seq = last_seq + ${lines.length}
      where id = ${deploymentId} and run = ${run} and status = 'in_progress'
        and (${after}::int is null or last_seq = ${after}::int)
      returning last_seq
    ), stored as (
      insert into log_lines (deployment_id, seq, at, phase, attempt, stream, level, message, truncated)
      select ${deploymentId}, held.last_seq - ${lines.length} + line.number::int, kind.at, kind.phase, kind.attempt,
        kind.stream, kind.level, line.message, kind.truncated
      from held, unnest(
        ${numbers}::int[],
        ${lines.map(({ message }) => message)}::text[]
      ) with ordinality as line(kind, message, number) join unnest(
        ${kinds.map(({ at }) => at.toISOString())}::timestamptz[],
        ${kinds.map(({ phase }) => phase)}::phase_name[],
        ${kinds.map(({ attempt }) => attempt)}::int[],
        ${kinds.map(({ stream }) => stream)}::log_stream[],
        ${kinds.map(({ level }) => level)}::log_level[],
        ${kinds.map(({ truncated }) => truncated)}::bool[]
      ) with ordinality as kind(at, phase, attempt, stream, level, truncated, number) on kind.number = line.kind
    )
    select last_seq from held`;
  return held?.last_seq ?? null;
}

/** A line of each kind, and for each line the number of its kind, from 1. Lines of a kind come in runs. */
function kindsOf(lines: readonly NewLogLine[]): { kinds: NewLogLine[]; numbers: number[] } {
  const kinds: NewLogLine[] = [];
  const numbers = lines.map((line) => {
    const last = kinds.at(-1);
    return last && isOfOneKind(last, line) ? kinds.length : kinds.push(line);
  });
  return { kinds, numbers };
}

function isOfOneKind(one: NewLogLine, other: NewLogLine): boolean {
  return (
    one.at.getTime() === other.at.getTime() &&
    one.phase === other.phase &&
    one.attempt === other.attempt &&
    one.stream === other.stream &&
    one.level === other.level &&
    one.truncated === other.truncated
  );
}

/** The beginning of the line that says that no more output is stored. */
export const TRUNCATION = 'The log is truncated: ';

/** What is stored of the output of a deployment's commands, without what Windlass itself says. */
export interface StoredOutput {
  readonly lines: number;
  readonly textBytes: number;
  /** Whether its end was said. */
  readonly isTruncated: boolean;
}

export const NO_OUTPUT: StoredOutput = { lines: 0, textBytes: 0, isTruncated: false };

/** Reads every line's length: for a worker that takes a deployment over, not more often. */
export async function measureOutput(prisma: PrismaClient, deploymentId: string): Promise<StoredOutput> {
  const [measured] = await prisma.$queryRaw<StoredOutput[]>`
    select count(*) filter (where stream <> 'system')::int as lines,
      coalesce(sum(octet_length(message)) filter (where stream <> 'system'), 0)::float8 as "textBytes",
      coalesce(bool_or(stream = 'system' and starts_with(message, ${TRUNCATION})), false) as "isTruncated"
    from log_lines where deployment_id = ${deploymentId}`;
  return measured!;
}

/** How many lines a filter looks through in the first read, and at most in a later one. */
const FILTERED_SPAN = 1_000;
const FILTERED_SPAN_MAX = 64_000;

/**
 * Lines after one seq and, if given, before another, in order; the last ones of them if `fromEnd`.
 *
 * Each read names a range that is hardly longer than what it wants: there are no gaps. Given an open end and a `limit`, a
 * database without fresh statistics sorts the whole rest of the log for each page: 90 ms of 20,000 lines, measured.
 */
export async function readLogLines(
  prisma: PrismaClient,
  deploymentId: string,
  { after = 0, before, limit, fromEnd = false }: { after?: number; before?: number; limit: number; fromEnd?: boolean },
  filter: LogFilter = {},
): Promise<LogLine[]> {
  const where = logLineFilter(deploymentId, filter);
  const lines: LogLine[] = [];
  let low = after;
  let high = await nearEnd(prisma, deploymentId, { after, before, limit });
  let span = isOpen(filter) ? limit : FILTERED_SPAN;
  while (low + 1 < high && lines.length < limit) {
    const seq = fromEnd
      ? { gt: Math.max(low, high - span - 1), lt: high }
      : { gt: low, lt: Math.min(high, low + span + 1) };
    const orderBy = { seq: fromEnd ? 'desc' : 'asc' } as const;
    lines.push(...(await prisma.logLine.findMany({ where: { ...where, seq }, orderBy, take: limit - lines.length })));
    if (fromEnd) high = seq.gt + 1;
    else low = seq.lt - 1;
    span = Math.min(span * 2, FILTERED_SPAN_MAX);
  }
  return fromEnd ? lines.toReversed() : lines;
}

/** The given end where there can be no more than `limit` lines before it, else that of the log if that comes first. */
async function nearEnd(
  prisma: PrismaClient,
  id: string,
  { after, before = Infinity, limit }: { after: number; before?: number; limit: number },
): Promise<number> {
  if (before - after <= limit + 1) return before;
  return Math.min(before, (await readLastSeq(prisma, id)) + 1);
}

/** How many lines a deployment has. */
export async function readLastSeq(prisma: PrismaClient, id: string): Promise<number> {
  const [row] = await prisma.$queryRaw<{ last_seq: number }[]>`select last_seq from deployments where id = ${id}`;
  return row?.last_seq ?? 0;
}

export function countLogLines(prisma: PrismaClient, deploymentId: string, filter: LogFilter = {}): Promise<number> {
  return prisma.logLine.count({ where: logLineFilter(deploymentId, filter) });
}

/** Whether a filter lets every line pass. */
function isOpen({ phases, streams, minLevel, contains }: LogFilter): boolean {
  return !phases && !streams && !minLevel && !contains;
}

/** The same filter for a line that was read already. */
export function matchesLogFilter(line: LogLine, { phases, streams, minLevel, contains }: LogFilter): boolean {
  if (phases && (line.phase === null || !phases.includes(line.phase))) return false;
  if (streams && !streams.includes(line.stream)) return false;
  if (minLevel && !levelsFrom(minLevel).includes(line.level)) return false;
  return !contains || line.message.includes(contains);
}

/** For Prisma. */
export function logLineFilter(deploymentId: string, filter: LogFilter): Prisma.LogLineWhereInput {
  return {
    deploymentId,
    phase: filter.phases ? { in: [...filter.phases] } : undefined,
    stream: filter.streams ? { in: [...filter.streams] } : undefined,
    level: filter.minLevel ? { in: levelsFrom(filter.minLevel) } : undefined,
    message: filter.contains ? { contains: escapeLike(filter.contains) } : undefined,
  };
}

/** Prisma makes a `like` of it and leaves its wildcards as they are. */
function escapeLike(text: string): string {
  return text.replaceAll(/[\\%_]/g, '\\$&');
}
