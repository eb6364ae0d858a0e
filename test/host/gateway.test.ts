import { connect } from 'node:net';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { send } from '../kit/plane.ts';
import { raw, startGateway, startRawServer, startServer, type TestGateway } from '../kit/gateway.ts';
import { until } from '../kit/until.ts';

let front: TestGateway;
beforeAll(async () => {
  front = await startGateway();
});
afterAll(() => front[Symbol.asyncDispose]());

/** A number, once it has not changed for a while. */
async function untilSteady(read: () => number): Promise<number> {
  for (let last = -1; ; ) {
    const now = read();
    if (now === last) return now;
    last = now;
    await delay(300);
  }
}

test('the app sees who asked for what from the gateway alone, whatever the client claims', async () => {
  await using app = await startServer((request, response) => response.end(JSON.stringify(request.headers)));
  front.route('echo', 'rel_1', app.backend);

  const { body } = await front.ask('echo', '/', {
    headers: {
      host: 'echo.localhost:8080',
      'x-forwarded-for': '6.6.6.6',
      'X-Forwarded-Host': 'evil.example',
      'x-forwarded-proto': 'https',
      'x-forwarded-port': '1',
      'x-forwarded-prefix': '/evil',
      'x-real-ip': '6.6.6.6',
      x_forwarded_for: '6.6.6.6',
      'x_real-ip': '6.6.6.6',
      forwarded: 'for=6.6.6.6',
      'x-own': 'kept',
      connection: 'x-hop',
      'x-hop': 'dropped',
    },
  });

  expect(JSON.parse(body)).toEqual({
    host: 'echo.localhost:8080',
    'x-own': 'kept',
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-host': 'echo.localhost:8080',
    'x-forwarded-proto': 'http',
    'x-forwarded-port': '8080',
    connection: 'keep-alive',
  });
});

// Without its length, the body of a GET would be a second request to the app, with headers that the gateway never saw.
test('what frames or addresses a request stays, though the client lists it in Connection', async () => {
  await using app = await startServer((request, response) => {
    void text(request).then((body) => response.end(`${request.headers.host} ${body}`));
  });
  front.route('framed', 'rel_1', app.backend);
  const inner = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
  const headers = `Host: framed.localhost\r\nConnection: close, content-length, host\r\nContent-Length: ${inner.length}`;

  const answer = await raw(front.port, `GET / HTTP/1.1\r\n${headers}\r\n\r\n${inner}`);

  expect(app.seen).toEqual(['GET /']);
  expect(answer).toContain(`framed.localhost ${inner}`);
});

test.each([
  ['APP.LocalHost:8080', '/path?q'],
  ['named.localhost.', '/path?q'],
  ['named.localhost.:8080', '/path?q'],
  ['other.example', 'http://named.localhost/path?q'],
  ['named.localhost', 'HTTP://Named.localhost:80/path?q'],
])('Host %s and target %s are the path of the same app', async (host, target) => {
  await using app = await startServer((request, response) => response.end(request.headers.host));
  for (const name of ['named', 'app']) front.route(name, 'rel_1', app.backend);

  const answer = await raw(front.port, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);

  expect([answer.slice(9, 12), app.seen]).toEqual(['200', ['GET /path?q']]);
  expect(answer).toMatch(/(named|app)\.localhost/i);
});

test.each([
  ['two hosts', 'Host: named.localhost\r\nHost: other.localhost\r\n', 400],
  ['no host', '', 400],
  ['two lengths', 'Host: named.localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n', 400],
  ['a length and chunks', 'Host: named.localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n', 400],
  ['chunks that are not the last coding', 'Host: named.localhost\r\nTransfer-Encoding: chunked, gzip\r\n', 400],
  ['a coding that nobody undoes', 'Host: named.localhost\r\nTransfer-Encoding: gzip, chunked\r\n', 501],
])('a request with %s never reaches an app', async (_what, headers, status) => {
  await using app = await startServer((_request, response) => response.end());
  front.route('named', 'rel_1', app.backend);

  const body = headers.includes('Transfer') ? '0\r\n\r\n' : '';
  const answer = await raw(front.port, `POST / HTTP/1.1\r\n${headers}Connection: close\r\n\r\n${body}`);

  expect([Number(answer.slice(9, 12)), app.seen]).toEqual([status, []]);
});

