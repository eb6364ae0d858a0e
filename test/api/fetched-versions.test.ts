import { createHash, randomUUID } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SCOPES } from '../../src/domain/access.ts';
import { graphql } from '../kit/graphql.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import {
  appFiles,
  createApp,
  createMember,
  createOwner,
  makePackage,
  trigger,
  untilStatus,
  type Member,
  type SeededApp,
} from '../kit/seed.ts';

const CREATE =
  'mutation ($input: CreateVersionFromUrlInput!) { createVersionFromUrl(input: $input) { replayed version { id version packageSha256 isActive } } }';

let plane: Plane;
let owner: Member;
let app: SeededApp;
let archive: Buffer;
let sha256: string;
beforeAll(async () => {
  plane = await startPlane({
    fetchAllow: ['allowed.localhost', 'localhost'],
    fetchTimeoutMs: 2_000,
    packageBytesMax: 100_000,
  });
  owner = await createOwner(plane);
  app = await createApp(owner);
  archive = await makePackage(appFiles('fetched'));
  sha256 = createHash('sha256').update(archive).digest('hex');
});
afterAll(() => plane[Symbol.asyncDispose]());

interface Site extends AsyncDisposable {
  readonly port: number;
  readonly asked: string[];
}

/** A web server of somebody else, on this machine: only `localhost` is allowed by name, not the address. */
async function serve(answer: RequestListener): Promise<Site> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    answer(request, response);
  }).listen(0, 'localhost');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const inputFor = (packageUrl: string, changes: object = {}) => ({
  entityId: app.entityId,
  version: `v-${randomUUID().slice(0, 8)}`,
  sourceHash: randomUUID(),
  packageUrl,
  packageSha256: sha256,
  ...changes,
});
const create = (packageUrl: string, changes: object = {}, token = owner.token) =>
  graphql(plane, token, CREATE, { input: inputFor(packageUrl, changes) });

const sendPackage: RequestListener = (_request, response) => void response.end(archive);

test('a version is made of a package that lies elsewhere, over redirects, and deploys', async () => {
  await using site = await serve((request, response) => {
    if (request.url === '/package') response.end(archive);
    else response.writeHead(302, { location: '/package' }).end();
  });

  const answer = await create(`http://localhost:${site.port}/latest`, { setAsActive: true });

  const { version, replayed } = answer.data.createVersionFromUrl;
  expect([replayed, version.packageSha256, version.isActive]).toEqual([false, sha256, true]);
  expect(site.asked).toEqual(['/latest', '/package']);
  await untilStatus(plane, await trigger(owner, app.productionAppId), 'completed');
  expect((await plane.visit(app.subdomain)).body).toBe('fetched');
});

test('the same key or the same source fetches nothing again', async () => {
  await using site = await serve(sendPackage);
  const input = inputFor(`http://localhost:${site.port}/`, { idempotencyKey: randomUUID() });
  const ask = (changes: object = {}) => graphql(plane, owner.token, CREATE, { input: { ...input, ...changes } });

  const first = (await ask()).data.createVersionFromUrl;
  const again = (await ask()).data.createVersionFromUrl;
  const sameSource = (await ask({ idempotencyKey: randomUUID(), version: 'other' })).data.createVersionFromUrl;
  const otherBody = await ask({ packageSha256: 'f'.repeat(64) });

  expect([again, sameSource]).toEqual([
    { ...first, replayed: true },
    { ...first, replayed: true },
  ]);
  expect(otherBody.codes).toEqual(['IDEMPOTENCY_MISMATCH']);
  expect(site.asked).toHaveLength(1);
});

