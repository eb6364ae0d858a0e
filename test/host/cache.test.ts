import type { RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHttpCache } from '../../src/host/cache.ts';
import { answering, startAppBehind, startGateway, type TestGateway } from '../kit/gateway.ts';
import { until } from '../kit/until.ts';

let front: TestGateway;
beforeAll(async () => {
  front = await startGateway();
});
afterAll(() => front[Symbol.asyncDispose]());

const startApp = (listener: RequestListener) => startAppBehind(front, listener);

test.each([
  [{ 'cache-control': 'max-age=60' }, 'HIT'],
  [{ 'cache-control': 'public, max-age=60, must-revalidate' }, 'HIT'],
  [{ 'cache-control': 'max-age=0, s-maxage=60' }, 'HIT'],
  [{ expires: new Date(Date.now() + 60_000).toUTCString() }, 'HIT'],
  [{ 'cache-control': 'max-age=60', vary: 'accept' }, 'HIT'],
  [{ 'cache-control': 'no-store, max-age=60' }, 'MISS'],
  [{ 'cache-control': 'private, max-age=60' }, 'MISS'],
  [{ 'cache-control': 'max-age=0' }, 'MISS'],
  [{ 'cache-control': 'max-age=60, s-maxage=0' }, 'MISS'],
  [{ 'cache-control': 'Public, Max-Age=60' }, 'HIT'],
  [{ 'cache-control': 'Private, max-age=60' }, 'MISS'],
  [{ 'cache-control': 'max-age=60, No-Store' }, 'MISS'],
  [{ 'cache-control': 'immutable' }, 'MISS'],
  [{ 'cache-control': 'max-age=60', vary: 'accept, *' }, 'MISS'],
  [{ 'cache-control': 'public, max-age=60', 'set-cookie': 'a=1' }, 'MISS'],
  [{ 'cache-control': 'max-age=60', vary: '*' }, 'MISS'],
  [{ 'last-modified': 'Mon, 01 Jan 2024 00:00:00 GMT' }, 'MISS'],
  [{ etag: '"a"' }, 'MISS'],
  [{}, 'MISS'],
])('asked again for an answer with %j, the cache says %s', async (headers, word) => {
  await using app = await startApp(answering(headers));

  expect([await app.word(), await app.word()]).toEqual(['MISS', word]);
});

test.each([
  [{ method: 'POST' }],
  [{ method: 'DELETE' }],
  [{ headers: { authorization: 'Bearer x' } }],
  [{ headers: { 'if-match': '"a"' } }],
])('a request with %j goes past the cache, and leaves nothing in it', async (options) => {
  await using app = await startApp(answering({ 'cache-control': 'public, max-age=60' }));

  expect([await app.word('/', options), await app.word(), await app.word('/', options)]).toEqual([
    'BYPASS',
    'MISS',
    'BYPASS',
  ]);
});

test('a hit has the headers of the app, its own age and length, and the body byte for byte', async () => {
  const body = 'žluťoučký'.repeat(100);
  await using app = await startApp(
    answering({ 'cache-control': 'max-age=60, must-revalidate', 'content-type': 'text/plain', 'x-own': 'kept' }, body),
  );
  await app.ask();

  const { status, headers, body: given } = await app.ask();

  expect([status, given]).toEqual([200, body]);
  expect(headers).toMatchObject({
    'cache-control': 'max-age=60, must-revalidate',
    'content-length': String(Buffer.byteLength(body)),
    'content-type': 'text/plain',
    'x-own': 'kept',
    'x-cache': 'HIT',
    age: '0',
  });
});

test('what an answer says of its connection with the app is not given with it, stored or not', async () => {
  await using app = await startApp(
    answering({ 'cache-control': 'max-age=60', connection: 'X-Hop', 'x-hop': '1', 'proxy-connection': 'a' }),
  );
  const answers = [await app.ask(), await app.ask()];

  expect(answers.map(({ headers }) => [headers['x-cache'], headers['x-hop'], headers['proxy-connection']])).toEqual([
    ['MISS', undefined, undefined],
    ['HIT', undefined, undefined],
  ]);
});

test('a client that has the cached answer already gets 304 from the cache', async () => {
  await using app = await startApp(answering({ 'cache-control': 'max-age=60', etag: '"v1"' }));
  await app.ask();

  const known = await app.ask('/', { headers: { 'if-none-match': 'W/"v1"' } });
  const other = await app.ask('/', { headers: { 'if-none-match': '"v0"' } });

  expect([known.status, known.body, known.headers['etag'], known.headers['x-cache']]).toEqual([304, '', '"v1"', 'HIT']);
  expect([other.status, other.body, app.server.seen.length]).toEqual([200, 'body', 1]);
});

