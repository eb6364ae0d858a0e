import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  createReadStream,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { Headers } from 'tar-stream';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  ArchiveError,
  inspectPackage,
  itemsOfFolder,
  packArchive,
  unpackArchive,
  type ArchiveLimits,
} from '../../src/packages/archive.ts';
import { createFolder } from '../kit/folder.ts';
import { makePackage } from '../kit/seed.ts';

const LIMITS: ArchiveLimits = { bytesMax: 8 * 1024 * 1024, entriesMax: 100, links: 'inside' };
const MIB = 1024 * 1024;

function unpack(bytes: Buffer, folder: string, limits = LIMITS) {
  return unpackArchive(streamOf(bytes), folder, limits);
}

/** In pieces, as a network delivers it. */
function streamOf(bytes: Buffer): Readable {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 16_384) pieces.push(bytes.subarray(at, at + 16_384));
  return Readable.from(pieces);
}

async function pack(folder: string): Promise<Buffer> {
  return buffer(packArchive(await itemsOfFolder(folder)));
}

/** Every path below a folder, with what makes it what it is. */
function treeOf(folder: string, prefix = ''): Record<string, string> {
  const tree: Record<string, string> = {};
  for (const name of readdirSync(join(folder, prefix)).toSorted()) {
    const path = join(prefix, name);
    const stats = lstatSync(join(folder, path));
    if (stats.isSymbolicLink()) tree[path] = `→ ${readlinkSync(join(folder, path))}`;
    else if (stats.isDirectory()) Object.assign(tree, { [path]: 'folder' }, treeOf(folder, path));
    else tree[path] = `${(stats.mode & 0o7777).toString(8)} ${readFileSync(join(folder, path), 'latin1')}`;
  }
  return tree;
}

function write(folder: string, files: Record<string, string>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content, { mode: 0o644 });
  }
}

describe('packing', () => {
  const FILES = { 'windlass.json': '{}', 'a/b.txt': 'b', 'a/a.txt': 'a', 'B.txt': 'B', 'é.txt': 'é', 'a.txt': '' };

  test('the same files give the same bytes, whatever their times, order, permissions and owner', async () => {
    using one = createFolder();
    using two = createFolder();
    write(one.path, FILES);
    write(two.path, Object.fromEntries(Object.entries(FILES).toReversed()));
    utimesSync(join(two.path, 'a/b.txt'), 1_000, 2_000);
    utimesSync(join(two.path, 'a'), 3_000, 4_000);
    chmodSync(join(two.path, 'a/b.txt'), 0o600);
    chmodSync(join(two.path, 'a'), 0o700);

    const [first, second] = [await pack(one.path), await pack(two.path)];

    expect(first.equals(second)).toBe(true);
  });

  test.each([
    ['another content', (folder: string) => writeFileSync(join(folder, 'a/b.txt'), 'B')],
    ['another name', (folder: string) => write(folder, { 'a/c.txt': 'b' })],
    ['an executable bit', (folder: string) => chmodSync(join(folder, 'a/b.txt'), 0o755)],
  ])('%s gives other bytes', async (_what, change) => {
    using folder = createFolder();
    write(folder.path, FILES);
    const before = await pack(folder.path);
    change(folder.path);

    const after = await pack(folder.path);

    expect(after.equals(before)).toBe(false);
  });

  test('what is packed is unpacked as it was, with executable bits and links that stay inside', async () => {
    using one = createFolder();
    using two = createFolder();
    write(one.path, {
      ...FILES,
      'bin/run.sh': '#!/bin/sh\n',
      'big.bin': 'x'.repeat(300_000),
      ['n'.repeat(255)]: 'long',
    });
    write(one.path, { [`${'deep/'.repeat(60)}file`]: 'far down' });
    chmodSync(join(one.path, 'bin/run.sh'), 0o700);
    mkdirSync(join(one.path, 'empty'));
    symlinkSync('../bin/run.sh', join(one.path, 'a/run'));
    symlinkSync('bin', join(one.path, 'linked'));
    symlinkSync('..', join(one.path, 'a/up'));
    symlinkSync('nowhere', join(one.path, 'broken'));

    const counted = await unpack(await pack(one.path), two.path);

    chmodSync(join(one.path, 'bin/run.sh'), 0o755);
    expect(treeOf(two.path)).toEqual(treeOf(one.path));
    expect(counted).toEqual({ files: 10, bytes: 300_000 + 4 + 10 + 8 + 7 });
  });

  test.each([
    ['another place', '/etc/passwd'],
    ['the folder above', '../secret'],
    ['the folder above by a detour', 'a/../../secret'],
  ])('a link to %s is not packed, but named', async (_where, target) => {
    using folder = createFolder();
    symlinkSync(target, join(folder.path, 'link'));

    const packed = pack(folder.path);

    await expect(packed).rejects.toThrow(
      new ArchiveError(`"link" is a link that leaves the folder: ${JSON.stringify(target)}.`),
    );
  });

  test('a file that is not there fails the archive instead of cutting it short', async () => {
    using folder = createFolder();
    write(folder.path, FILES);

    const packed = buffer(packArchive([{ file: join(folder.path, 'gone'), path: 'gone' }]));

    await expect(packed).rejects.toThrow('ENOENT');
  });

  test('any tree of files comes back as it was', async () => {
    const name = fc.stringMatching(/^[a-z é.]{1,20}$/).filter((text) => !/^\.+$/.test(text));
    const tree = fc.dictionary(
      fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/')),
      fc.oneof(fc.string({ maxLength: 2_000 }), fc.constant('\0'.repeat(1_500))),
      { maxKeys: 8 },
    );

    await fc.assert(
      fc.asyncProperty(tree, async (files) => {
        using one = createFolder();
        using two = createFolder();
        const paths = Object.keys(files);
        fc.pre(!paths.some((path) => paths.some((other) => other.startsWith(`${path}/`))));
        write(one.path, files);

        await unpack(await pack(one.path), two.path);

        expect(treeOf(two.path)).toEqual(treeOf(one.path));
      }),
      { numRuns: 30 },
    );
  });
});

