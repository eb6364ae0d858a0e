import type { RequestListener } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { answering, startAppBehind, startGateway, startServer, type TestGateway } from '../kit/gateway.ts';
import { until } from '../kit/until.ts';

let front: TestGateway;
beforeAll(async () => {
  front = await startGateway();
});
afterAll(() => front[Symbol.asyncDispose]());

const startApp = (listener: RequestListener) => startAppBehind(front, listener);

test('a purge forgets a path with its queries, what begins like it, or everything of the one app', async () => {
  await using app = await startApp(answering({ 'cache-control': 'max-age=60' }));
  await using other = await startApp(answering({ 'cache-control': 'max-age=60' }));
  const paths = ['/a', '/a?q=1', '/ab', '/news/1', '/news/2'];
  for (const path of paths) await app.ask(path);
  await other.ask('/a');

  expect(await front.purge(app.name, '/a')).toBe(2);
  expect(await app.word('/ab')).toBe('HIT');
  expect(await front.purge(app.name, '/news/*')).toBe(2);
  expect(await app.word('/a')).toBe('MISS');
  expect(await front.purge(app.name, '*')).toBe(2);
  expect(await other.word('/a')).toBe('HIT');
});

test('a purge by surrogate key forgets what has one of the keys; clients never see the header', async () => {
  await using app = await startApp((request, response) => {
    response.setHeader('cache-control', 'max-age=60');
    response.setHeader(
      'surrogate-key',
      { '/1': 'news post-1', '/2': 'news post-2', '/3': 'about' }[request.url!] ?? '',
    );
    response.end('body');
  });
  const seen = [];
  for (const path of ['/1', '/2', '/3', '/1']) seen.push((await app.ask(path)).headers['surrogate-key']);
  expect(seen).toEqual([undefined, undefined, undefined, undefined]);

  expect(await front.purge(app.name, '*', { 'surrogate-key': 'post-1 nothing' })).toBe(1);
  expect([await app.word('/1'), await app.word('/2'), await app.word('/3')]).toEqual(['MISS', 'HIT', 'HIT']);
  expect(await front.purge(app.name, '*', { 'surrogate-key': 'news about' })).toBe(3);
});

test('only who knows the secret may purge', async () => {
  await using app = await startApp(answering({ 'cache-control': 'max-age=60' }));
  await app.ask();

  const refused = await app.ask('/', { method: 'PURGE', headers: { authorization: 'Bearer guess' } });

  expect([refused.status, await app.word()]).toEqual([403, 'HIT']);
});

test('cached answers of a release that was replaced are not given, purged or not', async () => {
  await using first = await startApp(answering({ 'cache-control': 'max-age=60' }, 'one'));
  await using second = await startServer(answering({ 'cache-control': 'max-age=60' }, 'two'));
  await first.ask();

  front.route(first.name, 'rel_2', second.backend);

  expect([(await first.ask()).body, (await first.ask()).headers['x-cache']]).toEqual(['two', 'HIT']);
});

test('an answer of a replaced release that was under way is not stored for the new one', async () => {
  let finish = () => {};
  await using first = await startApp((_request, response) => {
    response.setHeader('cache-control', 'max-age=60');
    response.write('o');
    finish = () => response.end('ne');
  });
  await using second = await startServer(answering({ 'cache-control': 'max-age=60' }, 'two'));
  const underWay = first.ask();
  await until('the first release is asked', () => first.server.seen.length === 1);

  front.route(first.name, 'rel_2', second.backend);
  const before = await first.ask();
  finish();

  expect([(await underWay).body, before.body, (await first.ask()).body]).toEqual(['one', 'two', 'two']);
});

test.each([
  ['a new answer', null],
  ['a stale answer that the app confirms', '"v1"'],
])('%s that was under way during a purge is not stored', async (_what, etag) => {
  const finish: (() => void)[] = [];
  await using app = await startApp((request, response) => {
    response.setHeader('cache-control', etag === null ? 'max-age=60' : 'no-cache');
    if (etag !== null) response.setHeader('etag', etag);
    const isFirst = app.server.seen.length === 1;
    response.statusCode = request.headers['if-none-match'] === '"v1"' ? 304 : 200;
    if (isFirst && etag !== null) response.end('old');
    else finish.push(() => response.end(response.statusCode === 304 ? undefined : 'old'));
  });
  if (etag !== null) await app.ask();
  const underWay = app.ask();
  await until('the app is asked', () => finish.length === 1);

  await front.purge(app.name, '*');
  finish[0]!();
  await underWay;

  const next = app.ask();
  await until('the app is asked for the whole again', () => finish.length === 2);
  finish[1]!();
  expect([(await next).status, (await next).headers['x-cache']]).toEqual([200, 'MISS']);
});
