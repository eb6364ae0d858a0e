import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { open, realpath, stat, type FileHandle } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream';
import { LRUCache } from 'lru-cache';
import { isNotModified, isPreconditionFailed, rangeOf } from './conditions.ts';
import { sendPage } from './pages.ts';

/** The files of a release without a process. */
export interface StaticSite {
  readonly releaseId: string;
  /** Absolute; with its links resolved. */
  readonly root: string;
  /** Served, with status 200, for pages that do not exist; relative to the root. */
  readonly fallback: string | null;
}

/** Above this, hashing the content would make the first client wait. */
const HASHED_BYTES_MAX = 8 * 1024 * 1024;
const ETAGS_MAX = 20_000;

const CONTENT_TYPE: Record<string, string> = {
  '.avif': 'image/avif',
  '.css': 'text/css; charset=utf-8',
  '.csv': 'text/csv; charset=utf-8',
  '.gif': 'image/gif',
  '.htm': 'text/html; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.md': 'text/markdown; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.mp3': 'audio/mpeg',
  '.mp4': 'video/mp4',
  '.otf': 'font/otf',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.ttf': 'font/ttf',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webm': 'video/webm',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.webp': 'image/webp',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
  '.xml': 'application/xml; charset=utf-8',
};

/** A part of a name, of at least eight hexadecimal digits, letters and figures among them: no word, and no date. */
const CONTENT_HASH = /(?:^|[-._])(?=[\da-f]*[a-f])(?=[\da-f]*\d)[\da-f]{8,}(?=[-._]|$)/;

/** A release's files never change, so that a tag holds as long as the file. */
const etags = new LRUCache<string, string>({ max: ETAGS_MAX });

/** The folder of a release that a static app names, with its links resolved; null when it is none, or outside. */
export async function findStaticRoot(release: string, folder: string): Promise<string | null> {
  const inside = await realpath(release);
  const root = await realpath(join(release, folder)).catch(absentAsNull);
  if (root === null || (root !== inside && !root.startsWith(`${inside}${sep}`))) return null;
  return (await stat(root)).isDirectory() ? root : null;
}

function absentAsNull(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
  throw error;
}

interface FoundFile {
  readonly path: string;
  readonly size: number;
  readonly handle: FileHandle;
}

/** Answers a request with a file of the site. Nothing outside of its root is ever opened for a client. */
export async function serveFile(request: IncomingMessage, reply: ServerResponse, site: StaticSite): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    const message = 'This app is a folder of files: it only answers GET and HEAD.';
    return sendPage(reply, { status: 405, message, headers: { allow: 'GET, HEAD' } });
  }
  const [pathname, query] = splitOnce(request.url ?? '/', '?');
  const parts = segmentsOf(pathname);
  if (parts === null) return sendPage(reply, { status: 400, message: 'The path is not encoded as it must be.' });
  const found = await find(site, parts);
  if (found === 'folder' && !pathname.endsWith('/')) return redirectToFolder(reply, parts, query);
  const file = found === 'folder' ? await find(site, [...parts, 'index.html']) : pathname.endsWith('/') ? null : found;
  if (file && file !== 'folder') return sendFile(request, reply, site, 200, file);
  if (found && found !== 'folder') await found.handle.close(); // A file, asked for as a folder.
  await sendMissing(request, reply, site, parts);
}

async function sendMissing(
  request: IncomingMessage,
  reply: ServerResponse,
  site: StaticSite,
  parts: readonly string[],
) {
  // A missing page is the fallback's to show; a missing script or picture is missing.
  const isPage = !(parts.at(-1) ?? '').includes('.');
  const fallback = site.fallback !== null && isPage ? await find(site, site.fallback.split('/')) : null;
  if (fallback && fallback !== 'folder') return sendFile(request, reply, site, 200, fallback);
  const page = await find(site, ['404.html']);
  if (page && page !== 'folder') return sendFile(request, reply, site, 404, page);
  sendPage(reply, { status: 404, message: `There is no file at ${JSON.stringify(`/${parts.join('/')}`)}.` });
}