interface RawEntry {
  readonly name: string;
  readonly content?: string;
  /** `0` a file, `5` a folder, `x` an extended header, `g` a global one, `L` a long name, `K` a long link. */
  readonly type?: string;
  /** As it stands in the header, when it is not the content's length. */
  readonly size?: string;
  readonly linkname?: string;
  readonly mode?: string;
}

/** One entry byte by byte, for what no well-behaved writer would write. */
function rawEntry({ name, content = '', type = '0', size, linkname = '', mode = '0000644' }: RawEntry): Buffer {
  const header = Buffer.alloc(512);
  header.write(name);
  header.write(`${mode} `, 100);
  header.write(size ?? `${Buffer.byteLength(content).toString(8).padStart(11, '0')} `, 124, 'latin1');
  header.write('00000000000 ', 136);
  header.write(type, 156);
  header.write(linkname, 157);
  header.write('ustar\x0000', 257);
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const body = Buffer.alloc(Math.ceil(Buffer.byteLength(content) / 512) * 512);
  body.write(content);
  return Buffer.concat([header, body]);
}

const END = Buffer.alloc(1024);

function raw(...entries: RawEntry[]): Buffer {
  return gzipSync(Buffer.concat([...entries.map(rawEntry), END]));
}

/** An entry with an extended header before it. */
function extended(records: Record<string, string>, entry: RawEntry): RawEntry[] {
  const content = Object.entries(records).map(([key, value]) => {
    const rest = Buffer.byteLength(` ${key}=${value}\n`);
    let length = rest + 1;
    while (String(length).length + rest !== length) length += 1;
    return `${length} ${key}=${value}\n`;
  });
  return [{ name: 'pax', type: 'x', content: content.join('') }, entry];
}

/** One gzip member over and over: a gigabyte in a few kilobytes. */
function bomb(before: Buffer, mebibytes: number): Buffer {
  return Buffer.concat([gzipSync(before), ...Array.from({ length: mebibytes }, () => MEBIBYTE_OF_ZEROS)]);
}
const MEBIBYTE_OF_ZEROS = gzipSync(Buffer.alloc(MIB));

const octal = (bytes: number) => bytes.toString(8).padStart(11, '0') + ' ';
const file = (name: string, content = 'evil'): RawEntry => ({ name, content });
const link = (name: string, linkname: string): RawEntry => ({ name, linkname, type: '2' });
const tar = (...entries: Headers[]) => makePackage(Object.fromEntries(entries.map((entry) => [entry.name, entry])));

