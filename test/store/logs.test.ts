import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database } from '../../src/store/db.ts';
import { appendLogLines, countLogLines, matchesLogFilter, readLogLines, type LogFilter } from '../../src/store/logs.ts';
import { createDatabase } from '../kit/database.ts';
import { createRows, insertClaimed, logLine } from './rows.ts';

let database: Database & AsyncDisposable;
let deploymentId: string;
beforeAll(async () => {
  database = await createDatabase();
  const claim = await insertClaimed(database.prisma, await createRows(database.prisma));
  ({ deploymentId } = claim);
  await appendLogLines(database.prisma, claim, [
    logLine('100% done'),
    logLine('1000 done'),
    logLine('snake_case'),
    logLine('snake case'),
    logLine('C:\\new'),
    { ...logLine('Case matters'), stream: 'stderr', level: 'warn' },
    { ...logLine('case matters'), phase: 'migrate', level: 'error' },
  ]);
});
afterAll(() => database[Symbol.asyncDispose]());

// Followers filter what they have read, pages let the database do it: nobody may see which of the two it was.
test.each<[LogFilter, string[]]>([
  [{ contains: '%' }, ['100% done']],
  [{ contains: '0_ ' }, []],
  [{ contains: 'snake_c' }, ['snake_case']],
  [{ contains: '\\' }, ['C:\\new']],
  [{ contains: '\\n' }, ['C:\\new']],
  [{ contains: 'Case' }, ['Case matters']],
  [{ contains: 'matters', phases: ['migrate'] }, ['case matters']],
  [{ streams: ['stderr'] }, ['Case matters']],
  [{ minLevel: 'warn' }, ['Case matters', 'case matters']],
  [{ phases: [] }, []],
])('the filter %j chooses the same lines from the rows and from lines that were read', async (filter, messages) => {
  const all = await readLogLines(database.prisma, deploymentId, { limit: 100 });

  const found = await readLogLines(database.prisma, deploymentId, { limit: 100 }, filter);

  expect(found.map(({ message }) => message)).toEqual(messages);
  expect(await countLogLines(database.prisma, deploymentId, filter)).toBe(messages.length);
  expect(all.filter((line) => matchesLogFilter(line, filter))).toEqual(found);
});