/** The parts of a decoded path; null when it cannot be decoded. Decoded once, before it is taken apart. */
function segmentsOf(pathname: string): string[] | null {
  try {
    return decodeURIComponent(pathname)
      .split('/')
      .filter((part) => part !== '');
  } catch {
    return null; // Not UTF-8, or a lonely "%".
  }
}

/** Names that begin with a dot are nobody's business, but for the one folder that is made for everybody (RFC 8615). */
function isHidden(part: string): boolean {
  return part.startsWith('.') && part !== '.well-known';
}

function isPlain(parts: readonly string[]): boolean {
  return !parts.some((part) => isHidden(part) || part.includes('\0') || part.includes('\\') || part.includes('/'));
}

/** Links are followed, as far as what they lead to is inside and could be asked for by its own name. */
async function find(site: StaticSite, parts: readonly string[]): Promise<FoundFile | 'folder' | null> {
  if (!isPlain(parts)) return null;
  try {
    const path = await realpath(join(site.root, ...parts));
    const inside = relative(site.root, path).split(sep);
    if (path !== site.root && !isPlain(inside)) return null;
    // Not through a link that has come since, and without waiting for who writes into a pipe.
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const seen = await handle.stat();
    if (seen.isFile()) return { path, size: seen.size, handle };
    await handle.close();
    return seen.isDirectory() ? 'folder' : null;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'EACCES'].includes(code)) return null;
    throw error;
  }
}

function redirectToFolder(reply: ServerResponse, parts: readonly string[], query: string | undefined): void {
  // Made of the parts: of `//other.example` a browser would make another host.
  const path = `/${parts.map(encodeURIComponent).join('/')}/`;
  reply.writeHead(301, { location: query === undefined ? path : `${path}?${query}`, 'cache-control': 'no-cache' });
  reply.end();
}

async function sendFile(
  request: IncomingMessage,
  reply: ServerResponse,
  site: StaticSite,
  status: 200 | 404,
  file: FoundFile,
): Promise<void> {
  const etag = await etagOf(site, file);
  const headers = {
    'accept-ranges': 'bytes',
    'cache-control': isImmutable(file.path) && status === 200 ? 'public, max-age=31536000, immutable' : 'no-cache',
    'content-type': CONTENT_TYPE[extname(file.path).toLowerCase()] ?? 'application/octet-stream',
    etag,
    'x-content-type-options': 'nosniff',
  };
  const { size } = file;
  if (status === 200 && isPreconditionFailed(request.headers, { etag })) return end(412, { 'content-length': 0 });
  if (status === 200 && isNotModified(request.headers, { etag })) return end(304, headers);
  const isRanged = status === 200 && request.method === 'GET';
  const range = isRanged ? rangeOf(request.headers, { etag }, size) : 'whole';
  if (range === 'unsatisfiable') return end(416, { 'content-range': `bytes */${size}`, 'content-length': 0 });
  const { start, end: last } = range === 'whole' ? { start: 0, end: size - 1 } : range;
  const length = { 'content-length': last - start + 1 };
  if (request.method === 'HEAD' || size === 0) return end(status, { ...headers, ...length });
  if (range === 'whole') reply.writeHead(status, { ...headers, ...length });
  else reply.writeHead(206, { ...headers, ...length, 'content-range': `bytes ${start}-${last}/${size}` });
  // Closes the file at its end, and when the client goes away.
  pipeline(createReadStream(file.path, { fd: file.handle, start, end: last }), reply, () => {});

  async function end(code: number, given: Record<string, string | number>): Promise<void> {
    await file.handle.close();
    reply.writeHead(code, given);
    reply.end();
  }
}

function isImmutable(path: string): boolean {
  return !/\.html?$/i.test(path) && CONTENT_HASH.test(path.slice(path.lastIndexOf(sep) + 1));
}

/** Of the content, so that what a deployment did not change stays valid. The times of unpacked files say nothing. */
async function etagOf(site: StaticSite, { path, size, handle }: FoundFile): Promise<string> {
  if (size > HASHED_BYTES_MAX) return `"${site.releaseId}-${size}"`;
  const known = etags.get(path);
  if (known !== undefined) return known;
  const content = Buffer.alloc(size);
  await handle.read(content, 0, size, 0);
  const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
  etags.set(path, etag);
  return etag;
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const index = text.indexOf(separator);
  return index === -1 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)];
}
