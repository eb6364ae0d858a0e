import type { PhaseName } from '../domain/deployment.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { logLineFilter, readLastSeq, type LogFilter } from './logs.ts';

/** Neighbouring lines of one attempt of a phase. */
export interface LogSection {
  readonly phase: PhaseName | null;
  readonly attempt: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** How many lines between two known ones are looked at in each round. */
const PROBES = 64;

type Probe = Pick<LogSection, 'phase' | 'attempt'> & { readonly seq: number };

/**
 * The sections of a log, in order, without a look at every line: an attempt of a phase never comes back once another one
 * has begun, so whatever lies between two lines of one attempt belongs to it, too. Three rounds of point reads do for a
 * log of 200,000 lines; grouping them read all.
 */
export async function readLogSections(prisma: PrismaClient, deploymentId: string): Promise<LogSection[]> {
  const lastSeq = await readLastSeq(prisma, deploymentId);
  let known: Probe[] = [];
  let wanted = lastSeq > 0 ? [...new Set([1, lastSeq])] : [];
  while (wanted.length > 0) {
    const found = await prisma.$queryRaw<Probe[]>`
      select seq, phase::text as phase, attempt from log_lines
      where deployment_id = ${deploymentId} and seq = any(${wanted}::int[])`;
    // It was deleted meanwhile.
    if (found.length < wanted.length) return [];
    known = [...known, ...found].toSorted((one, other) => one.seq - other.seq);
    wanted = known.flatMap((probe, index) => between(probe, known[index + 1]));
  }
  return sectionsOf(known);
}

/** The lines to look at between two known ones: none where nothing else can be. */
function between(low: Probe, high: Probe | undefined): number[] {
  if (!high || isOfOneSection(low, high)) return [];
  const step = Math.max(1, Math.floor((high.seq - low.seq) / (PROBES + 1)));
  const seqs: number[] = [];
  for (let seq = low.seq + step; seq < high.seq; seq += step) seqs.push(seq);
  return seqs;
}

function isOfOneSection(one: Probe, other: Probe): boolean {
  return one.phase === other.phase && one.attempt === other.attempt;
}

function sectionsOf(probes: readonly Probe[]): LogSection[] {
  const sections: { -readonly [Key in keyof LogSection]: LogSection[Key] }[] = [];
  let last: Probe | null = null;
  for (const { seq, phase, attempt } of probes) {
    if (last && isOfOneSection(last, { seq, phase, attempt })) sections.at(-1)!.lastSeq = seq;
    else sections.push({ phase, attempt, firstSeq: seq, lastSeq: seq });
    last = { seq, phase, attempt };
  }
  return sections;
}

/** How many lines are looked through at a time, and how many numbers are found. */
const LOOKED_THROUGH_MAX = 64_000;
const MATCHES_MAX = 10_000;

export interface LogMatches {
  /** The numbers of the lines that match, in order. */
  readonly seqs: readonly number[];
  /** The last line that was looked at. */
  readonly cursor: number;
  /** Whether the log has lines after it. */
  readonly hasMore: boolean;
}

/** Which lines after one seq a filter lets pass, without the lines. It looks through a part of the log: go on after `cursor`. */
export async function findLogMatches(
  prisma: PrismaClient,
  deploymentId: string,
  filter: LogFilter,
  after = 0,
  { looked = LOOKED_THROUGH_MAX, matches = MATCHES_MAX } = {},
): Promise<LogMatches> {
  const lastSeq = await readLastSeq(prisma, deploymentId);
  const end = Math.min(lastSeq, after + looked);
  const found = await prisma.logLine.findMany({
    where: { ...logLineFilter(deploymentId, filter), seq: { gt: after, lte: end } },
    select: { seq: true },
    orderBy: { seq: 'asc' },
    take: matches,
  });
  const seqs = found.map(({ seq }) => seq);
  const cursor = seqs.length < matches ? Math.max(after, end) : seqs.at(-1)!;
  return { seqs, cursor, hasMore: cursor < lastSeq };
}