test('a stale answer is given again once the app confirms it, and replaced when it does not', async () => {
  let etag = '"v1"';
  const asked: unknown[] = [];
  await using app = await startApp((request, response) => {
    asked.push(request.headers['if-none-match'] ?? null);
    response.setHeader('cache-control', 'no-cache');
    response.setHeader('etag', etag);
    response.statusCode = request.headers['if-none-match'] === etag ? 304 : 200;
    response.end(response.statusCode === 304 ? undefined : `body of ${etag}`);
  });
  const first = await app.ask();
  const second = await app.ask();
  const third = await app.ask('/', { headers: { 'if-none-match': '"v1"' } });
  etag = '"v2"';
  const fourth = await app.ask('/', { headers: { 'if-none-match': '"v1"' } });
  const fifth = await app.ask();

  const answers = [first, second, third, fourth, fifth];
  expect(answers.map(({ status, headers, body }) => [status, headers['x-cache'], body])).toEqual([
    [200, 'MISS', 'body of "v1"'],
    [200, 'REVALIDATED', 'body of "v1"'],
    [304, 'REVALIDATED', ''],
    [200, 'MISS', 'body of "v2"'],
    [200, 'REVALIDATED', 'body of "v2"'],
  ]);
  expect(asked).toEqual([null, '"v1"', '"v1"', '"v1"', '"v2"']);
});

test('a stale answer is renewed behind the back of a client that may have it', async () => {
  let version = 1;
  await using app = await startApp((_request, response) => {
    response.setHeader('cache-control', 'max-age=1, stale-while-revalidate=600');
    response.setHeader('age', version === 1 ? '5' : '0');
    response.end(`v${version}`);
  });
  await app.ask();
  version = 2;

  const stale = await app.ask();
  await until('the app was asked', () => app.server.seen.length === 2);

  expect([stale.body, stale.headers['x-cache']]).toEqual(['v1', 'HIT']);
  await until('the new answer is given', async () => (await app.ask()).body === 'v2');
});

// Browsers ask with what they have. A 304 to that says nothing about what the gateway has, unless it asked itself.
test('a stale answer that still holds is renewed behind the back of a client that has it already', async () => {
  const asked: unknown[] = [];
  let age = '5';
  await using app = await startApp((request, response) => {
    asked.push(request.headers['if-none-match'] ?? null);
    response.setHeader('cache-control', 'max-age=2, stale-while-revalidate=600');
    response.setHeader('etag', '"v1"');
    response.setHeader('age', age);
    response.statusCode = request.headers['if-none-match'] === '"v1"' ? 304 : 200;
    response.end(response.statusCode === 304 ? undefined : 'body');
  });
  const browser = { headers: { 'if-none-match': '"v1", "v0"' } };
  await app.ask();
  age = '0';

  expect((await app.ask('/', browser)).status).toBe(304);
  await until('the answer is renewed', async () => (await app.ask('/', browser)).headers['age'] === '0');
  expect(asked).toEqual([null, '"v1"']);
});

test('what the app says of a stale answer without a validator is a whole answer, never a 304', async () => {
  await using app = await startApp((request, response) => {
    response.setHeader('cache-control', 'max-age=0, stale-if-error=600');
    response.statusCode = request.headers['if-none-match'] === undefined ? 200 : 304;
    response.end(response.statusCode === 304 ? undefined : `body ${app.server.seen.length}`);
  });
  await app.ask();

  const known = await app.ask('/', { headers: { 'if-none-match': '"mine"' } });

  expect([known.status, known.body]).toEqual([200, 'body 2']);
});

test('an app that fails while a stale answer is renewed leaves it; one that takes it back does not', async () => {
  let control: string | null = 'max-age=1, stale-while-revalidate=600';
  await using app = await startApp((_request, response) => {
    response.writeHead(control === null ? 500 : 200, { 'cache-control': control ?? 'no-store', age: '5' });
    response.end(`answer ${app.server.seen.length}`);
  });
  await app.ask();

  control = null;
  await app.ask();
  await until('the app has failed', () => app.server.seen.length === 2);
  control = 'private';
  const after = await app.ask();
  await until('the stale answer is gone', async () => (await app.word()) === 'MISS');

  expect([after.status, after.body]).toEqual([200, 'answer 1']);
});

test('a stale answer stands in for an app that fails, only when the app allowed it', async () => {
  let isBroken = false;
  await using app = await startApp((request, response) => {
    if (isBroken && request.url !== '/soft-500') return void request.socket.destroy();
    const control = request.url === '/strict' ? 'max-age=0' : 'max-age=0, stale-if-error=600';
    response.writeHead(isBroken ? 500 : 200, { 'cache-control': control, etag: '"a"' });
    return void response.end(isBroken ? 'broken' : 'fine');
  });
  for (const path of ['/strict', '/soft', '/soft-500']) await app.ask(path);
  isBroken = true;

  const [strict, soft, error] = [await app.ask('/strict'), await app.ask('/soft'), await app.ask('/soft-500')];

  expect([strict.status, soft.status, soft.body, error.status, error.body]).toEqual([502, 200, 'fine', 200, 'fine']);
});

