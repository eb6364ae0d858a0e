import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPublicHosts } from '../../src/packages/public-hosts.ts';
import { openNetwork, type OpenedNetwork } from '../../src/targets/sandbox-network.ts';
import { until } from '../kit/until.ts';

let network: OpenedNetwork;
beforeAll(async () => {
  network = await openNetwork({ hosts: createPublicHosts(['127.0.0.1']), databaseUrl: null });
});
afterAll(() => network[Symbol.asyncDispose]());

function proxySocket(opened = network): string {
  return opened.mounts.find(({ to }) => to.endsWith('/proxy'))!.from;
}

/** All that the proxy says to these bytes. */
async function say(bytes: string): Promise<string> {
  const socket = connect(proxySocket());
  socket.write(bytes);
  return await text(socket);
}

/** A server that says the same to everybody. */
async function serve(bytes: string) {
  const heard: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => heard.push(String(data)));
    socket.end(bytes);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, heard, [Symbol.dispose]: () => server.close() };
}

const FINE = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine';

function get(port: number, headers = ''): string {
  return `GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`;
}

test.each(['%zz@', 'user:secret@', ':secret@'])('the proxy refuses a URL with the user %s, and lives', async (user) => {
  using web = await serve(FINE);

  const answer = await say(`GET http://${user}127.0.0.1:${web.port}/ HTTP/1.1\r\nHost: x\r\n\r\n`);

  expect(answer).toMatch(/^HTTP\/1\.1 403 /);
  expect(await say(get(web.port))).toMatch(/^HTTP\/1\.1 200 [^]*fine$/);
});

test('the proxy passes on no header of the connection, neither there nor back', async () => {
  const hop = 'Trailer: x\r\nTE: trailers\r\nKeep-Alive: timeout=9\r\nProxy-Authorization: x\r\nUpgrade: h2c\r\n';
  using web = await serve(`HTTP/1.1 200 OK\r\n${hop}Kept: yes\r\nContent-Length: 4\r\n\r\nfine`);

  const answer = await say(get(web.port, `${hop}Kept: yes\r\n`));

  const names = /^(trailer|te|keep-alive: timeout=9|proxy-authorization|upgrade)/im;
  expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*Kept: yes[^]*fine$/i);
  expect(answer).not.toMatch(names);
  expect(web.heard.join('')).toMatch(/^Kept: yes/im);
  expect(web.heard.join('')).not.toMatch(names);
});

test.each([
  ['of a status that is none', 'HTTP/1.1 099 x\r\nContent-Length: 0\r\n\r\n'],
  ['of a status that is too high', 'HTTP/1.1 999 x\r\nContent-Length: 0\r\n\r\n'],
  ['that changes the protocol', 'HTTP/1.1 101 x\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
  ['that is none', 'nonsense\r\n\r\n'],
  ['that does not come', ''],
])('the proxy says 502 to an answer %s', async (_what, bytes) => {
  using web = await serve(bytes);

  expect(await say(get(web.port))).toMatch(/^HTTP\/1\.1 502 /);
});

test.each([
  ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'],
  ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
])('an answer %s that breaks off is broken off, not ended well', async (_what, bytes) => {
  using web = await serve(bytes);

  const answer = await say(get(web.port));

  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(answer).not.toMatch(/\r\n0\r\n\r\n$/);
});

test('a body goes through in chunks as it came', async () => {
  using web = await serve(FINE);

  const answer = await say(
    `POST http://127.0.0.1:${web.port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n`,
  );

  expect(answer).toMatch(/fine$/);
  expect(web.heard.join('')).toContain('4\r\nbody\r\n0\r\n\r\n');
});

test.each(['1.1.1.1:22', 'example.com:25', '[2606:4700:4700::1111]:5432'])('no tunnel leads to %s', async (target) => {
  const answer = await say(`CONNECT ${target} HTTP/1.1\r\n\r\n`);

  expect(answer).toMatch(/^HTTP\/1\.1 403 [^]*Only ports 80 and 443 are reached\.\n$/);
});

test('a tunnel ends with the network, and one whose command left before it stood reaches nobody for long', async () => {
  const outside = new Set<Socket>();
  const web = createServer((socket) => {
    outside.add(socket.on('error', () => {}).on('close', () => outside.delete(socket)));
  }).listen(0, '127.0.0.1');
  await once(web, 'listening');
  const { port } = web.address() as AddressInfo;
  const opened = await openNetwork({ hosts: createPublicHosts(['127.0.0.1']), databaseUrl: null });
  const [left, stays] = [connect(proxySocket(opened)), connect(proxySocket(opened))];
  left.end(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\n\r\n`, () => left.destroy());
  stays.write(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\n\r\n`);
  expect(String((await once(stays, 'data'))[0])).toMatch(/^HTTP\/1\.1 200 /);
  await until('only the tunnel that is in use is open', () => outside.size === 1);

  await opened[Symbol.asyncDispose]();

  await until('no tunnel is open', () => outside.size === 0);
  web.close();
});

test('the proxy takes 256 connections, and more when some have ended', async () => {
  const opened = await openNetwork({ hosts: createPublicHosts([]), databaseUrl: null });
  const sockets = Array.from({ length: 300 }, () => connect(proxySocket(opened)).on('error', () => {}));
  await until('those beyond are dropped', () => sockets.filter(({ closed }) => closed).length === 44);

  for (const socket of sockets) socket.destroy();

  await until('another one is served', async () => {
    const socket = connect(proxySocket(opened)).on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    return (await text(socket).catch(() => '')).startsWith('HTTP/1.1 403');
  });
  await opened[Symbol.asyncDispose]();
});
