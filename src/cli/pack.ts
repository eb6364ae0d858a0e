import { createWriteStream, existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { itemsOfFolder, packArchive, type PackItem } from '../packages/archive.ts';
import { Meter } from '../packages/meter.ts';
import { createIgnored } from './ignored.ts';

export interface PackedProject {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  /** The version in its package.json, or `0.0.0`. */
  readonly version: string;
}

/**
 * Packs a project folder into a file: without what its ignore files name, with the `bundleDependencies` of its
 * package.json. The same files give the same bytes.
 */
export async function packProject(folder: string, file: string): Promise<PackedProject> {
  const items = await itemsOfFolder(folder);
  const description = readPackageJson(folder);
  const bundled = bundledDependencies(folder, description.bundleDependencies ?? []);
  const isIgnored = createIgnored(folder);
  // Not what is installed below them: what they need of it is bundled by itself.
  const isBundled = (path: string) =>
    bundled.some((item) => path.startsWith(`${item.path}/`) && !path.includes('/node_modules/', item.path.length));
  const leaveOut = (path: string) => !isBundled(path) && isIgnored(path);
  const meter = new Meter();
  await pipeline(packArchive([...items, ...bundled], { leaveOut, links: 'refused' }), meter, createWriteStream(file));
  return { file, ...meter.result(), version: description.version ?? '0.0.0' };
}

interface PackageJson {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly bundleDependencies?: readonly string[];
}

function readPackageJson(folder: string): PackageJson {
  const file = join(folder, 'package.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
}

/** The named packages and all that these depend on, from where Node would find them: a folder above is as good. */
function bundledDependencies(folder: string, names: readonly string[]): PackItem[] {
  const found = new Map<string, string>();
  const add = (from: string, name: string, isOptional = false): void => {
    const place = findPackage(from, name);
    if (place === null) {
      if (isOptional) return;
      throw new Error(`${name} is not installed: run "npm install" before packing.`);
    }
    const known = found.get(name);
    if (known !== undefined && known !== place)
      throw new Error(`Two versions of ${name} are needed: it cannot be bundled.`);
    if (known !== undefined) return;
    found.set(name, place);
    const { dependencies = {}, optionalDependencies = {} } = readPackageJson(place);
    for (const dependency of Object.keys({ ...dependencies, ...optionalDependencies })) {
      add(place, dependency, dependency in optionalDependencies);
    }
  };
  for (const name of names) add(resolve(folder), name);
  return [...found].map(([name, place]) => ({ file: place, path: `node_modules/${name}` }));
}

/**
 * Where a package really is: workspaces, `file:` dependencies and pnpm link to it. Not `require.resolve`: a package may
 * hide its package.json. Null if it is not installed.
 */
function findPackage(from: string, name: string): string | null {
  for (let folder = from; ; folder = dirname(folder)) {
    const place = join(folder, 'node_modules', name);
    if (existsSync(join(place, 'package.json'))) return realpathSync(place);
    if (folder === dirname(folder)) return null;
  }
}