test('each variant that Vary tells apart has an answer of its own, and no more than eight are kept', async () => {
  await using app = await startApp((request, response) => {
    response.setHeader('cache-control', 'max-age=60');
    response.setHeader('vary', 'Accept-Language');
    response.end(request.headers['accept-language']);
  });
  const inLanguage = async (language: string) => {
    const { body, headers } = await app.ask('/', { headers: { 'accept-language': language } });
    return [body, headers['x-cache']];
  };

  expect(await inLanguage('cs')).toEqual(['cs', 'MISS']);
  expect(await inLanguage('en')).toEqual(['en', 'MISS']);
  expect(await inLanguage('cs')).toEqual(['cs', 'HIT']);
  for (const language of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) await inLanguage(language);
  expect(await inLanguage('g')).toEqual(['g', 'HIT']);
  expect(await inLanguage('cs')).toEqual(['cs', 'MISS']);
});

// What a client says about itself is dropped on the way, and so is what it lists in Connection. An answer to what is left
// must not be stored under what was dropped.
test('an answer is stored under what the app saw, not under what the client sent', async () => {
  await using app = await startApp((request, response) => {
    response.setHeader('cache-control', 'max-age=60');
    response.setHeader('vary', 'accept-language, x-forwarded-proto');
    response.end(request.headers['accept-language'] ?? 'default');
  });
  const czech = { 'accept-language': 'cs' };
  const language = async (headers: Record<string, string>) => (await app.ask('/', { headers })).body;

  expect(await language({ ...czech, connection: 'accept-language' })).toBe('default');
  expect(await language(czech)).toBe('cs');
  expect(await language({ ...czech, 'x-forwarded-proto': 'https' })).toBe('cs');
  expect(app.server.seen.length).toBe(2);
});

test('a GET with a body goes past the cache: the body may choose the answer', async () => {
  await using app = await startApp((request, response) => {
    response.setHeader('cache-control', 'max-age=60');
    void text(request).then((body) => response.end(`for ${body || 'everybody'}`));
  });

  const one = await app.ask('/', { body: 'one', headers: { 'content-length': '3' } });
  const other = await app.ask('/');

  expect([one.headers['x-cache'], one.body, other.body]).toEqual(['BYPASS', 'for one', 'for everybody']);
});

test('a cached body answers a part of it; an uncached part is passed through and not stored', async () => {
  const headers = { 'cache-control': 'max-age=60', etag: '"a"' };
  await using app = await startApp((request, response) => {
    if (request.headers.range === undefined) return answering(headers, '0123456789')(request, response);
    response.writeHead(206, { ...headers, 'content-range': 'bytes 0-3/10' });
    return void response.end('0123');
  });
  const part = async (range: string, more: Record<string, string> = {}) => {
    const answer = await app.ask('/', { headers: { range, ...more } });
    return [answer.status, answer.headers['x-cache'], answer.headers['content-range'], answer.body];
  };

  expect(await part('bytes=0-3')).toEqual([206, 'BYPASS', 'bytes 0-3/10', '0123']);
  expect(await app.word()).toBe('MISS');
  expect(await part('bytes=2-5')).toEqual([206, 'HIT', 'bytes 2-5/10', '2345']);
  expect(await part('bytes=-2')).toEqual([206, 'HIT', 'bytes 8-9/10', '89']);
  expect(await part('bytes=10-')).toEqual([416, 'HIT', 'bytes */10', '']);
  expect(await part('bytes=0-1,4-5')).toEqual([200, 'HIT', undefined, '0123456789']);
  expect(await part('bytes=2-5', { 'if-range': '"old"' })).toEqual([200, 'HIT', undefined, '0123456789']);
  expect(app.server.seen.length).toBe(2);
});

test('HEAD is answered from what a GET brought, and stores nothing itself', async () => {
  await using app = await startApp(answering({ 'cache-control': 'max-age=60' }, 'body'));

  expect(await app.word('/', { method: 'HEAD' })).toBe('MISS');
  expect(await app.word()).toBe('MISS');
  const head = await app.ask('/', { method: 'HEAD' });

  expect([head.status, head.headers['x-cache'], head.headers['content-length'], head.body]).toEqual([
    200,
    'HIT',
    '4',
    '',
  ]);
});

// Through a gateway this would take minutes.
test('long addresses count against the memory of the cache as much as long bodies', () => {
  const cache = createHttpCache();
  const fill = 'x'.repeat(14 * 1024);
  const request = (number: number) => ({ method: 'GET', url: `/?${number}${fill}`, headers: { host: 'a' } });
  const response = { statusCode: 200, headers: { 'cache-control': 'max-age=60' } };
  const isHit = (number: number) => cache.look('app', 'rel_1', request(number)).kind === 'hit';

  for (let number = 0; number < 6_000; number += 1) {
    const head = cache.storable(request(number), response, 'rel_1')!;
    cache.store('app', request(number).url, { ...head, body: Buffer.alloc(0) }, 0);
  }

  expect([isHit(5_999), isHit(0)]).toEqual([true, false]);
});

test('an answer over a megabyte is passed through and not stored', async () => {
  await using app = await startApp(answering({ 'cache-control': 'max-age=60' }, 'x'.repeat(1024 * 1024 + 1)));

  expect([await app.word(), await app.word()]).toEqual(['MISS', 'MISS']);
});
