import { createReadStream, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { packProject } from '../../src/cli/pack.ts';
import { unpackArchive } from '../../src/packages/archive.ts';
import { createFolder } from '../kit/folder.ts';

type Texts = Readonly<Record<string, string>>;

function writeFiles(folder: string, files: Texts): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

/** The files of the package that a project gives. */
async function packed(files: Texts, project = '.'): Promise<string[]> {
  using folder = createFolder();
  writeFiles(folder.path, files);
  return await packedFrom(join(folder.path, project));
}

async function packedFrom(project: string): Promise<string[]> {
  using out = createFolder();
  const file = join(out.path, 'package.tar.gz');
  await packProject(project, file);
  const unpacked = join(out.path, 'unpacked');
  await unpackArchive(createReadStream(file), unpacked, { bytesMax: 1e6, entriesMax: 1_000, links: 'refused' });
  return readdirSync(unpacked, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(unpacked.length + 1))
    .toSorted();
}

const ANY = { 'server.mjs': '', 'dist/page.html': '', 'debug.log': '' };

test('what Git, Windlass and npm keep for themselves is never packed', async () => {
  const kept = {
    '.git/HEAD': '',
    '.windlass/project.json': '',
    'node_modules/x/index.js': '',
    'lib/node_modules/y/a.js': '',
  };

  expect(await packed({ ...ANY, ...kept, '.windlassignore': '!node_modules\n!.git' })).toEqual([
    ...['.windlassignore', 'debug.log', 'dist/page.html', 'server.mjs'],
  ]);
});

test('.gitignore is followed, in folders below too', async () => {
  const files = {
    ...ANY,
    '.gitignore': 'dist/\n*.log\n!keep.log',
    'keep.log': '',
    'lib/.gitignore': '/secret',
    'lib/secret': '',
    secret: '',
  };

  expect(await packed(files)).toEqual(['.gitignore', 'keep.log', 'lib/.gitignore', 'secret', 'server.mjs']);
});

test('.windlassignore comes last: it leaves out more, and takes back what Git ignores', async () => {
  const files = { ...ANY, '.gitignore': 'dist/', '.windlassignore': '!dist/\n*.log', 'dist/a/b.js': '' };

  expect(await packed(files)).toEqual(['.gitignore', '.windlassignore', 'dist/a/b.js', 'dist/page.html', 'server.mjs']);
});

test('.windlassignore takes back a folder that Git ignores further up, and not what else is ignored in it', async () => {
  const files = {
    '.git/HEAD': '',
    '.gitignore': 'dist\n*.map',
    'apps/shop/.windlassignore': '!dist/',
    'apps/shop/server.mjs': '',
    'apps/shop/dist/page.html': '',
    'apps/shop/dist/page.map': '',
    'apps/shop/dist/(a) [b]/c.html': '',
  };

  expect(await packed(files, 'apps/shop')).toEqual([
    ...['.windlassignore', 'dist/(a) [b]/c.html', 'dist/page.html', 'server.mjs'],
  ]);
});

test('a bundled dependency that is a link is packed as what it leads to, with what it needs, and nothing more', async () => {
  using folder = createFolder();
  const files = {
    'shop/package.json': '{ "bundleDependencies": ["@acme/lib"] }',
    'lib/package.json':
      '{ "dependencies": { "deep": "1" }, "optionalDependencies": { "fast": "1", "slow": "1" }, "devDependencies": { "tool": "1" } }',
    'lib/index.js': '',
    'lib/node_modules/deep/package.json': '{}',
    'lib/node_modules/fast/package.json': '{}',
    'lib/node_modules/tool/package.json': '{}',
    'lib/node_modules/.bin/tool': '',
  };
  writeFiles(folder.path, files);
  mkdirSync(join(folder.path, 'shop/node_modules/@acme'), { recursive: true });
  symlinkSync('../../../lib', join(folder.path, 'shop/node_modules/@acme/lib'));

  expect(await packedFrom(join(folder.path, 'shop'))).toEqual([
    'node_modules/@acme/lib/index.js',
    'node_modules/@acme/lib/package.json',
    'node_modules/deep/package.json',
    'node_modules/fast/package.json',
    'package.json',
  ]);
});

test('a link is refused by its name before anything is sent, unless it is left out', async () => {
  using folder = createFolder();
  writeFiles(folder.path, { 'server.mjs': '' });
  symlinkSync('server.mjs', join(folder.path, 'main.mjs'));

  await expect(packedFrom(folder.path)).rejects.toThrow('"main.mjs" is a link, which a package must not hold.');
  writeFiles(folder.path, { '.windlassignore': 'main.mjs' });

  expect(await packedFrom(folder.path)).toEqual(['.windlassignore', 'server.mjs']);
});

test('in a repository, what is said above the project holds, up to its top and not beyond', async () => {
  const project = { 'repo/apps/shop/server.mjs': '', 'repo/apps/shop/a.log': '', 'repo/apps/shop/b.tmp': '' };
  const rules = {
    '.gitignore': '*.mjs',
    'repo/.git/HEAD': '',
    'repo/.gitignore': '*.log',
    'repo/apps/.gitignore': 'shop/*.tmp',
  };

  expect(await packed({ ...project, ...rules }, 'repo/apps/shop')).toEqual(['server.mjs']);
});

test('a project that Git ignores as a whole is packed all the same', async () => {
  const files = { '.git/HEAD': '', '.gitignore': 'vendor/', 'vendor/demo/server.mjs': '' };

  expect(await packed(files, 'vendor/demo')).toEqual(['server.mjs']);
});

test('local settings are left out unless they are taken back, and bundled dependencies are packed', async () => {
  const files = {
    ...ANY,
    '.env': '',
    '.env.local': '',
    '.env.test.local': '',
    '.windlassignore': '!.env.test.local',
    'package.json': '{ "bundleDependencies": ["x"] }',
    'node_modules/x/package.json': '{ "name": "x" }',
    'node_modules/y/package.json': '{ "name": "y" }',
  };

  expect(await packed(files)).toEqual([
    ...['.env', '.env.test.local', '.windlassignore', 'debug.log', 'dist/page.html'],
    ...['node_modules/x/package.json', 'package.json', 'server.mjs'],
  ]);
});
