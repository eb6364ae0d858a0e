import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { Secret } from '../../src/secret.ts';
import { addressGroup } from '../../src/http/caller.ts';
import { createRateLimits } from '../../src/http/rate-limit.ts';
import { createTokenSecret } from '../../src/store/directory.ts';
import { send, startPlane, type Answer, type Plane } from '../kit/plane.ts';
import { createOwner } from '../kit/seed.ts';

const ask = (plane: Plane, token: string | null, headers: Record<string, string> = {}) =>
  send('POST', `${plane.url}/graphql`, {
    headers: {
      'content-type': 'application/json',
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: '{ "query": "{ __typename }" }',
  });
const statuses = (answers: readonly Answer[]) => answers.map(({ status }) => status);

async function repeat(count: number, call: () => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let i = 0; i < count; i += 1) answers.push(await call());
  return answers;
}

test('a token has so many requests in a minute, over GraphQL and REST together, and another token has its own', async () => {
  await using plane = await startPlane({ roles: ['api'], rateLimit: 4 });
  const [owner, other] = [await createOwner(plane), await createOwner(plane)];

  const answers = [
    ...(await repeat(2, () => ask(plane, owner.token))),
    ...(await repeat(3, () => plane.rest('GET', '/api/deploys', { token: owner.token }))),
    await ask(plane, owner.token),
  ];

  expect(statuses(answers)).toEqual([200, 200, 200, 200, 429, 429]);
  expect(answers[0]!.headers).toMatchObject({
    'ratelimit-policy': '"token";q=4;w=60',
    ratelimit: expect.stringMatching(/^"token";r=3;t=\d+$/),
  });
  for (const refused of answers.slice(4)) {
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(60);
    expect(refused.headers['ratelimit']).toMatch(/^"token";r=0;t=\d+$/);
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'RATE_LIMITED', status: 429 });
  }
  // What clients of GraphQL look for.
  expect(JSON.parse(answers[5]!.body).errors[0].extensions.code).toBe('RATE_LIMITED');
  expect((await ask(plane, other.token)).status).toBe(200);
});

test('an address without a token has fewer, and the health calls are not counted', async () => {
  await using plane = await startPlane({ roles: ['api'], rateLimitAnonymous: 2 });
  const owner = await createOwner(plane);

  const answers = await repeat(3, () => ask(plane, null));

  expect(statuses(answers)).toEqual([200, 200, 429]);
  expect(statuses(await repeat(5, () => plane.rest('GET', '/livez')))).toEqual([200, 200, 200, 200, 200]);
  expect((await plane.rest('GET', '/readyz')).status).toBe(200);
  expect((await ask(plane, owner.token)).status).toBe(200);
});

test('behind proxies that are ours, callers count by the address that the outermost of them saw', async () => {
  await using plane = await startPlane({ roles: ['api'], rateLimitAnonymous: 1, trustedProxies: 1 });
  const from = (addresses: string) => ask(plane, null, { 'x-forwarded-for': addresses });

  const answers = [await from('192.0.2.1'), await from('192.0.2.2'), await from('203.0.113.9, 192.0.2.1')];

  expect(statuses(answers)).toEqual([200, 200, 429]);
});

test('after some wrong tokens an address may try no other, while tokens that were right go on', async () => {
  await using plane = await startPlane({ roles: ['api'], rateLimitFailures: 3 });
  const [known, late] = [await createOwner(plane), await createOwner(plane)];
  await ask(plane, known.token);

  const guesses = await repeat(5, () => ask(plane, createTokenSecret()));

  expect(statuses(guesses)).toEqual([401, 401, 401, 429, 429]);
  expect((await ask(plane, late.token)).status).toBe(429);
  expect((await ask(plane, known.token)).status).toBe(200);
});

describe('over WebSocket', () => {
  async function openSocket(plane: Plane, token: string) {
    const socket = new WebSocket(`${plane.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }));
    return socket;
  }

  async function run(socket: WebSocket, id: number): Promise<string> {
    socket.send(JSON.stringify({ id: `${id}`, type: 'subscribe', payload: { query: '{ __typename }' } }));
    for (;;) {
      const [message] = (await once(socket, 'message')) as [Buffer];
      const { type, payload } = JSON.parse(message.toString());
      if (type === 'next') return 'done';
      if (type === 'error') return payload[0].extensions.code;
    }
  }

  test('operations count with the requests of their token, and who goes on after many refusals is closed with 4429', async () => {
    await using plane = await startPlane({ roles: ['api'], rateLimit: 4 });
    const owner = await createOwner(plane);
    const socket = await openSocket(plane, owner.token);
    await once(socket, 'message');
    const closed = once(socket, 'close');

    const codes = [await run(socket, 1), await run(socket, 2)];
    expect((await ask(plane, owner.token)).status).toBe(200);
    codes.push(await run(socket, 3));
    for (let i = 4; i < 40; i += 1) {
      socket.send(JSON.stringify({ id: `${i}`, type: 'subscribe', payload: { query: '{ __typename }' } }));
    }

    expect(codes).toEqual(['done', 'done', 'RATE_LIMITED']);
    expect((await closed)[0]).toBe(4429);
  });

  test('a socket for a token without requests left is closed with 4429', async () => {
    await using plane = await startPlane({ roles: ['api'], rateLimit: 1 });
    const owner = await createOwner(plane);
    await ask(plane, owner.token);

    const [code] = await once(await openSocket(plane, owner.token), 'close');

    expect(code).toBe(4429);
  });
});

const settings = {
  rateLimit: 2,
  rateLimitAnonymous: 2,
  rateLimitFailures: 2,
  redisPrefix: `windlass-test-${process.pid}:`,
};
const REDIS_URL = process.env['TEST_REDIS_URL'];

test.runIf(REDIS_URL)('processes with one Redis count together', async () => {
  const caller = { address: '192.0.2.7', token: createTokenSecret() };
  const [one, two] = [0, 1].map(() => createRateLimits({ ...settings, redisUrl: new Secret(REDIS_URL!) })) as [
    ReturnType<typeof createRateLimits>,
    ReturnType<typeof createRateLimits>,
  ];
  try {
    // Both are connected once they see each other.
    await expect
      .poll(async () => {
        const probe = { address: '192.0.2.7', token: createTokenSecret() };
        await one.take(probe);
        return (await two.take(probe))?.remaining;
      })
      .toBe(0);

    const taken = [await one.take(caller), await two.take(caller), await one.take(caller)];

    expect(taken.map((standing) => standing?.isSpent)).toEqual([false, false, true]);
  } finally {
    one.close();
    two.close();
  }
});

test.each([
  ['takes connections and says nothing', false],
  ['is not there', true],
])('a Redis that %s keeps nobody waiting, and each process counts for itself', async (_name, isClosed) => {
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  if (isClosed) await new Promise((resolve) => server.close(resolve));
  const limits = createRateLimits({ ...settings, redisUrl: new Secret(`redis://127.0.0.1:${port}`) });
  const caller = { address: '192.0.2.8', token: null };
  const startedAt = Date.now();

  const taken = [await limits.take(caller), await limits.take(caller), await limits.take(caller)];

  expect(taken.map((standing) => standing?.isSpent)).toEqual([false, false, true]);
  expect(Date.now() - startedAt).toBeLessThan(1_000);
  limits.close();
  server.close();
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8:1:2::', '2001:db8:1:2::/64'],
])('%s counts as %s', (address, group) => {
  expect(addressGroup(address)).toBe(group);
});