test('status, reason, repeated headers and trailing bodies of an answer arrive as the app sent them', async () => {
  await using app = await startServer((_request, response) => {
    response.writeHead(418, 'Short and stout', { 'set-cookie': ['a=1', 'b=2'], 'x-own': 'kept' });
    response.end('tea');
  });
  front.route('teapot', 'rel_1', app.backend);

  const answer = await raw(front.port, 'GET / HTTP/1.1\r\nHost: teapot.localhost\r\nConnection: close\r\n\r\n');

  expect(answer).toMatch(/^HTTP\/1\.1 418 Short and stout\r\n/);
  expect(answer).toContain('set-cookie: a=1\r\nset-cookie: b=2\r\n');
  expect(answer).toContain('x-own: kept\r\n');
});

// What nobody has read yet can only be in the buffers of the sockets, which hold a few megabytes; a gateway that collects
// bodies would take all of it.
test('a 50 MB upload streams through: it stands still while the app does not read, and arrives whole', async () => {
  const [chunk, chunks] = [Buffer.alloc(1024 * 1024), 50];
  let received = 0;
  let read = () => {};
  await using app = await startServer((request, response) => {
    read = () => request.on('data', (part: Buffer) => (received += part.length));
    request.on('end', () => response.end('thanks'));
  });
  front.route('upload', 'rel_1', app.backend);

  const headers = { host: 'upload.localhost', 'content-length': chunks * chunk.length };
  const call = httpRequest({ port: front.port, host: '127.0.0.1', method: 'PUT', headers, agent: false });
  const answered = new Promise<IncomingMessage>((resolve) => call.once('response', resolve));
  for (let sent = 0; sent < chunks; sent += 1) call.write(chunk);
  call.end();
  await until('the app has the request', () => app.seen.length === 1);
  const stuckAt = await untilSteady(() => chunks * chunk.length - call.socket!.writableLength);
  read();
  (await answered).resume();

  expect(stuckAt).toBeLessThan(25 * chunk.length);
  expect(received).toBe(chunks * chunk.length);
});

test.each([
  ['answers', 413],
  ['breaks off', 502],
])('a client whose upload the app %s unread gets %i, and its connection goes on', async (does, status) => {
  await using app = await startServer((request, response) => {
    if (request.method === 'GET') return void response.end();
    request.pause();
    return does === 'answers' ? void response.writeHead(413).end() : void request.socket.destroy();
  });
  front.route('refusing', 'rel_1', app.backend);
  const upload = Buffer.alloc(20 * 1024 * 1024);
  const head = (method: string, more: string) => `${method} / HTTP/1.1\r\nHost: refusing.localhost\r\n${more}\r\n`;

  // Sends all of it before it looks at the answer.
  const client = connect(front.port, '127.0.0.1');
  client.write(head('POST', `Content-Length: ${upload.length}\r\n`));
  await new Promise((resolve) => client.write(upload, resolve));
  client.write(head('GET', 'Connection: close\r\n'));
  const heard = await text(client);

  expect(heard.match(/^HTTP\/1\.1 \d+/gm)).toEqual([`HTTP/1.1 ${status}`, 'HTTP/1.1 200']);
});

test('a slow answer in pieces arrives piece by piece', async () => {
  const steps: (() => void)[] = [];
  await using app = await startServer((_request, response) => {
    response.writeHead(200);
    response.flushHeaders();
    steps.push(
      () => response.write('one'),
      () => response.end('two'),
    );
  });
  front.route('slow', 'rel_1', app.backend);

  const response = await front.stream('slow', '/'); // The head is here before any piece of the body.
  const pieces: string[] = [];
  response.on('data', (piece: Buffer) => pieces.push(piece.toString()));
  steps[0]!();
  await until('the first piece is here', () => pieces.length === 1);
  expect(response.complete).toBe(false);
  steps[1]!();
  await until('the answer is complete', () => response.complete);

  expect(pieces).toEqual(['one', 'two']);
});

test('an answer that breaks off does not look complete', async () => {
  await using app = await startServer((request, response) => {
    response.write('half');
    setTimeout(() => request.socket.destroy(), 20);
  });
  front.route('half', 'rel_1', app.backend);

  const response = await front.stream('half', '/');
  const ended = await new Promise((resolve) => {
    response.resume();
    response.on('end', () => resolve('whole'));
    response.on('error', () => resolve('broken'));
  });

  expect([ended, response.complete]).toEqual(['broken', false]);
});

test('a client that goes away ends its request at the app, and is no longer counted as open', async () => {
  let isClosed = false;
  await using app = await startServer((_request, response) => {
    response.write('begun');
    response.on('close', () => (isClosed = true));
  });
  front.route('away', 'rel_away', app.backend);
  const response = await front.stream('away', '/');
  expect(front.gateway.openRequests('rel_away')).toBe(1);

  response.destroy();

  await until('the app sees the end', () => isClosed);
  await until('nothing is open', () => front.gateway.openRequests('rel_away') === 0);
});