test.each([
  ['127.0.0.1', 'The host 127.0.0.1 is on this machine or in a private network.'],
  ['[::1]', 'The host [::1] is on this machine or in a private network.'],
  ['2130706433', 'The host 127.0.0.1 is on this machine or in a private network.'],
  ['0.0.0.0', 'The host 0.0.0.0 is on this machine or in a private network.'],
])('nothing is asked of %s, which is not allowed by this name', async (host, message) => {
  await using site = await serve(sendPackage);

  const answer = await create(`http://${host}:${site.port}/`);

  expect(answer.codes).toEqual(['PACKAGE_REJECTED']);
  expect(answer.messages[0]).toBe(`The package could not be fetched. ${message}`);
  expect(site.asked).toEqual([]);
});

test('a redirect from an allowed host to one that is not is not followed', async () => {
  await using secret = await serve(sendPackage);
  await using site = await serve((_request, response) => {
    response.writeHead(307, { location: `http://127.0.0.1:${secret.port}/metadata` }).end();
  });

  const answer = await create(`http://localhost:${site.port}/`);

  expect(answer.messages[0]).toContain('The host 127.0.0.1 is on this machine');
  expect(secret.asked).toEqual([]);
});

test.each([
  [
    'a redirect to a file',
    (_: unknown, response: Parameters<RequestListener>[1]) =>
      response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
    'Only http and https',
  ],
  [
    'redirects without end',
    (_: unknown, response: Parameters<RequestListener>[1]) => response.writeHead(302, { location: '/' }).end(),
    'more than 5 redirects',
  ],
  [
    'a refusal',
    (_: unknown, response: Parameters<RequestListener>[1]) => response.writeHead(404).end(),
    'The answer was 404.',
  ],
  [
    'a size over the limit',
    (_: unknown, response: Parameters<RequestListener>[1]) =>
      response.writeHead(200, { 'content-length': 200_000 }).flushHeaders(),
    'larger than the limit of 100000 bytes',
  ],
  ['silence', () => {}, 'It took too long.'],
  [
    'an answer that does not end',
    (_: unknown, response: Parameters<RequestListener>[1]) => response.write('x'),
    'It took longer than 2000 ms.',
  ],
  [
    'an answer that breaks off',
    (_: unknown, response: Parameters<RequestListener>[1]) => response.write('x', () => response.destroy()),
    '',
  ],
  [
    'another file than was announced',
    (_: unknown, response: Parameters<RequestListener>[1]) => response.end('another'),
    'The SHA-256 of what arrived',
  ],
])('%s makes no version, and keeps nothing', async (_what, respond, message) => {
  await using site = await serve((request, response) => respond(request, response));
  const before = await plane.app.database.prisma.version.count();

  const answer = await create(`http://localhost:${site.port}/`);

  expect(answer.codes).toEqual(['PACKAGE_REJECTED']);
  expect(answer.messages[0]).toContain(message);
  expect(await plane.app.database.prisma.version.count()).toBe(before);
});

test('an answer that is longer than it said, or than it may be, is cut off', async () => {
  await using site = await serve((_request, response) => {
    const more = () => void (response.destroyed || response.write(Buffer.alloc(50_000), () => setImmediate(more)));
    more();
  });

  const answer = await create(`http://localhost:${site.port}/`);

  expect(answer.codes).toEqual(['PAYLOAD_TOO_LARGE']);
});

test.each(['ftp://example.com/a', 'file:///etc/passwd', 'data:,a', 'no address', 'https://user:hunter2@example.com/'])(
  '%s is refused at once, and not repeated',
  async (url) => {
    const answer = await create(url);

    expect(answer.codes).toEqual(['BAD_USER_INPUT']);
    expect(answer.body).not.toContain('hunter2');
  },
);

test('who may not publish fetches nothing', async () => {
  await using site = await serve(sendPackage);
  const scopes = SCOPES.filter((scope) => scope !== 'entities:publish');
  const reader = await createMember(plane, owner.organizationId, scopes);

  expect((await create(`http://localhost:${site.port}/`, {}, reader.token)).codes).toEqual(['FORBIDDEN']);
  expect(site.asked).toEqual([]);
});
