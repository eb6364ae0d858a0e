import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import ignore, { type Ignore } from 'ignore';

/** Never packed, whatever the ignore files say. */
const NEVER = new Set(['.git', '.windlass', 'node_modules']);
/** Left out unless an ignore file takes it back with `!`. */
const UNLESS_TAKEN_BACK = ['.DS_Store', '.env.local', '.env.*.local'];
/** In this order: what `.windlassignore` says about a path wins. */
const FILES = ['.gitignore', '.windlassignore'];

interface Rules {
  readonly folder: string;
  readonly matcher: Ignore;
}

/**
 * Says which files of a project are left out of its package, as Git would: by the `.gitignore` of every folder from the
 * repository's down, then by `.windlassignore` in the same way. Paths are relative to the project, with slashes; those of
 * folders end with one.
 */
export function createIgnored(project: string): (path: string) => boolean {
  const root = resolve(project);
  // Whoever packs a folder that Git ignores as a whole means it all the same.
  const isWholeIgnored = ({ folder, matcher }: Rules) =>
    matcher.ignores(`${relative(folder, root).split(sep).join('/')}/`);
  const upper = foldersAbove(root).map(rulesOf);
  const above = upper.some(isWholeIgnored) ? [] : upper;
  const below = new Map<string, Rules>();
  const rulesAt = (folder: string): Rules => {
    const known = below.get(folder) ?? rulesOf(folder);
    below.set(folder, known);
    return known;
  };
  const defaults = ignore().add(UNLESS_TAKEN_BACK);
  return (path) => {
    const name = path.replace(/\/$/, '').split('/').at(-1)!;
    if (NEVER.has(name)) return true;
    const absolute = join(root, path);
    const end = path.endsWith('/') ? '/' : '';
    let isLeftOut = defaults.ignores(path);
    for (const { folder, matcher } of [...above, ...foldersBetween(root, dirname(absolute)).map(rulesAt)]) {
      const inFolder = relative(folder, absolute).split(sep).join('/');
      const { ignored, unignored } = testItself(matcher, inFolder + end);
      if (ignored) isLeftOut = true;
      if (unignored) isLeftOut = false;
    }
    return isLeftOut;
  };
}

/**
 * What rules say of a path itself. Whoever asks has kept the folders above it, perhaps because other rules took them back,
 * so it is nothing that these rules ignore a folder above as a whole.
 */
function testItself(matcher: Ignore, path: string): { ignored: boolean; unignored: boolean } {
  const result = matcher.test(path);
  const names = path.replace(/\/$/, '').split('/').slice(0, -1);
  if (!result.ignored || names.length === 0 || !matcher.ignores(`${names.join('/')}/`)) return result;
  const folders = names.map((_name, index) =>
    names
      .slice(0, index + 1)
      .map(literally)
      .join('/'),
  );
  return ignore()
    .add(matcher)
    .add(folders.map((folder) => `!/${folder}/`))
    .test(path);
}

function literally(name: string): string {
  return name.replace(/[\\*?[\]! #]/g, '\\$&');
}

function rulesOf(folder: string): Rules {
  const matcher = ignore();
  for (const file of FILES.map((name) => join(folder, name))) {
    if (existsSync(file)) matcher.add(readFileSync(file, 'utf8'));
  }
  return { folder, matcher };
}

/** From the top of the Git repository down to the folder above the project; none outside of a repository. */
function foldersAbove(root: string): string[] {
  const folders: string[] = [];
  for (let folder = root; ; folder = dirname(folder)) {
    if (folder !== root) folders.unshift(folder);
    if (existsSync(join(folder, '.git'))) return folders;
    if (folder === dirname(folder)) return [];
  }
}

/** From the project's folder down to one in it. */
function foldersBetween(root: string, folder: string): string[] {
  const folders = [root];
  let current = root;
  for (const part of relative(root, folder).split(sep)) {
    if (part === '') continue;
    current = join(current, part);
    folders.push(current);
  }
  return folders;
}
