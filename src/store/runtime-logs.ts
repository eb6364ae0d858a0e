import { mkdir, open, readdir, readFile, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import type { LogStream } from '../domain/deployment.ts';

/*
 * What the releases of one app print, in files of rows, one JSON array a line. A file is named after its first number;
 * the oldest goes when there are too many. Its first row says how far each source had been read by then. What is written
 * in one go ends with a row that says how far its source has been read; only up to such a row is a file believed. So
 * lines are neither lost nor stored twice when a writer dies: the next one reads on from there.
 */

/** One line that a release wrote, or that Windlass wrote about it. */
export interface RuntimeLine {
  /** 1, 2, 3 … per app, without gaps. */
  readonly seq: number;
  readonly at: Date;
  readonly deploymentId: string;
  readonly stream: LogStream;
  readonly message: string;
  readonly truncated: boolean;
}

export type NewRuntimeLine = Omit<RuntimeLine, 'seq' | 'at'>;

/** Where lines come from, and how far it has been read. */
export interface SourcePosition {
  readonly name: string;
  readonly readTo: number;
}

/** Appends to the log of one app. A folder has one writer at a time. */
export interface RuntimeLogWriter {
  /** Stores lines under the next numbers, and their source's position with them: all of it or, when it throws, nothing. */
  append(lines: readonly NewRuntimeLine[], source?: SourcePosition): Promise<void>;
  /** How far a source was read when its last lines were stored, by whichever writer. */
  readTo(source: string): number;
  /** Forgets a source that is no more. */
  forget(source: string): void;
  close(): Promise<void>;
}

type Row = readonly [
  seq: number,
  at: number,
  deploymentId: string,
  stream: LogStream,
  message: string,
  truncated: 0 | 1,
  ...position: [source: string, readTo: number] | [],
];

const FILES_MAX = 32;
const ROW_LENGTH_OF_AN_END = 8;
const NEWLINE = 0x0a;

/** `bytesMax` bounds the files of the log together. */
export async function openRuntimeLog(folder: string, bytesMax: number): Promise<RuntimeLogWriter> {
  await mkdir(folder, { recursive: true });
  const fileBytesMax = Math.floor(bytesMax / FILES_MAX);
  const recovered = await recover(folder);
  const { sources } = recovered;
  let { file, bytes, lastSeq } = recovered;
  let writing: Promise<void> = Promise.resolve();

  async function rotate(): Promise<FileHandle> {
    await file?.close();
    file = null;
    const names = await listFiles(folder);
    for (const name of names.slice(0, Math.max(0, names.length - FILES_MAX + 1))) await rm(join(folder, name));
    const header = `${JSON.stringify(Object.fromEntries(sources))}\n`;
    file = await open(join(folder, nameOf(lastSeq + 1)), 'w');
    await file.appendFile(header);
    bytes = Buffer.byteLength(header);
    return file;
  }

  async function write(lines: readonly NewRuntimeLine[], source: SourcePosition | undefined): Promise<void> {
    const to = file === null || bytes >= fileBytesMax ? await rotate() : file;
    const at = Date.now();
    const rows = lines.map(({ deploymentId, stream, message, truncated }, index): Row => {
      const position = index < lines.length - 1 ? ([] as const) : ([source?.name ?? '', source?.readTo ?? 0] as const);
      return [lastSeq + 1 + index, at, deploymentId, stream, message, truncated ? 1 : 0, ...position];
    });
    const text = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    try {
      await to.appendFile(text);
    } catch (error) {
      await to.truncate(bytes); // The disk may have been full in the middle of a row.
      throw error;
    }
    bytes += text.length;
    lastSeq += lines.length;
    if (source) sources.set(source.name, source.readTo);
  }

  return {
    append(lines, source) {
      const written = writing.then(() => write(lines, source));
      writing = written.catch(() => {}); // Its caller is told; the next append is not held back by it.
      return written;
    },
    readTo: (source) => sources.get(source) ?? 0,
    forget: (source) => void sources.delete(source),
    async close() {
      await writing;
      await file?.close();
    },
  };
}

interface Recovered {
  file: FileHandle | null;
  bytes: number;
  lastSeq: number;
  readonly sources: Map<string, number>;
}

/** Cuts off what no end row follows, and goes on after it. */
async function recover(folder: string): Promise<Recovered> {
  const name = (await listFiles(folder)).at(-1);
  if (name === undefined) return { file: null, bytes: 0, lastSeq: 0, sources: new Map() };
  const content = await readFile(join(folder, name));
  const { header, rows, bytes } = parseRows(content);
  if (header === null) {
    await rm(join(folder, name)); // Its writer died before it had written the first row.
    return recover(folder);
  }
  const sources = new Map(Object.entries(header));
  for (const [, , , , , , source, readTo] of rows) if (source) sources.set(source, readTo!);
  const file = await open(join(folder, name), 'a');
  await file.truncate(bytes);
  return { file, bytes, lastSeq: rows.at(-1)?.[0] ?? seqOf(name) - 1, sources };
}

interface ParsedRows {
  readonly header: Record<string, number> | null;
  readonly rows: readonly Row[];
  /** The length of what is believed. */
  readonly bytes: number;
}

function parseRows(content: Buffer, hasHeader = true): ParsedRows {
  let header: Record<string, number> | null = null;
  let bytes = 0;
  let believed = 0;
  const rows: Row[] = [];
  let start = 0;
  for (let end = content.indexOf(NEWLINE); end !== -1; end = content.indexOf(NEWLINE, start)) {
    const row = JSON.parse(content.toString('utf8', start, end)) as Record<string, number> | Row;
    start = end + 1;
    if (hasHeader && header === null) {
      header = row as Record<string, number>;
      bytes = start;
      continue;
    }
    rows.push(row as Row);
    if ((row as Row).length !== ROW_LENGTH_OF_AN_END) continue;
    believed = rows.length;
    bytes = start;
  }
  return { header, rows: rows.slice(0, believed), bytes };
}

const NAME = /^\d{15}\.ndjson$/;

function nameOf(seq: number): string {
  return `${String(seq).padStart(15, '0')}.ndjson`;
}

function seqOf(name: string): number {
  return Number.parseInt(name, 10);
}

async function listFiles(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => NAME.test(name)).toSorted();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []; // Nothing was ever written, or all was removed.
    throw error;
  }
}

