import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { send, startPlane, type Plane } from '../kit/plane.ts';
import { createOwner, type Member } from '../kit/seed.ts';

const LISTED = 'https://dashboard.example.com';
const FOREIGN = 'https://evil.example.com';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane({ roles: ['api'], allowedOrigins: [LISTED] });
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

const call = (method: string, path: string, headers: Record<string, string>, body?: string) =>
  send(method, `${plane.url}${path}`, { headers: { authorization: `Bearer ${owner.token}`, ...headers }, body });
const CALLS: [string, string, Record<string, string>, string?][] = [
  ['POST', '/graphql', { 'content-type': 'application/json' }, '{ "query": "{ __typename }" }'],
  ['GET', '/graphql?query={__typename}', { accept: 'application/json' }],
  ['GET', '/api/deploys', {}],
  ['PUT', '/graphql/stream', {}],
];

test.each(CALLS)('%s %s of a page of another origin is refused', async (method, path, headers, body) => {
  for (const origin of [FOREIGN, 'null', `${LISTED}.evil.example.com`]) {
    const answer = await call(method, path, { ...headers, origin }, body);

    expect([answer.status, answer.body]).toEqual([403, expect.stringContaining('"FORBIDDEN"')]);
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
    expect(answer.body).not.toContain(origin === 'null' ? '"null"' : origin);
  }
});

test.each(CALLS)(
  '%s %s is answered for the own origin, for listed ones and for programs',
  async (method, path, headers, body) => {
    const own = await call(method, path, { ...headers, origin: plane.url }, body);
    const listed = await call(method, path, { ...headers, origin: LISTED }, body);
    const program = await call(method, path, headers, body);

    for (const answer of [own, listed, program]) expect(answer.status).toBeLessThan(300);
    expect(listed.headers['access-control-allow-origin']).toBe(LISTED);
    expect(listed.headers).not.toHaveProperty('access-control-allow-credentials');
    for (const { headers: got } of [own, program]) expect(got).not.toHaveProperty('access-control-allow-origin');
    for (const { headers: got } of [own, listed, program]) expect(String(got['vary'])).toMatch(/\borigin\b/i);
  },
);

test('a browser that asks first is told what pages of a listed origin may send', async () => {
  const preflight = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' };

  const listed = await call('OPTIONS', '/graphql', { origin: LISTED, ...preflight });
  const foreign = await call('OPTIONS', '/graphql', { origin: FOREIGN, ...preflight });

  expect(listed.status).toBe(204);
  expect(listed.headers).toMatchObject({
    'access-control-allow-origin': LISTED,
    'access-control-allow-methods': expect.stringContaining('POST'),
    'access-control-allow-headers': expect.stringContaining('Authorization'),
  });
  expect(foreign.status).toBe(403);
});

test('what a form can send without asking changes nothing', async () => {
  for (const type of ['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain']) {
    const answer = await call('POST', '/graphql', { 'content-type': type }, 'query={__typename}');

    expect([answer.status, answer.body]).toEqual([415, expect.stringContaining('"UNSUPPORTED_MEDIA_TYPE"')]);
  }
});

test('a WebSocket of a page of another origin is refused before it is one', async () => {
  const open = (origin?: string) =>
    new WebSocket(`${plane.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', origin ? { origin } : {});

  for (const origin of [undefined, plane.url, LISTED]) {
    const socket = open(origin);
    await once(socket, 'open');
    socket.terminate();
  }
  const [, response] = await once(
    open(FOREIGN).on('error', () => {}),
    'unexpected-response',
  );

  expect(response.statusCode).toBe(403);
});
