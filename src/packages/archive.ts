import { createReadStream } from 'node:fs';
import { lstat, mkdir, open, readdir, readlink, symlink } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { Transform, type Readable, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { extract, pack, type Headers, type Pack } from 'tar-stream';
import type { PackageDescription } from '../domain/manifest.ts';

/** The archive is at fault; the message is a full sentence that names the entry. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
}

export interface ArchiveLimits {
  /** Of all files together, unpacked. */
  readonly bytesMax: number;
  readonly entriesMax: number;
  /** Artifacts of our own may hold links that stay inside, such as those in `node_modules/.bin`; packages may not. */
  readonly links: 'refused' | 'inside';
}

/** Of artifacts, which were made here: only their links are looked at. */
export const ARTIFACT_LIMITS: ArchiveLimits = {
  bytesMax: Number.MAX_SAFE_INTEGER,
  entriesMax: 5_000_000,
  links: 'inside',
};

export interface ArchiveEntry {
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'link';
  readonly isExecutable: boolean;
  readonly linkTarget: string;
  readonly bytes: number;
  /** Must be read to its end before the next entry. */
  readonly content: AsyncIterable<Buffer>;
}

const BLOCK_BYTES = 512;
/** What may lie between two entries: extended headers, padding, and what streams read ahead. */
const OVERHEAD_BYTES_MAX = 4 * 1024 * 1024;
const MANIFEST_BYTES_MAX = 1024 * 1024;
/** Of a path in the archive: Linux takes 4096, and the folder it is unpacked to has a path too. */
const PATH_BYTES_MAX = 2_048;

/**
 * Reads a gzipped tar entry by entry and fails closed: no absolute path, `..`, device, pipe, setuid bit, duplicate, link
 * that leaves the archive, entry below a file, and nothing over the limits, whatever sizes the headers claim. Throws
 * ArchiveError.
 */
async function* readArchive(source: Readable, limits: ArchiveLimits): AsyncGenerator<ArchiveEntry, void, void> {
  // Folders that no entry names, but that the paths of others need, are here too.
  const kinds = new Map<string, ArchiveEntry['kind']>([['.', 'directory']]);
  let entries = 0;
  let declaredBytes = 0;
  const gauge = new Gauge();
  const parser = extract();
  const piped = pipeline(source, createGunzip(), gauge, parser);
  piped.catch(() => {}); // The loop below gets the same error from the parser.
  try {
    for await (const entry of parser) {
      const checked = checkHeader(entry.header, kinds, limits);
      entries += 1;
      // The `.` is not an entry.
      if (Math.max(entries, kinds.size - 1) > limits.entriesMax) {
        throw new ArchiveError(`The archive has more than ${limits.entriesMax} entries.`);
      }
      declaredBytes += checked.bytes;
      if (declaredBytes > limits.bytesMax) {
        throw new ArchiveError(`The archive unpacks to more than ${limits.bytesMax} bytes.`);
      }
      const inAll = declaredBytes + (entries + 4) * BLOCK_BYTES * 2;
      gauge.allowedBytes = Math.min(inAll, gauge.streamedBytes + checked.bytes) + OVERHEAD_BYTES_MAX;
      yield { ...checked, content: readContent(entry as AsyncIterable<Buffer>, piped) };
      entry.resume();
    }
    await piped;
    // Without its end block, a tar may have been cut off between two entries.
    if (gauge.zerosAtEnd < BLOCK_BYTES) throw new Error('The end of the archive is missing.');
  } catch (error) {
    throw asArchiveError(error);
  } finally {
    parser.destroy();
    source.destroy();
  }
}

/** A header may claim any size for what a parser then keeps in memory: what streams must not outrun what is declared. */
class Gauge extends Transform {
  allowedBytes = OVERHEAD_BYTES_MAX;
  streamedBytes = 0;
  zerosAtEnd = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.streamedBytes += chunk.length;
    const zeros = countZerosAtEnd(chunk);
    this.zerosAtEnd = zeros === chunk.length ? this.zerosAtEnd + zeros : zeros;
    const isTooLong = this.streamedBytes > this.allowedBytes;
    done(isTooLong ? new ArchiveError('The archive holds more than its entries say.') : null, chunk);
  }
}

function countZerosAtEnd(chunk: Buffer): number {
  let end = chunk.length;
  while (end > 0 && chunk[end - 1] === 0) end -= 1;
  return chunk.length - end;
}

/** An entry of an archive that breaks off fails as the archive does, not as one destroyed stream among others. */
async function* readContent(entry: AsyncIterable<Buffer>, piped: Promise<void>): AsyncGenerator<Buffer, void, void> {
  try {
    yield* entry;
  } catch (error) {
    throw asArchiveError(
      await piped.then(
        () => error,
        (reason: unknown) => reason,
      ),
    );
  }
}

function asArchiveError(error: unknown): unknown {
  if (error instanceof ArchiveError || isSystemError(error)) return error;
  return new ArchiveError('The package is not a complete gzipped tar archive.', { cause: error });
}

