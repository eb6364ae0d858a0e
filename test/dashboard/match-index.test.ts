import { expect, test } from 'vitest';
import type { Line } from '../../src/dashboard/deployment/log/log-filter.ts';
import { createMatchIndex, type FoundMatches } from '../../src/dashboard/deployment/log/match-index.ts';
import { until } from '../kit/until.ts';

const line = (seq: number): Line => ({
  seq,
  message: 'x',
  at: '2026-01-02T03:04:05.678Z',
  phase: 'BUILD',
  attempt: 1,
  stream: 'STDOUT',
  level: 'WARN',
  truncated: false,
});

/** Reads that end when the test says so. */
function holdReads() {
  const waiting: ((found: FoundMatches) => void)[] = [];
  const read = () => new Promise<FoundMatches>((resolve) => waiting.push(resolve));
  const answer = async (found: FoundMatches) => {
    await until('it is read', () => waiting.length > 0);
    waiting.shift()!(found);
  };
  return { read, answer };
}

test('lines that come while the stored ones are read are left to the next read, and none is counted twice', async () => {
  let lastSeq = 10;
  const { read, answer } = holdReads();
  const options = { read, lastSeq: () => lastSeq, onChange() {}, onError() {} };
  const index = createMatchIndex({ minLevel: 'WARN' }, options);

  lastSeq = 11;
  index.take(line(11));
  await answer({ seqs: [2, 5], cursor: 10, hasMore: false });
  await answer({ seqs: [11, 12], cursor: 12, hasMore: false });
  await until('all were read', () => index.isComplete);
  for (const seq of [12, 13, 14]) index.take(line(seq));

  expect(index.seqs).toEqual([2, 5, 11, 12, 13, 14]);
});
