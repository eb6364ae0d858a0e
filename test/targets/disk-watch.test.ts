import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { watchDisk, type DiskProblem } from '../../src/targets/disk-watch.ts';
import { createFolder } from '../kit/folder.ts';
import { until } from '../kit/until.ts';

const LIMITS = { bytesMax: 1_000_000, entriesMax: 1_000, bytesFree: 0 };

async function problemOf(folder: string): Promise<DiskProblem> {
  const problems: DiskProblem[] = [];
  using _watch = watchDisk([folder], LIMITS, (problem) => problems.push(problem));
  return await until('something is too much', () => problems[0], 10_000);
}

test.each(['300', '600', '000'])('what lies in a folder of mode %s is counted', async (mode) => {
  const isRoot = process.getuid!() === 0;
  if (isRoot) process.seteuid!(65_534);
  try {
    using folder = createFolder();
    const closed = join(folder.path, 'closed');
    mkdirSync(closed);
    writeFileSync(join(closed, 'big'), Buffer.alloc(2_000_000, 1));
    chmodSync(closed, mode);

    const problem = await problemOf(folder.path).finally(() => chmodSync(closed, 0o700));

    expect(problem).toBe('bytes');
  } finally {
    if (isRoot) process.seteuid!(0);
  }
});

test('what lies deeper than a path can say is a problem of its own', async () => {
  const { path } = createFolder();
  const dig = `for (let i = 0; i < 40; i++) { fs.mkdirSync('d'.repeat(200)); process.chdir('d'.repeat(200)); }`;
  execFileSync(process.execPath, ['-e', dig], { cwd: path });

  const problem = await problemOf(path).finally(() => execFileSync('rm', ['-rf', path]));

  expect(problem).toBe('hidden');
});