/** Errors of the disk are not the archive's fault; those of zlib have codes that begin with Z. */
function isSystemError(error: unknown): boolean {
  return /^E[A-Z]+$/.test(String((error as NodeJS.ErrnoException).code)) && 'syscall' in (error as object);
}

function checkHeader(
  header: Headers,
  kinds: Map<string, ArchiveEntry['kind']>,
  limits: ArchiveLimits,
): Omit<ArchiveEntry, 'content'> {
  const shown = JSON.stringify(header.name.slice(0, 200));
  if (Buffer.byteLength(header.name) > PATH_BYTES_MAX) throw tooLong(header.name);
  const path = safePath(header.name);
  if (path === null) throw new ArchiveError(`The archive has an entry outside of its folder: ${shown}.`);
  // A parser waits forever for the end of an entry whose size is negative or no number.
  const size = header.size ?? 0;
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new ArchiveError(`The archive has an entry of no valid size: ${shown}.`);
  }
  const kind = header.type === 'file' || header.type === 'directory' ? header.type : 'link';
  if (kind === 'link' && (header.type !== 'symlink' || limits.links === 'refused')) {
    throw new ArchiveError(`The archive has an entry that is no file and no folder: ${shown} (${header.type}).`);
  }
  const linkTarget = kind === 'link' ? (header.linkname ?? '') : '';
  if (kind === 'link' && !staysInside(path, linkTarget)) {
    throw new ArchiveError(`The archive has a link that leaves its folder: ${shown}.`);
  }
  if (((header.mode ?? 0) & 0o7000) !== 0 && kind === 'file') {
    throw new ArchiveError(`The archive has a file with setuid, setgid or sticky bits: ${shown}.`);
  }
  addPath(path, kind, kinds, shown);
  return {
    path,
    kind,
    isExecutable: ((header.mode ?? 0) & 0o111) !== 0,
    linkTarget,
    bytes: kind === 'file' ? size : 0,
  };
}

function tooLong(path: string): ArchiveError {
  const shown = JSON.stringify(path.slice(0, 200));
  return new ArchiveError(`There is a path that is too long, of more than ${PATH_BYTES_MAX} bytes: ${shown}.`);
}

/** A path is one thing only, and whatever lies above it is a folder. */
function addPath(
  path: string,
  kind: ArchiveEntry['kind'],
  kinds: Map<string, ArchiveEntry['kind']>,
  shown: string,
): void {
  const before = kinds.get(path);
  if (before !== undefined && (before !== 'directory' || kind !== 'directory')) {
    throw new ArchiveError(`The archive has an entry twice: ${shown}.`);
  }
  kinds.set(path, kind);
  for (let above = posix.dirname(path); kinds.get(above) !== 'directory'; above = posix.dirname(above)) {
    if (kinds.has(above)) throw new ArchiveError(`The archive has an entry behind a ${kinds.get(above)}: ${shown}.`);
    kinds.set(above, 'directory');
  }
}

/** A relative path without detours, or null for one that is none. */
function safePath(name: string): string | null {
  if (name.includes('\0') || name.includes('\\') || name.startsWith('/')) return null;
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.some((part) => part === '..' || Buffer.byteLength(part) > 255)) return null;
  return parts.join('/') || '.';
}

/** `..` counts only at a target's beginning: behind another link's name it would lead somewhere else than it reads. */
function staysInside(path: string, target: string): boolean {
  if (target === '' || target.startsWith('/') || target.includes('\0')) return false;
  if (Buffer.byteLength(target) > PATH_BYTES_MAX) return false;
  if (posix.normalize(target).replace(/\/$/, '') !== target.replace(/\/$/, '')) return false;
  return !posix.join(posix.dirname(path), target).startsWith('..');
}

/** Unpacks into an empty folder. Nothing is written outside of it; what was written when it fails is the caller's to remove. */
export async function unpackArchive(
  source: Readable,
  folder: string,
  limits: ArchiveLimits,
  signal?: AbortSignal,
): Promise<{ files: number; bytes: number }> {
  const links: ArchiveEntry[] = [];
  let files = 0;
  let bytes = 0;
  source.on('error', () => {}); // It may fail before the loop listens, which then gets the same error.
  await mkdir(folder, { recursive: true });
  for await (const entry of readArchive(source, limits)) {
    signal?.throwIfAborted();
    const path = join(folder, entry.path);
    if (entry.kind === 'directory') await makeFolder(path, entry.path);
    if (entry.kind === 'link') links.push(entry);
    if (entry.kind !== 'file') continue;
    await makeFolder(dirname(path), entry.path);
    await writeEntry(path, entry);
    files += 1;
    bytes += entry.bytes;
  }
  // Links come last, so that no file is ever written through one.
  for (const { path, linkTarget } of links) {
    await makeFolder(dirname(join(folder, path)), path);
    await symlink(linkTarget, join(folder, path));
  }
  return { files, bytes };
}

async function makeFolder(path: string, shown: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENAMETOOLONG') throw tooLong(shown);
    if (code !== 'ENOTDIR' && code !== 'EEXIST') throw error;
    throw new ArchiveError(`The archive uses one path as a file and as a folder: ${JSON.stringify(shown)}.`);
  }
}