const HOSTILE: [
  what: string,
  archive: () => Buffer | Promise<Buffer>,
  problem: RegExp,
  limits?: Partial<ArchiveLimits>,
][] = [
  ['a path with ..', () => makePackage({ '../outside': 'evil' }), /outside of its folder/],
  ['a path that is ..', () => raw({ name: '..', type: '5' }), /outside of its folder/],
  ['.. in the middle of a path', () => makePackage({ 'a/../../outside': 'evil' }), /outside of its folder/],
  ['.. at the end of a path', () => raw({ name: 'a/..', type: '5' }), /outside of its folder/],
  ['.. in an extended header', () => raw(...extended({ path: '../outside' }, file('a'))), /outside of its folder/],
  ['.. in a long name', () => raw({ name: 'l', type: 'L', content: '../outside' }, file('a')), /outside of its/],
  ['.. in the prefix', () => gzipSync(Buffer.concat([withPrefix('..', 'outside'), END])), /outside of its folder/],
  ['an absolute path', () => makePackage({ '/tmp/windlass-outside': 'evil' }), /outside of its folder/],
  ['an absolute path after slashes', () => raw(file('//outside')), /outside of its folder/],
  ['a backslash', () => makePackage({ '..\\outside': 'evil' }), /outside of its folder/],
  ['a NUL', () => raw(...extended({ path: 'a\0/../../outside' }, file('a'))), /outside of its folder/],
  ['a path component over 255 bytes', () => makePackage({ [`a/${'é'.repeat(128)}`]: 'x' }), /outside of its folder/],
  ['a path over 2 KiB', () => raw(...extended({ path: 'é/'.repeat(900) }, file('a'))), /a path that is too long/],
  ['a symbolic link where none may be', () => raw(link('a', 'b')), /no file and no folder/, { links: 'refused' }],
  ['a link to an absolute path', () => raw(link('a', '/etc')), /leaves its folder/],
  ['a link to the folder above', () => raw(link('a', '..')), /leaves its folder/],
  ['a link to a neighbour', () => raw(link('a/b', '../../outside')), /leaves its folder/],
  ['a link by a detour', () => raw(link('a', 'b/../../outside')), /leaves its folder/],
  ['a link to nothing', () => raw(link('a', '')), /leaves its folder/],
  ['a link to a path over 2 KiB', () => raw(...extended({ linkpath: 'a/'.repeat(2_100) }, link('a', 'b'))), /leaves/],
  ['.. behind another link', () => raw(link('d/up', '..'), link('e', 'd/up/../../outside')), /leaves its folder/],
  ['.. in a long link', () => raw({ name: 'l', type: 'K', content: '../outside' }, link('a', 'b')), /leaves its/],
  ['a link in place of the folder', () => raw(link('.', 'outside'), file('a')), /twice/],
  ['a file through a link', () => raw(link('a', 'b'), file('a/c')), /behind a link/],
  ['a folder through a link', () => raw(link('a', 'b'), { name: 'a/c/d', type: '5' }), /behind a link/],
  ['a link through a link', () => raw(link('a', '.'), link('a/b', '..')), /leaves its folder|behind a link/],
  ['a link over a file', () => raw(file('a'), link('a', 'b')), /twice/],
  ['a file over a link', () => raw(link('a', 'b'), file('a')), /twice/],
  ['a link over a folder that a file needs', () => raw(file('a/b'), link('a', 'c')), /twice/],
  ['a folder over a link', () => raw(link('a', 'b'), { name: 'a', type: '5' }), /twice/],
  ['a hard link', () => tar({ name: 'a', type: 'link', linkname: '/etc/passwd' }), /no file and no folder/],
  ['a character device', () => tar({ name: 'a', type: 'character-device', devmajor: 1 }), /no file and no folder/],
  ['a block device', () => tar({ name: 'a', type: 'block-device', devmajor: 8 }), /no file and no folder/],
  ['a named pipe', () => tar({ name: 'a', type: 'fifo' }), /no file and no folder/],
  ['a contiguous file', () => raw({ ...file('a'), type: '7' }), /no file and no folder/],
  ['an unknown kind of entry', () => raw({ ...file('a'), type: 'S' }), /no file and no folder/],
  ['a setuid file', () => raw({ ...file('a'), mode: '0004755' }), /setuid/],
  ['a setgid file', () => raw({ ...file('a'), mode: '0002755' }), /setuid/],
  ['a sticky file', () => raw({ ...file('a'), mode: '0001755' }), /setuid/],
  ['a file twice', () => raw(file('a'), file('a')), /twice/],
  ['a file twice, spelled in two ways', () => raw(file('a/b'), file('./a//b')), /twice/],
  ['a file, then a folder of that name', () => raw(file('a'), { name: 'a', type: '5' }), /twice/],
  ['a folder, then a file of that name', () => raw({ name: 'a', type: '5' }, file('a')), /twice/],
  ['a file in place of the folder', () => raw(file('.')), /twice/],
  ['a file without a name', () => raw(file('')), /twice/],
  ['a file below a file', () => raw(file('a'), file('a/b/c')), /behind a file/],
  ['a file in place of a folder that another needs', () => raw(file('a/b'), file('a')), /twice/],
  ['a file over the limit', () => raw(file('a', 'x'.repeat(1_001))), /more than 1000 bytes/, { bytesMax: 1_000 }],
  [
    'files over the limit together',
    () => raw(file('a', 'x'.repeat(600)), file('b', 'x'.repeat(401))),
    /more than 1000 bytes/,
    { bytesMax: 1_000 },
  ],
  ['a huge declared size', () => raw({ name: 'a', size: '77777777777 ' }), /more than 8388608 bytes/],
  ['a size over 2^53', () => raw({ name: 'a', size: `\x80${'\xff'.repeat(11)}` }), /no valid size/],
  ['a negative size', () => raw({ name: 'a', size: `${'\xff'.repeat(11)}\xfd` }), /no valid size/],
  ['a size that is no number', () => raw({ name: 'a', size: 'zzz' }), /no valid size/],
  ['a link whose size is no number', () => raw({ ...link('a', 'b'), size: 'zzz' }), /no valid size/],
  ['an extended size that is no number', () => raw(...extended({ size: 'x' }, file('a'))), /no valid size/],
  ['a negative extended size', () => raw(...extended({ size: '-5' }, file('a'))), /no valid size/],
  ['an extended size over the limit', () => raw(...extended({ size: '9'.repeat(14) }, file('a'))), /more than 8388608/],
  ['a size longer than the archive', () => raw({ ...file('a'), size: octal(20_000) }), /not a complete/],
  ['a size shorter than the content', () => raw({ ...file('a', 'x'.repeat(600)), size: octal(1) }), /not a complete/],
  ['a bomb behind its only file', () => bomb(rawEntry(file('a')), 1_024), /more than its entries say/],
  ['a bomb in a file', () => bomb(rawEntry({ name: 'a', size: octal(2 ** 30) }), 1_024), /more than 8388608 bytes/],
  ['a bomb of nothing', () => bomb(Buffer.alloc(0), 1_024), /more than its entries say/],
  [
    'a giant extended header',
    () => bomb(rawEntry({ name: 'pax', type: 'x', size: octal(2 ** 30) }), 1_025),
    /more than its entries say/,
  ],
  [
    'a giant global header',
    () => bomb(rawEntry({ name: 'pax', type: 'g', size: octal(2 ** 30) }), 1_025),
    /more than its entries say/,
  ],
  ['a giant long name', () => bomb(rawEntry({ name: 'l', type: 'L', size: octal(2 ** 30) }), 1_025), /more than its/],
  [
    'a giant link',
    () => bomb(rawEntry({ ...link('a', 'b'), size: octal(2 ** 30) }), 1_025),
    /more than its entries say/,
  ],
  ['too many files', () => raw(...Array.from({ length: 101 }, (_, n) => file(`f${n}`))), /more than 100 entries/],
  ['too many folders', () => raw(...extended({ path: 'd/'.repeat(100) + 'f' }, file('f'))), /more than 100 entries/],
  [
    'one folder too often',
    () => raw(...Array.from({ length: 101 }, () => ({ name: 'a', type: '5' }))),
    /more than 100 entries/,
  ],
  ['nothing at all', () => Buffer.alloc(0), /not a complete gzipped tar/],
  ['an empty gzip file', () => gzipSync(Buffer.alloc(0)), /not a complete gzipped tar/],
  ['no gzip file', () => Buffer.from('PK\x03\x04 this is another format'), /not a complete gzipped tar/],
  ['a tar that is not gzipped', () => gunzipSync(raw(file('a'))), /not a complete gzipped tar/],
  ['no tar', () => gzipSync('x'.repeat(4_096)), /not a complete gzipped tar/],
  ['a gzip file that ends too soon', () => raw(file('a', noise(5_000))).subarray(0, -4_000), /not a complete gzipped/],
  ['a gzip file without its checksum', () => raw(file('a')).subarray(0, -8), /not a complete gzipped tar/],
  ['a gzip file with a wrong checksum', () => withLastBytes(raw(file('a')), 8), /not a complete gzipped tar/],
  ['a tar that ends in a header', () => gzipSync(rawEntry(file('a')).subarray(0, 300)), /not a complete gzipped tar/],
  ['a tar that ends in a file', () => gzipSync(rawEntry(file('a', noise(900))).subarray(0, 1_024)), /not a complete/],
  ['a tar that ends between two files', () => gzipSync(rawEntry(file('a'))), /not a complete gzipped tar/],
  ['a header with a wrong checksum', () => gzipSync(Buffer.concat([spoilt(file('a')), END])), /not a complete/],
];

