import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { raw, startGateway, startRawServer, startServer, type TestGateway } from '../kit/gateway.ts';
import { until } from '../kit/until.ts';

let front: TestGateway;
beforeAll(async () => {
  front = await startGateway();
});
afterAll(() => front[Symbol.asyncDispose]());

const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

function upgradeOf(subdomain: string, protocol = 'websocket', more = ''): string {
  return `GET /path HTTP/1.1\r\nHost: ${subdomain}.localhost\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${more}\r\n`;
}

/** A client that never closes its side; here once it has heard something. */
async function openStubborn(port: number, request: string) {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.write(request);
  await new Promise((resolve) => socket.once('data', resolve));
  return socket.resume();
}

test('a WebSocket echoes through the gateway, with the headers that an app may trust', async () => {
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  const forwarded = new Promise((resolve) =>
    sockets.on('connection', (socket, request) => {
      resolve(request.headers['x-forwarded-for']);
      socket.on('message', (data: Buffer) => socket.send(data.toString()));
    }),
  );
  await until('the socket server listens', () => sockets.address());
  const { port } = sockets.address() as { port: number };
  front.route('socket', 'rel_socket', { kind: 'process', port });

  const headers = { host: 'socket.localhost', 'x-forwarded-for': '6.6.6.6' };
  const client = new WebSocket(`ws://127.0.0.1:${front.port}/`, { headers });
  await new Promise((resolve) => client.once('open', resolve));
  const echo = new Promise((resolve) => client.once('message', (data: Buffer) => resolve(data.toString())));
  client.send('hello');

  expect([await echo, await forwarded]).toEqual(['hello', '127.0.0.1']);
  expect(front.gateway.openRequests('rel_socket')).toBe(1);
  client.close();
  await until('nothing is open', () => front.gateway.openRequests('rel_socket') === 0);
  sockets.close();
});

test.each([
  ['nobody', 404],
  ['paused', 503],
  ['gone', 502],
])('an upgrade at %s is refused with %i in words', async (subdomain, status) => {
  front.route('paused', 'rel_1', { kind: 'none', pause: 'starting' });
  front.route('gone', 'rel_1', { kind: 'process', port: 1 });

  const answer = await raw(front.port, upgradeOf(subdomain));

  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} .*\\r\\n[^]*\\.\\n$`));
});

test('a gateway with an open socket closes all the same', async () => {
  const own = await startGateway();
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await until('the socket server listens', () => sockets.address());
  own.route('socket', 'rel_1', { kind: 'process', port: (sockets.address() as { port: number }).port });
  const client = new WebSocket(`ws://127.0.0.1:${own.port}/`, { headers: { host: 'socket.localhost' } });
  await new Promise((resolve) => client.once('open', resolve));
  const closed = new Promise((resolve) => client.once('close', resolve));
  client.on('error', () => {});

  await Promise.race([own[Symbol.asyncDispose](), delay(5_000).then(() => Promise.reject(new Error('It hangs.')))]);

  await closed;
  sockets.close();
});

test("an app that is silent about an upgrade is a 504, within the gateway's limit", async () => {
  await using own = await startGateway({ answerDeadlineMs: 200 });
  await using app = await startRawServer('');
  own.route('silent', 'rel_1', app.backend);

  const answer = await raw(own.port, upgradeOf('silent'));

  expect(answer).toMatch(/^HTTP\/1\.1 504 [^]*The app silent did not begin to answer within 0\.2 s\.\n$/);
  await until('the app is left alone', () => app.open().size === 0);
});

// curl and Java offer HTTP/2 with every first request.
test('an upgrade to what is no WebSocket is answered as if it was not asked for, and the connection goes on', async () => {
  await using app = await startServer((request, response) => {
    const { upgrade, 'http2-settings': settings } = request.headers;
    request.setEncoding('utf8').on('data', (body: string) => {
      response.end(JSON.stringify([request.method, body, upgrade, settings]));
    });
  });
  front.route('plain', 'rel_1', app.backend);
  const offer = (length: number) =>
    `POST / HTTP/1.1\r\nHost: plain.localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\nContent-Length: ${length}\r\n\r\n`;

  const client = connect(front.port, '127.0.0.1');
  let heard = '';
  client.on('data', (chunk: Buffer) => (heard += chunk.toString()));
  for (const body of ['one', 'another']) {
    client.write(offer(body.length) + body);
    await until('the app has answered', () => heard.includes(`["POST","${body}",null,null]`));
  }
  client.destroy();

  expect(heard.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200']);
});

test('an upgrade that does not wait for the answer before it ends the connection', async () => {
  await using app = await startRawServer('');
  front.route('mute', 'rel_1', app.backend);

  const heard = await raw(front.port, `GET / HTTP/1.1\r\nHost: mute.localhost\r\n\r\n${upgradeOf('mute', 'h2c')}`);

  expect(heard).toBe('');
});

test(
  'an app that ends a socket ends it for a client that does not close its side, too',
  { timeout: 15_000 },
  async () => {
    await using app = await startRawServer(SWITCHING);
    front.route('ended', 'rel_ended', app.backend);
    const client = await openStubborn(front.port, upgradeOf('ended'));
    expect(front.gateway.openRequests('rel_ended')).toBe(1);

    for (const socket of app.open()) socket.end();

    await until('nothing is open', () => front.gateway.openRequests('rel_ended') === 0);
    client.destroy();
  },
);

test('a gateway closes though a client that it refused does not close its side', async () => {
  const own = await startGateway();
  const client = await openStubborn(own.port, upgradeOf('nobody'));

  await Promise.race([own[Symbol.asyncDispose](), delay(3_000).then(() => Promise.reject(new Error('It hangs.')))]);

  client.destroy();
});
