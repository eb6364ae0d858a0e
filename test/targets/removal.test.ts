import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { removeFolder } from '../../src/targets/removal.ts';
import { createFolder } from '../kit/folder.ts';

/** Each of so many folders in the one before, with a file beside it; a path can reach the first 4096 bytes. */
const dig = (count: number, name: string, mode = '0o755') => `
  for (let i = 0; i < ${count}; i++) {
    fs.writeFileSync('file', 'x');
    fs.mkdirSync('${name}');
    process.chdir('${name}');
    if (i % 7 === 6) fs.chmodSync('..', ${mode});
  }`;

function digIn(cwd: string, script: string, asNobody = false): void {
  const user = asNobody && process.getuid!() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  execFileSync(process.execPath, ['-e', script], { cwd, ...user });
}

test.each([
  ['forty folders of long names', dig(40, 'd'.repeat(200))],
  ['three thousand folders of short names', dig(3_000, 'd')],
  ['folders of names that have more bytes than letters', dig(100, 'é'.repeat(100))],
])('%s in each other are removed', async (_what, script) => {
  using folder = createFolder();
  const deep = join(folder.path, 'deep');
  mkdirSync(deep);
  digIn(deep, script);

  await removeFolder(deep);

  expect(existsSync(deep)).toBe(false);
});

test('what is deep and closed, too, is removed by its own user', async () => {
  const isRoot = process.getuid!() === 0;
  using folder = createFolder();
  const deep = join(folder.path, 'deep');
  mkdirSync(deep, { mode: 0o777 });
  execFileSync('chmod', ['777', folder.path, deep]);
  digIn(deep, dig(60, 'd'.repeat(200), '0o300'), true);
  execFileSync('chmod', ['755', folder.path]);

  if (isRoot) process.seteuid!(65_534);
  try {
    // The folder that holds it belongs to somebody else.
    await removeFolder(join(deep, 'd'.repeat(200)));
  } finally {
    if (isRoot) process.seteuid!(0);
  }

  expect(existsSync(join(deep, 'd'.repeat(200)))).toBe(false);
});

test('a link goes, and what it leads to stays', async () => {
  using folder = createFolder();
  const [deep, outside] = [join(folder.path, 'deep'), join(folder.path, 'outside')];
  for (const path of [deep, outside]) mkdirSync(path);
  writeFileSync(join(outside, 'kept'), 'x');
  symlinkSync(outside, join(deep, 'link'));
  digIn(deep, `${dig(40, 'd'.repeat(200))} fs.symlinkSync('${outside}', 'link');`);

  await removeFolder(deep);

  expect(existsSync(deep)).toBe(false);
  expect(existsSync(join(outside, 'kept'))).toBe(true);
});