function noise(bytes: number): string {
  return randomBytes(bytes).toString('hex').slice(0, bytes);
}

function withPrefix(prefix: string, name: string): Buffer {
  const entry = rawEntry({ name, content: 'evil' });
  const sum = Number.parseInt(entry.toString('latin1', 148, 154), 8);
  entry.write(prefix, 345);
  const added = Buffer.from(prefix).reduce((total, byte) => total + byte, 0);
  entry.write((sum + added).toString(8).padStart(6, '0'), 148);
  return entry;
}

function withLastBytes(bytes: Buffer, count: number): Buffer {
  return Buffer.concat([bytes.subarray(0, -count), Buffer.alloc(count, 1)]);
}

function spoilt(entry: RawEntry): Buffer {
  const bytes = rawEntry(entry);
  bytes.write('b');
  return bytes;
}

describe('a hostile archive', () => {
  let peakBefore = 0;
  beforeAll(() => {
    peakBefore = process.resourceUsage().maxRSS;
  });

  test.each(HOSTILE)(
    'with %s is refused, and nothing of it lands outside of the folder',
    async (_what, make, problem, limits) => {
      using outer = createFolder();
      write(outer.path, { outside: 'untouched' });
      const folder = join(outer.path, 'inner', 'folder');
      const archive = await make();

      const unpacked = await unpack(archive, folder, { ...LIMITS, ...limits }).catch((error: unknown) => error);

      expect(unpacked).toBeInstanceOf(ArchiveError);
      expect((unpacked as Error).message).toMatch(problem);
      expect(readdirSync(outer.path).toSorted()).toEqual(['inner', 'outside']);
      expect(readdirSync(join(outer.path, 'inner'))).toEqual(['folder']);
      expect(lstatSync(folder).isDirectory()).toBe(true);
      expect(readFileSync(join(outer.path, 'outside'), 'utf8')).toBe('untouched');
      expect(existsSync('/tmp/windlass-outside')).toBe(false);
      expect(bytesIn(folder)).toBeLessThanOrEqual(LIMITS.bytesMax);
    },
    10_000,
  );

  test.each(HOSTILE)(
    'with %s is refused when it is only looked through',
    async (_what, make, problem, limits) => {
      const inspected = inspectPackage(streamOf(await make()), { ...LIMITS, ...limits });

      const error: unknown = await inspected.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ArchiveError);
      expect((error as Error).message).toMatch(problem);
    },
    10_000,
  );

  // Each of the bombs above holds a gigabyte.
  test('never needs much memory', () => {
    expect(process.resourceUsage().maxRSS - peakBefore).toBeLessThan(256 * 1024);
  });
});