async function writeEntry(path: string, entry: ArchiveEntry): Promise<void> {
  const handle = await open(path, 'wx', entry.isExecutable ? 0o755 : 0o644).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENAMETOOLONG') throw tooLong(entry.path);
    if (error.code !== 'EEXIST' && error.code !== 'EISDIR') throw error;
    throw new ArchiveError(`The archive has an entry twice: ${JSON.stringify(entry.path)}.`);
  });
  try {
    for await (const chunk of entry.content) await handle.writeFile(chunk);
  } finally {
    await handle.close();
  }
}

/** Looks through a package without writing anything: whether it can be unpacked, and what it says of itself. */
export async function inspectPackage(source: Readable, limits: ArchiveLimits): Promise<PackageDescription> {
  const texts = new Map<string, string>();
  const roots = new Set<string>();
  for await (const entry of readArchive(source, limits)) {
    roots.add(entry.path.split('/')[0]!);
    if (entry.path !== 'windlass.json' && entry.path !== 'package.json') continue;
    if (entry.bytes > MANIFEST_BYTES_MAX) throw new ArchiveError(`${entry.path} is larger than 1 MiB.`);
    const chunks: Buffer[] = [];
    for await (const chunk of entry.content) chunks.push(chunk);
    texts.set(entry.path, Buffer.concat(chunks).toString('utf8'));
  }
  return {
    windlassJson: texts.get('windlass.json') ?? null,
    packageJson: texts.get('package.json') ?? null,
    hasLockfile: roots.has('package-lock.json') || roots.has('npm-shrinkwrap.json'),
    hasNodeModules: roots.has('node_modules'),
  };
}

/** One thing to pack: where it is, and what it is called in the archive. */
export interface PackItem {
  readonly file: string;
  readonly path: string;
}

export interface PackOptions {
  /** Whether a path of the archive is left out. Those of folders end with a slash. */
  readonly leaveOut?: (path: string) => boolean;
  /** What could not be unpacked again is not packed: as in ArchiveLimits. */
  readonly links?: ArchiveLimits['links'];
}

/**
 * A gzipped tar of some files and folders that depends on their names, contents and executable bits alone: entries are
 * sorted, times and owners left out. The same input gives the same bytes.
 */
export function packArchive(
  items: readonly PackItem[],
  { leaveOut = () => false, links = 'inside' }: PackOptions = {},
): Readable {
  const archive = pack();
  const gzip = createGzip({ level: 6 });
  addSorted(archive, items, { leaveOut, links }).then(
    () => archive.finalize(),
    (error: Error) => archive.destroy(error),
  );
  pipeline(archive, gzip).catch((error: Error) => gzip.destroy(error));
  return gzip;
}

/** What lies directly in a folder, as items to pack. */
export async function itemsOfFolder(folder: string, prefix = ''): Promise<PackItem[]> {
  const names = await readdir(folder);
  return names.map((name) => ({ file: join(folder, name), path: prefix + name }));
}

async function addSorted(archive: Pack, items: readonly PackItem[], options: Required<PackOptions>): Promise<void> {
  const { leaveOut, links } = options;
  const sorted = items.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  for (const { file, path } of sorted) {
    // What could not be unpacked again is not packed. What is deeper than this is not looked at.
    if (Buffer.byteLength(path) > PATH_BYTES_MAX) throw tooLong(path);
    const stats = await lstat(file);
    if (leaveOut(stats.isDirectory() ? `${path}/` : path)) continue;
    const header = { name: path, mtime: new Date(0), uid: 0, gid: 0 };
    if (stats.isDirectory()) {
      await addEntry(archive, { ...header, type: 'directory', mode: 0o755 });
      await addSorted(archive, await itemsOfFolder(file, `${path}/`), options);
    } else if (stats.isSymbolicLink()) {
      const linkname = await readlink(file);
      if (links === 'refused') {
        throw new ArchiveError(
          `${JSON.stringify(path)} is a link, which a package must not hold. Put what it leads to in its place, or name it in .windlassignore.`,
        );
      }
      if (!staysInside(path, linkname)) {
        throw new ArchiveError(
          `${JSON.stringify(path)} is a link that leaves the folder: ${JSON.stringify(linkname)}.`,
        );
      }
      await addEntry(archive, { ...header, type: 'symlink', linkname, mode: 0o777 });
    } else if (stats.isFile()) {
      const mode = (stats.mode & 0o111) !== 0 ? 0o755 : 0o644;
      await addFile(archive, { ...header, type: 'file', mode, size: stats.size }, file);
    }
    // Sockets and pipes that a build left behind are nothing that could run.
  }
}

function addEntry(archive: Pack, header: Headers): Promise<void> {
  return new Promise((resolve, reject) => {
    archive.entry(header, '', (error) => (error ? reject(error) : resolve()));
  });
}

async function addFile(archive: Pack, header: Headers, file: string): Promise<void> {
  const entry = archive.entry(header);
  await pipeline(createReadStream(file), entry);
}