export interface RuntimeLogFilter {
  readonly deploymentId?: string | null;
  readonly streams?: readonly LogStream[] | null;
  readonly contains?: string | null;
}

export interface RuntimeLogRange {
  readonly after?: number;
  readonly before?: number;
  readonly limit: number;
  /** The last lines of the range instead of the first. */
  readonly fromEnd?: boolean;
}

export interface RuntimeLogReader {
  /** The first and the last number that are stored. Without any, the first is one more than the last. */
  bounds(productionAppId: string): Promise<{ firstSeq: number; lastSeq: number }>;
  /** Lines of a range, in order. */
  read(productionAppId: string, range: RuntimeLogRange, filter?: RuntimeLogFilter): Promise<RuntimeLine[]>;
}

interface ParsedFile {
  readonly bytes: number;
  readonly lines: readonly RuntimeLine[];
}

/** Parsed files that several readers of an app, or one that follows, share; about 8 MB each. */
const CACHED_FILES_MAX = 8;

/** Reads what the writer of each app stores, also while it does, and from another process. */
export function createRuntimeLogReader(folderOf: (productionAppId: string) => string): RuntimeLogReader {
  const cache = new LRUCache<string, Promise<ParsedFile>>({ max: CACHED_FILES_MAX });

  /** One load of a file at a time, each going on where the one before stopped. */
  function load(path: string): Promise<ParsedFile> {
    const before = cache.get(path);
    const loaded = before === undefined ? parseFile(path) : before.then((parsed) => parseFile(path, parsed));
    cache.set(path, loaded);
    loaded.catch(() => cache.delete(path));
    return loaded;
  }

  async function loadLines(folder: string, name: string): Promise<readonly RuntimeLine[]> {
    try {
      return (await load(join(folder, name))).lines;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []; // It was the oldest, and was removed.
      throw error;
    }
  }

  return {
    async bounds(productionAppId) {
      const folder = folderOf(productionAppId);
      const names = await listFiles(folder);
      const last = names.at(-1);
      if (last === undefined) return { firstSeq: 1, lastSeq: 0 };
      const lines = await loadLines(folder, last);
      return { firstSeq: seqOf(names[0]!), lastSeq: lines.at(-1)?.seq ?? seqOf(last) - 1 };
    },

    async read(productionAppId, { after = 0, before = Infinity, limit, fromEnd = false }, filter = {}) {
      const folder = folderOf(productionAppId);
      const names = await listFiles(folder);
      const touched = names.filter((name, index) => {
        const next = names[index + 1];
        return seqOf(name) < before && (next === undefined || seqOf(next) > after + 1);
      });
      const found: RuntimeLine[] = [];
      for (const name of fromEnd ? touched.toReversed() : touched) {
        const lines = (await loadLines(folder, name)).filter(
          (line) => line.seq > after && line.seq < before && matches(line, filter),
        );
        if (fromEnd) found.unshift(...lines.slice(-(limit - found.length)));
        else found.push(...lines.slice(0, limit - found.length));
        if (found.length >= limit) break;
      }
      return found;
    },
  };
}

async function parseFile(path: string, before: ParsedFile = { bytes: 0, lines: [] }): Promise<ParsedFile> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size === before.bytes) return before;
    const content = Buffer.alloc(size - before.bytes);
    const { bytesRead } = await file.read(content, 0, content.length, before.bytes);
    const { rows, bytes } = parseRows(content.subarray(0, bytesRead), before.bytes === 0);
    return { bytes: before.bytes + bytes, lines: [...before.lines, ...rows.map(lineOf)] };
  } finally {
    await file.close();
  }
}

function lineOf([seq, at, deploymentId, stream, message, truncated]: Row): RuntimeLine {
  return { seq, at: new Date(at), deploymentId, stream, message, truncated: truncated === 1 };
}

function matches(line: RuntimeLine, { deploymentId, streams, contains }: RuntimeLogFilter): boolean {
  if (deploymentId != null && line.deploymentId !== deploymentId) return false;
  if (streams != null && !streams.includes(line.stream)) return false;
  return contains == null || line.message.includes(contains);
}