function bytesIn(folder: string): number {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((total, entry) => total + lstatSync(join(entry.parentPath, entry.name)).size, 0);
}

describe('an archive', () => {
  test('that is cut off anywhere is refused', async () => {
    const whole = await makePackage({ 'windlass.json': '{"start":"x"}', 'a/b': noise(3_000), c: '' });

    for (let length = 0; length < whole.length; length += 61) {
      using folder = createFolder();
      await expect(unpack(whole.subarray(0, length), folder.path)).rejects.toBeInstanceOf(ArchiveError);
    }
  });

  test('with any byte changed is unpacked inside of its folder or refused as an archive', async () => {
    const entries = [file('a/b', 'text'), link('l', 'a/b'), ...extended({ path: 'long' }, file('x'))];
    const whole = Buffer.concat([...entries.map(rawEntry), END]);

    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), async (at, byte) => {
        using outer = createFolder();
        const changed = Buffer.from(whole);
        changed[at] = byte;

        const result = await unpack(gzipSync(changed), join(outer.path, 'folder')).catch((error: unknown) => error);

        if (result instanceof Error) expect(result).toBeInstanceOf(ArchiveError);
        expect(readdirSync(outer.path)).toEqual(['folder']);
      }),
      { numRuns: 200 },
    );
  });

  test('at its limits exactly is unpacked', async () => {
    using folder = createFolder();
    const limits: ArchiveLimits = { bytesMax: 1_000, entriesMax: 3, links: 'refused' };

    const counted = await unpack(raw(file('a/b', 'x'.repeat(600)), file('a/c', 'x'.repeat(400))), folder.path, limits);

    expect(counted).toEqual({ files: 2, bytes: 1_000 });
  });

  test('with the bits of a folder set in any way is unpacked into plain folders', async () => {
    using folder = createFolder();

    await unpack(raw({ name: 'a', type: '5', mode: '0007777' }, file('a/b')), folder.path);

    expect(lstatSync(join(folder.path, 'a')).mode & 0o7000).toBe(0);
  });

  test('is not unpacked further once its reader aborts', async () => {
    using folder = createFolder();
    const archive = await makePackage({ a: 'a', b: 'b' });

    const unpacked = unpackArchive(streamOf(archive), folder.path, LIMITS, AbortSignal.abort(new Error('cancelled')));

    await expect(unpacked).rejects.toThrow('cancelled');
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test('whose stream breaks fails with the error of the stream', async () => {
    using folder = createFolder();
    const broken = streamOf(raw(file('a', noise(50_000))).subarray(0, 20_000));
    const error = Object.assign(new Error('read EIO'), { code: 'EIO', syscall: 'read' });
    broken.once('end', () => {}).once('data', () => broken.destroy(error));

    const unpacked = unpackArchive(broken, folder.path, LIMITS);

    await expect(unpacked).rejects.toBe(error);
  });

  // The stream fails before anything reads from it.
  test('that is not there fails as a file that is missing', async () => {
    using folder = createFolder();

    const unpacked = unpackArchive(createReadStream(join(folder.path, 'gone')), join(folder.path, 'to'), LIMITS);

    await expect(unpacked).rejects.toThrow('ENOENT');
  });
});

