import { execFileSync } from 'node:child_process';
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createFolder } from '../kit/folder.ts';
import { startGateway, type TestGateway } from '../kit/gateway.ts';

const FILES: Record<string, string> = {
  'index.html': '<h1>Home</h1>',
  'about/index.html': '<h1>About</h1>',
  'empty/readme.md': '# Nothing',
  'app-3f2a9c1d.js': 'let a;',
  'report-20240115.pdf': 'pdf',
  'facade.css': 'a {}',
  'data.bin': '0123456789',
  'empty.txt': '',
  'with space & ž.txt': 'spaced',
  '.env': 'SECRET=1',
  '.git/config': 'secret',
  '.well-known/security.txt': 'Contact: us',
};

const folder = createFolder();
const root = join(realpathSync(folder.path), 'site');
let front: TestGateway;
beforeAll(async () => {
  for (const [name, content] of Object.entries(FILES)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  writeFileSync(join(root, '..', 'outside.txt'), 'outside');
  symlinkSync('../outside.txt', join(root, 'escape.txt'));
  symlinkSync('..', join(root, 'up'));
  symlinkSync('.env', join(root, 'env.txt'));
  symlinkSync('data.bin', join(root, 'alias.bin'));
  front = await startGateway();
  front.route('site', 'rel_1', { kind: 'static', root, fallback: null });
  front.route('single', 'rel_1', { kind: 'static', root, fallback: 'index.html' });
});
afterAll(async () => {
  await front[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

test.each([
  ['/', 'text/html; charset=utf-8', 'no-cache', '<h1>Home</h1>'],
  ['/index.html?x=1', 'text/html; charset=utf-8', 'no-cache', '<h1>Home</h1>'],
  ['/about/', 'text/html; charset=utf-8', 'no-cache', '<h1>About</h1>'],
  ['/app-3f2a9c1d.js', 'text/javascript; charset=utf-8', 'public, max-age=31536000, immutable', 'let a;'],
  ['/report-20240115.pdf', 'application/pdf', 'no-cache', 'pdf'],
  ['/facade.css', 'text/css; charset=utf-8', 'no-cache', 'a {}'],
  ['/data.bin', 'application/octet-stream', 'no-cache', '0123456789'],
  ['/alias.bin', 'application/octet-stream', 'no-cache', '0123456789'],
  ['/empty.txt', 'text/plain; charset=utf-8', 'no-cache', ''],
  ['/with%20space%20&%20%C5%BE.txt', 'text/plain; charset=utf-8', 'no-cache', 'spaced'],
  ['//about//', 'text/html; charset=utf-8', 'no-cache', '<h1>About</h1>'],
  ['/.well-known/security.txt', 'text/plain; charset=utf-8', 'no-cache', 'Contact: us'],
])('%s is served as %s, %s', async (path, type, control, body) => {
  const answer = await front.ask('site', path);

  expect([answer.status, answer.body]).toEqual([200, body]);
  expect(answer.headers).toMatchObject({
    'content-type': type,
    'cache-control': control,
    'content-length': String(Buffer.byteLength(body)),
    'accept-ranges': 'bytes',
    'x-content-type-options': 'nosniff',
    etag: expect.stringMatching(/^"[\w-]{22}"$/),
  });
  expect(answer.headers).not.toHaveProperty('last-modified');
});

test.each([
  '/../outside.txt',
  '/%2e%2e/outside.txt',
  '/about/..%2f..%2foutside.txt',
  '/..%5coutside.txt',
  '/about/%2e%2e/%2e%2e/outside.txt',
  '/escape.txt',
  '/up/outside.txt',
  '/up/',
  '/.env',
  '/%2eenv',
  '/env.txt',
  '/.git/config',
  '/about/../.env',
  '/index.html%00.txt',
  '/index.html/',
  '/empty/',
  '/missing',
  `/${'x'.repeat(5_000)}`,
])('%s is not found, and nothing of what it leads to is given', async (path) => {
  const { status, body } = await rawGet(path);

  expect(status).toBe(404);
  expect(body).not.toMatch(/outside$|secret$|SECRET/);
});

/** Sends the path as it is; a client would tidy it up first. */
function rawGet(path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const head = `GET ${path} HTTP/1.1\r\nHost: site.localhost\r\nConnection: close\r\n\r\n`;
    const socket = connect(front.port, '127.0.0.1', () => socket.write(head));
    let heard = '';
    socket.on('data', (chunk) => (heard += chunk.toString()));
    socket.on('error', reject);
    socket.on('close', () => resolve({ status: Number(heard.slice(9, 12)), body: heard.split('\r\n\r\n')[1] ?? '' }));
  });
}

test('a path that cannot be decoded is a bad request', async () => {
  expect((await front.ask('site', '/%zz')).status).toBe(400);
});

test.each([
  ['/about', '/about/'],
  ['/about?a=/b', '/about/?a=/b'],
  ['//about', '/about/'],
])('%s leads to the folder, at %s', async (path, location) => {
  const answer = await front.ask('site', path);

  expect([answer.status, answer.headers['location']]).toEqual([301, location]);
});

test('a tag is of the content: 304 for who has it, and the same in every release', async () => {
  const first = await front.ask('site', '/data.bin');
  front.route('again', 'rel_2', { kind: 'static', root, fallback: null });

  const etag = String(first.headers['etag']);
  const again = await front.ask('again', '/data.bin', { headers: { 'if-none-match': etag } });

  expect([again.status, again.headers['etag'], again.body]).toEqual([304, etag, '']);
});

// Whoever goes on with a download after a deployment would get the end of another file.
test('a part of a state that is not the current one is refused', async () => {
  const etag = String((await front.ask('site', '/data.bin')).headers['etag']);
  const part = (wanted: string) =>
    front.ask('site', '/data.bin', { headers: { range: 'bytes=2-4', 'if-match': wanted } });

  const answers = [await part(`"old", ${etag}`), await part('*'), await part('"old"'), await part(`W/${etag}`)];

  expect(answers.map(({ status, body }) => [status, body])).toEqual([
    [206, '234'],
    [206, '234'],
    [412, ''],
    [412, ''],
  ]);
});

// Opened like a file, each would hold one of the few threads that read files until somebody writes into it.
test('pipes are not found, and keep nobody waiting', async () => {
  execFileSync('mkfifo', [join(root, 'pipe')]);
  const asked = Array.from({ length: 8 }, () => front.ask('site', '/pipe'));

  expect((await front.ask('site', '/data.bin')).status).toBe(200);
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(asked.map(() => 404));
});

test('parts, HEAD and other methods', async () => {
  const part = await front.ask('site', '/data.bin', { headers: { range: 'bytes=2-4' } });
  const beyond = await front.ask('site', '/data.bin', { headers: { range: 'bytes=10-' } });
  const several = await front.ask('site', '/data.bin', { headers: { range: 'bytes=0-1,3-4' } });
  const head = await front.ask('site', '/data.bin', { method: 'HEAD' });
  const post = await front.ask('site', '/data.bin', { method: 'POST', body: 'x' });

  expect([part.status, part.body, part.headers['content-range']]).toEqual([206, '234', 'bytes 2-4/10']);
  expect([beyond.status, beyond.headers['content-range']]).toEqual([416, 'bytes */10']);
  expect([several.status, several.body]).toEqual([200, '0123456789']);
  expect([head.status, head.headers['content-length'], head.body]).toEqual([200, '10', '']);
  expect([post.status, post.headers['allow']]).toEqual([405, 'GET, HEAD']);
});

test('the fallback stands in for pages that do not exist, and for nothing else', async () => {
  const page = await front.ask('single', '/deep/link');
  const script = await front.ask('single', '/missing.js');

  expect([page.status, page.body, script.status]).toEqual([200, '<h1>Home</h1>', 404]);
});

test('404.html is shown for what is not there, with status 404', async () => {
  const own = createFolder();
  writeFileSync(join(own.path, '404.html'), 'Lost?');
  front.route('lost', 'rel_1', { kind: 'static', root: realpathSync(own.path), fallback: null });

  const answer = await front.ask('lost', '/missing', { headers: { range: 'bytes=0-1' } });

  expect([answer.status, answer.body, answer.headers['cache-control']]).toEqual([404, 'Lost?', 'no-cache']);
  own[Symbol.dispose]();
});