test('a GET whose kept-alive connection breaks is asked once more; a POST is not sent over one', async () => {
  const connections = new Map<unknown, number>();
  await using app = await startServer((request, response) => {
    const count = (connections.get(request.socket) ?? 0) + 1;
    connections.set(request.socket, count);
    if (count > 1) request.socket.destroy();
    else response.end('fine');
  });
  front.route('racy', 'rel_1', app.backend);

  const answers = [];
  for (const method of ['GET', 'GET', 'POST', 'GET', 'POST']) {
    answers.push((await front.ask('racy', '/', { method })).status);
  }

  expect(answers).toEqual([200, 200, 200, 200, 200]);
});

// Six idle connections, all of which the app drops: asking again over another one of them would fail again.
test('a request that is asked once more gets a connection of its own', async () => {
  let waiting: (() => void)[] = [];
  let isDropping = false;
  const used = new Set<unknown>();
  await using app = await startServer((request, response) => {
    if (!isDropping) waiting.push(() => response.end('first'));
    else if (used.has(request.socket)) request.socket.destroy();
    else response.end('fresh');
    used.add(request.socket);
    if (waiting.length === 6) for (const answer of waiting) answer();
  });
  front.route('pool', 'rel_1', app.backend);
  await Promise.all(Array.from({ length: 6 }, () => front.ask('pool')));
  waiting = [];
  isDropping = true;

  expect((await front.ask('pool')).body).toBe('fresh');
});

// Each over a connection that stays open: what is wrong is the answer.
test.each([
  ['an odd reason phrase', 'HTTP/1.1 200 O\x01K\r\ncontent-length: 2\r\n\r\nok', 200],
  ['a status below 100', 'HTTP/1.1 099 OK\r\ncontent-length: 2\r\n\r\nok', 502],
  ['an upgrade that nobody asked for', 'HTTP/1.1 101 S\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n', 502],
  ['something that is not HTTP', 'garbage\r\n\r\n', 502],
  ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', 502],
])('an app that answers with %s harms nobody, and no connection to it is left', async (_what, answer, status) => {
  await using app = await startRawServer(answer);
  front.route('odd', 'rel_odd', app.backend);

  expect((await front.ask('odd', '/', { method: 'POST' })).status).toBe(status);
  await until('the connection is closed', () => app.open().size === 0);
});

test("an app that is silent is a 504 within the gateway's limit, and is not asked again", async () => {
  await using own = await startGateway({ answerDeadlineMs: 200 });
  await using app = await startServer(() => {});
  own.route('silent', 'rel_1', app.backend);

  const answer = await own.ask('silent');

  expect([answer.status, app.seen]).toEqual([504, ['GET /']]);
  expect(answer.body).toContain('The app silent did not begin to answer within 0.2 s.');
});

test('a POST that the app breaks off is a 502 at once, and never sent twice', async () => {
  await using app = await startServer((request) => request.socket.destroy());
  front.route('breaking', 'rel_1', app.backend);

  const post = await front.ask('breaking', '/', { method: 'POST', body: 'pay' });

  expect([post.status, app.seen]).toEqual([502, ['POST /']]);
  expect(post.body).toContain('The app breaking closed the connection before it answered.');
});

test('a request whose release is replaced while it waits goes to the new one', async () => {
  await using second = await startServer((_request, response) => response.end('two'));
  await using first = await startServer((request) => {
    front.route('moving', 'rel_2', second.backend);
    request.socket.destroy();
  });
  front.route('moving', 'rel_1', first.backend);

  expect((await front.ask('moving')).body).toBe('two');
});

test.each([
  ['starting', 'The app paused is starting.', '2'],
  ['restarting', 'The app paused has stopped and is being started again.', '5'],
] as const)('an app that is %s answers 503, says so, and when to try again', async (pause, words, retryAfter) => {
  front.route('paused', 'rel_1', { kind: 'none', pause });

  const answer = await front.ask('paused');

  expect([answer.status, answer.headers['retry-after'], answer.headers['cache-control']]).toEqual([
    503,
    retryAfter,
    'no-store',
  ]);
  expect(answer.body).toContain(words);
});

test('what a client sends is text on the pages that name it', async () => {
  const answer = await send('GET', `http://127.0.0.1:${front.port}/`, { headers: { host: '<b>x</b>.localhost' } });

  expect(answer.status).toBe(404);
  expect(answer.body).not.toContain('<b>');
});

test('headers over the limit are refused with 431 and never reach the app', async () => {
  await using app = await startServer((_request, response) => response.end());
  front.route('limited', 'rel_1', app.backend);

  const answer = await front.ask('limited', '/', { headers: { cookie: 'x'.repeat(17_000) } });

  expect([answer.status, app.seen]).toEqual([431, []]);
});