describe('looking through a package', () => {
  const PLAIN = { ...LIMITS, links: 'refused' } as const;

  test('answers what its root says of it', async () => {
    const archive = await makePackage({
      './windlass.json': '{"start":"x"}',
      'package.json': '{"name":"é"}',
      'package-lock.json': '{}',
      'node_modules/a/package.json': '{"name":"a"}',
      'b/windlass.json': '{"start":"other"}',
    });

    expect(await inspectPackage(streamOf(archive), PLAIN)).toEqual({
      windlassJson: '{"start":"x"}',
      packageJson: '{"name":"é"}',
      hasLockfile: true,
      hasNodeModules: true,
    });
  });

  test('answers nothing for what the root does not have', async () => {
    const archive = await makePackage({ 'b/windlass.json': '{}', 'b/package-lock.json': '{}', 'b/node_modules/c': '' });

    expect(await inspectPackage(streamOf(archive), PLAIN)).toEqual({
      windlassJson: null,
      packageJson: null,
      hasLockfile: false,
      hasNodeModules: false,
    });
  });

  test('refuses a manifest that is too large to be one', async () => {
    const archive = await makePackage({ 'windlass.json': ' '.repeat(MIB + 1) });

    const inspected = inspectPackage(streamOf(archive), PLAIN);

    await expect(inspected).rejects.toThrow(new ArchiveError('windlass.json is larger than 1 MiB.'));
  });
});
