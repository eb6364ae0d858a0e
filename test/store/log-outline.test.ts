import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PHASES } from '../../src/domain/deployment.ts';
import type { Database } from '../../src/store/db.ts';
import type { Claim } from '../../src/store/deployments.ts';
import { findLogMatches, readLogSections } from '../../src/store/log-outline.ts';
import { appendLogLines, readLogLines, type NewLogLine } from '../../src/store/logs.ts';
import { createDatabase } from '../kit/database.ts';
import { createRows, insertClaimed, logLine } from './rows.ts';

let database: Database & AsyncDisposable;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

async function writeLog(lines: readonly NewLogLine[]): Promise<Claim> {
  const claim = await insertClaimed(database.prisma, await createRows(database.prisma));
  if (lines.length > 0) await appendLogLines(database.prisma, claim, lines);
  return claim;
}

test('the sections of a log are the runs of its attempts, however long or short each is', async () => {
  const length = fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 60, max: 900 }));
  const phases = fc
    .subarray([...PHASES])
    .chain((names) =>
      fc.tuple(
        ...names.map((phase) =>
          fc
            .array(length, { minLength: 1, maxLength: 2 })
            .map((lengths) => lengths.map((count, index) => ({ phase, attempt: index + 1, count }))),
        ),
      ),
    );
  await fc.assert(
    fc.asyncProperty(phases, async (runsOfPhases) => {
      const runs = runsOfPhases.flat();
      const { deploymentId } = await writeLog(
        runs.flatMap(({ phase, attempt, count }) =>
          Array.from({ length: count }, () => ({ ...logLine('x'), phase, attempt })),
        ),
      );

      const sections = await readLogSections(database.prisma, deploymentId);

      let seq = 0;
      expect(sections).toEqual(
        runs.map(({ phase, attempt, count }) => ({ phase, attempt, firstSeq: seq + 1, lastSeq: (seq += count) })),
      );
    }),
    { numRuns: 15 },
  );
});

test('the matches of a filter, read part by part, are the lines that the filter gives', async () => {
  const { deploymentId } = await writeLog(
    Array.from({ length: 500 }, (_unused, index) => ({
      ...logLine(`line ${index}`),
      level: index % 7 === 0 ? ('warn' as const) : ('info' as const),
    })),
  );
  const filter = { minLevel: 'warn', contains: '1' } as const;
  const lines = await readLogLines(database.prisma, deploymentId, { limit: 1_000 }, filter);

  const seqs: number[] = [];
  let calls = 0;
  for (let after = 0, hasMore = true; hasMore; calls += 1) {
    const part = await findLogMatches(database.prisma, deploymentId, filter, after, { looked: 150, matches: 5 });
    expect(part.cursor).toBeGreaterThan(after);
    ({ cursor: after, hasMore } = part);
    seqs.push(...part.seqs);
  }

  expect(seqs).toEqual(lines.map(({ seq }) => seq));
  expect(calls).toBeGreaterThan(4);
});

test('a log without lines has no sections and no matches', async () => {
  const { deploymentId } = await writeLog([]);

  expect(await readLogSections(database.prisma, deploymentId)).toEqual([]);
  expect(await findLogMatches(database.prisma, deploymentId, {})).toEqual({ seqs: [], cursor: 0, hasMore: false });
});
