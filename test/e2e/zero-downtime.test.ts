import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { startPlane, type Plane } from '../kit/plane.ts';
import { startPoller } from '../kit/poller.ts';
import { createApp, createOwner, deployFiles, type Files, type Member } from '../kit/seed.ts';
import { until } from '../kit/until.ts';

const VERSIONS = 10;

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

/** The part of an app's server that says its version to whoever opens a WebSocket, then echoes. */
function webSocketPart(version: string): string {
  // It brings no library: a frame is two bytes and its text.
  return `
    server.on('upgrade', (request, socket) => {
      const key = request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
      socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n' +
        'Sec-WebSocket-Accept: ' + createHash('sha1').update(key).digest('base64') + '\\r\\n\\r\\n');
      const say = (text) => socket.write(Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)]));
      say('${version}');
      socket.on('data', (frame) => {
        if ((frame[0] & 15) === 8) return socket.end();
        const length = frame[1] & 127;
        say(String(frame.subarray(6, 6 + length).map((byte, index) => byte ^ frame[2 + index % 4])));
      });
      socket.on('error', () => {});
    });`;
}

/**
 * As unkind as an app may be: it closes idle connections after about as long as the poller waits, ends at once when it
 * is told to, and answers `/slow` late, so that requests are open whenever traffic switches.
 */
function unkindApp(version: number): Files {
  return {
    'server.mjs': `
      import { createHash } from 'node:crypto';
      import { createServer } from 'node:http';
      const server = createServer((request, response) => {
        const { socket } = request;
        clearTimeout(socket.idle);
        // Not by keepAliveTimeout: that one is announced in a header, and clients avoid the race.
        response.on('finish', () => (socket.idle = setTimeout(() => socket.destroy(), 20)));
        request.resume();
        request.on('end', () => setTimeout(() => response.end('v${version}'), request.url === '/slow' ? 300 : 0));
      });
      server.keepAliveTimeout = 0;
      ${webSocketPart(`v${version}`)}
      server.listen(process.env.PORT, '127.0.0.1');
      process.on('SIGTERM', () => process.exit(0));
    `,
    'windlass.json': JSON.stringify({ start: 'exec node server.mjs', drain: '170s' }),
  };
}

test(
  `no request fails, no version comes back and a WebSocket stays open while v2 … v${VERSIONS} are deployed`,
  { timeout: 180_000 },
  async () => {
    const app = await createApp(owner);
    await deployFiles(plane, owner, app, unkindApp(1));
    await using gets = startPoller(plane, app.subdomain);
    await using posts = startPoller(plane, app.subdomain, { method: 'POST', body: 'x'.repeat(2_000) });
    await using slow = startPoller(plane, app.subdomain, { path: '/slow' });
    const pollers = [gets, posts, slow];
    const socket = openSocket(app.subdomain);
    await socket.untilHeard('v1');

    for (let version = 2; version <= VERSIONS; version += 1) {
      await deployFiles(plane, owner, app, unkindApp(version));
      await Promise.all(pollers.map((poller) => poller.untilBody(`v${version}`)));
      socket.say(`after v${version}`);
      await socket.untilHeard(`after v${version}`);
    }
    await Promise.all(pollers.map((poller) => poller.stop()));

    const inOrder = Array.from({ length: VERSIONS }, (_, index) => `v${index + 1}`);
    expect(pollers.map((poller) => poller.failures())).toEqual([[], [], []]);
    expect(pollers.map((poller) => poller.versions())).toEqual([inOrder, inOrder, inOrder]);
    expect(gets.answers.length).toBeGreaterThan(50);
    expect(socket.closedAt()).toBeNull();
    socket.close();
  },
);

function echoApp(version: string, drain: string): Files {
  return {
    'server.mjs': `
      import { createHash } from 'node:crypto';
      import { createServer } from 'node:http';
      const server = createServer((request, response) => response.end('${version}'));
      ${webSocketPart(version)}
      server.listen(process.env.PORT, '127.0.0.1');
    `,
    'windlass.json': JSON.stringify({ start: 'exec node server.mjs', drain }),
  };
}

function openSocket(subdomain: string) {
  const headers = { host: `${subdomain}.${plane.config.gatewayDomain}` };
  const socket = new WebSocket(`ws://127.0.0.1:${plane.gatewayPort}/`, { headers });
  const heard: string[] = [];
  let closedAt: number | null = null;
  socket.on('message', (data: Buffer) => heard.push(data.toString()));
  socket.on('error', () => {});
  socket.on('close', () => (closedAt = Date.now()));
  return {
    heard,
    say: (text: string) => socket.send(text),
    untilHeard: (text: string) => until(`the socket hears ${text}`, () => heard.includes(text)),
    closedAt: () => closedAt,
    close: () => socket.close(),
  };
}

test('a WebSocket talks to its release through a deployment, and the release stops when it is closed', async () => {
  const app = await createApp(owner);
  const first = await deployFiles(plane, owner, app, echoApp('one', '60s'));
  const socket = openSocket(app.subdomain);
  await socket.untilHeard('one');

  await deployFiles(plane, owner, app, echoApp('two', '60s'));
  socket.say('still here');
  await socket.untilHeard('still here');
  const newcomer = openSocket(app.subdomain);
  await newcomer.untilHeard('two');
  const draining = await plane.app.database.prisma.release.findFirstOrThrow({ where: { deploymentId: first } });
  socket.close();

  expect(draining.observed).toBe('healthy');
  await until('the first release is stopped', () =>
    plane.app.database.prisma.release.findFirst({ where: { deploymentId: first, observed: 'stopped' } }),
  );
  newcomer.close();
});

test("a WebSocket that stays open is closed once the replaced release's drain limit is over", async () => {
  const app = await createApp(owner);
  await deployFiles(plane, owner, app, echoApp('one', '700ms'));
  const socket = openSocket(app.subdomain);
  await socket.untilHeard('one');

  await deployFiles(plane, owner, app, echoApp('two', '700ms'));
  const { finishedAt } = await plane.app.database.prisma.deployment.findFirstOrThrow({
    where: { productionAppId: app.productionAppId, number: 2 },
  });

  const closedAt = await until('the socket is closed', () => socket.closedAt());
  expect(closedAt - finishedAt!.getTime()).toBeGreaterThan(650);
});
