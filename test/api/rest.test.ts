import { createHash, randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dataFolders } from '../../src/config.ts';
import { createId } from '../../src/domain/ids.ts';
import { startPlane, type Answer, type Plane } from '../kit/plane.ts';
import {
  appFiles,
  createApp,
  createOwner,
  deployFiles,
  digestOf,
  makePackage,
  pushVersion,
  untilStatus,
  type Files,
  type Member,
  type SeededApp,
} from '../kit/seed.ts';

let plane: Plane;
let owner: Member;
let app: SeededApp;
beforeAll(async () => {
  plane = await startPlane({ packageBytesMax: 200_000, unpackedBytesMax: 1_000_000 });
  owner = await createOwner(plane);
  app = await createApp(owner);
  await pushVersion(owner, app.entityId, appFiles('one'));
});
afterAll(() => plane[Symbol.asyncDispose]());

const call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  plane.rest(method, path, { token: owner.token, body, headers });
// Tests read whatever came.
// oxlint-disable-next-line typescript/no-explicit-any
const json = ({ body }: Answer): any => JSON.parse(body);

const PHASE_NAMES = [
  ...['orchestrate', 'download', 'infra', 'build', 'package', 'migrate', 'service_deploy', 'cache_invalidation'],
];

test('POST /api/deploy creates a deployment, and GET gives it with phases and logs in the documented spelling', async () => {
  const created = await call('POST', '/api/deploy', { productionAppId: app.productionAppId, reason: 'first' });
  const { id } = json(created);
  await untilStatus(plane, id, 'completed');
  const got = await call('GET', `/api/deploys/${id}`);

  expect(created.status).toBe(201);
  expect(created.headers['location']).toBe(`/api/deploys/${id}`);
  expect(json(created)).toMatchObject({
    number: 1,
    productionAppId: app.productionAppId,
    status: expect.stringMatching(/^(pending|in_progress)$/),
    trigger: 'manual',
    reason: 'first',
    errorMessage: null,
  });
  expect(got.status).toBe(200);
  const { logs, logsTotal, ...deployment } = json(got);
  expect(Object.keys(deployment).toSorted()).toEqual(
    [
      ...['createdAt', 'errorMessage', 'finishedAt', 'id', 'number', 'phases', 'productionAppId', 'reason'],
      ...['startedAt', 'status', 'trigger', 'versionId'],
    ].toSorted(),
  );
  expect(deployment.phases.map(({ name }: { name: string }) => name)).toEqual(PHASE_NAMES);
  expect(deployment.phases[0]).toEqual({
    name: 'orchestrate',
    status: 'completed',
    attempt: 1,
    startedAt: expect.any(String),
    finishedAt: expect.any(String),
    errorMessage: null,
  });
  expect(logs).toHaveLength(logsTotal);
  expect(Object.keys(logs[0]).toSorted()).toEqual(['at', 'level', 'message', 'phase', 'seq', 'stream']);
  expect(logs[0]).toMatchObject({ seq: 1, phase: 'orchestrate', stream: 'system', level: 'info' });
});

test('POST /api/deploy with a key that was used answers 200 with the same deployment', async () => {
  const own = await createApp(owner);
  const versionId = await pushVersion(owner, own.entityId, appFiles('one'));
  const body = { productionAppId: own.productionAppId, versionId };
  const headers = { 'idempotency-key': randomUUID() };

  const [first, second] = [
    await call('POST', '/api/deploy', body, headers),
    await call('POST', '/api/deploy', body, headers),
  ];

  expect([first.status, second.status]).toEqual([201, 200]);
  expect(json(second).id).toBe(json(first).id);
  await untilStatus(plane, json(first).id, 'completed');
});

test('GET /api/deploys pages with totals and links, and filters by app and by several statuses', async () => {
  const own = await createApp(owner);
  for (const name of ['one', 'two', 'three']) await deployFiles(plane, owner, own, appFiles(name));

  const path = `/api/deploys?productionAppId=${own.productionAppId}&pageSize=2`;
  const [first, second] = [await call('GET', path), await call('GET', `${path}&page=2`)];

  expect(json(first).pagination).toEqual({ page: 1, pageSize: 2, total: 3, totalPages: 2 });
  expect([...json(first).data, ...json(second).data].map(({ number }) => number)).toEqual([3, 2, 1]);
  expect(first.headers['link']).toContain('page=2>; rel="next"');
  expect(second.headers['link']).toContain('page=1>; rel="prev"');
  expect(json(await call('GET', `${path}&status=failed&status=cancelled`)).data).toEqual([]);
  expect(json(await call('GET', `${path}&status=completed&status=failed`)).pagination.total).toBe(3);
});

test('the two upload calls make a version of what was put in between, once for each source hash', async () => {
  const own = await createApp(owner);
  const archive = await makePackage(appFiles('one'));
  const about = { version: '2026.01.01-1', source_hash: createHash('sha256').update(archive).digest('hex') };
  const versions = `/api/entities/${own.entityId}/versions`;

  const asked = await call('POST', `${versions}/upload-url`, about);
  const { upload_url, storage_path, expires_at } = json(asked);
  const put = await call('PUT', new URL(upload_url).pathname, archive.toString('latin1'));
  const wrongSize = await call('POST', `${versions}/confirm`, {
    ...about,
    storage_path,
    file_size_bytes: archive.length,
  });
  const rightPut = await fetch(upload_url, {
    method: 'PUT',
    body: new Uint8Array(archive),
    headers: digestOf(archive),
  });
  const confirmed = await call('POST', `${versions}/confirm`, {
    ...about,
    storage_path,
    file_size_bytes: archive.length,
  });
  const again = await call('POST', `${versions}/confirm`, { ...about, storage_path, file_size_bytes: archive.length });
  const known = await call('POST', `${versions}/upload-url`, { ...about, version: '2026.01.01-2' });
  const forced = await call('POST', `${versions}/upload-url`, { ...about, version: '2026.01.01-2', force: true });

  expect(asked.status).toBe(200);
  expect(new Date(expires_at).getTime()).toBeGreaterThan(Date.now());
  // The test's first body was not the archive: its bytes went through a text.
  expect([put.status, wrongSize.status, json(wrongSize).code]).toEqual([204, 422, 'PACKAGE_REJECTED']);
  expect(rightPut.status).toBe(204);
  expect(confirmed.status).toBe(201);
  expect(json(confirmed)).toMatchObject({
    version: '2026.01.01-1',
    entityId: own.entityId,
    isActive: true,
    packageBytes: archive.length,
    packageSha256: createHash('sha256').update(archive).digest('hex'),
  });
  expect([again.status, json(again).id]).toEqual([200, json(confirmed).id]);
  expect(json(known).existing_version.id).toBe(json(confirmed).id);
  expect(json(forced).upload_url).toEqual(expect.any(String));
});

test('both upload calls answer the same again for their key, and refuse it for anything else', async () => {
  const own = await createApp(owner);
  const archive = await makePackage(appFiles('one'));
  const about = { version: '2026.01.01-1', source_hash: randomUUID() };
  const versions = `/api/entities/${own.entityId}/versions`;
  const [asking, confirming] = [randomUUID(), randomUUID()].map((key) => ({ 'idempotency-key': key }));

  const asked = await call('POST', `${versions}/upload-url`, about, asking);
  const askedAgain = await call('POST', `${versions}/upload-url`, about, asking);
  const askedOther = await call('POST', `${versions}/upload-url`, { ...about, version: 'other' }, asking);
  const { upload_url, storage_path } = json(asked);
  await fetch(upload_url, { method: 'PUT', body: new Uint8Array(archive), headers: digestOf(archive) });
  const body = { ...about, storage_path, file_size_bytes: archive.length };
  const confirmed = await Promise.all(
    Array.from({ length: 5 }, () => call('POST', `${versions}/confirm`, body, confirming)),
  );
  const confirmedOther = await call('POST', `${versions}/confirm`, { ...body, set_as_active: true }, confirming);

  expect(json(askedAgain)).toEqual(json(asked));
  expect([askedOther.status, json(askedOther).code]).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
  expect(confirmed.map(({ status }) => status).toSorted()).toEqual([200, 200, 200, 200, 201]);
  expect(new Set(confirmed.map((answer) => json(answer).id)).size).toBe(1);
  expect([confirmedOther.status, json(confirmedOther).code]).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
});

/** Asks for an upload URL, puts a body there, and confirms it. */
async function push(archive: Buffer, options: { headers?: Record<string, string>; claimedBytes?: number } = {}) {
  const about = { version: `v-${randomUUID()}`, source_hash: randomUUID() };
  const versions = `/api/entities/${app.entityId}/versions`;
  const { upload_url, storage_path } = json(await call('POST', `${versions}/upload-url`, about));
  const put = await fetch(upload_url, { method: 'PUT', body: new Uint8Array(archive), headers: options.headers });
  if (put.status !== 204) return { status: put.status, body: await put.text(), headers: {} };
  return call('POST', `${versions}/confirm`, {
    ...about,
    storage_path,
    file_size_bytes: options.claimedBytes ?? archive.length,
  });
}

const manifest = (content: unknown): Files => ({
  'windlass.json': typeof content === 'string' ? content : JSON.stringify(content),
});

test.each<[string, Files, RegExp]>([
  ['an entry outside of the folder', { ...appFiles('x'), '../evil': 'x' }, /outside of its folder/],
  ['a link', { ...appFiles('x'), link: { type: 'symlink', linkname: '/etc/passwd' } }, /no file and no folder/],
  [
    'a device',
    { ...appFiles('x'), device: { type: 'character-device', devmajor: 1, devminor: 3 } },
    /no file and no folder/,
  ],
  ['more than it may unpack to', { ...appFiles('x'), bomb: '0'.repeat(1_500_000) }, /unpacks to more than/],
  ['no way to start', { 'index.html': 'hello' }, /how to start/],
  ['a manifest that is not JSON', manifest('{ "start": '), /windlass\.json is not JSON/],
  ['a manifest with an unknown key', manifest({ start: 'x', strat: 'y' }), /strat/],
  ['a manifest with a wrong type', manifest({ start: 5 }), /start: /],
])('a package with %s is rejected with a code, a reason, and nothing kept', async (_name, files, reason) => {
  const packages = join(dataFolders(plane.dataDir).packages, 'packages');
  const before = [await plane.app.database.prisma.version.count(), readdirSync(packages).length];

  const answer = await push(await makePackage(files));

  expect([answer.status, json(answer).code]).toEqual([422, 'PACKAGE_REJECTED']);
  expect(json(answer).detail).toMatch(reason);
  expect([await plane.app.database.prisma.version.count(), readdirSync(packages).length]).toEqual(before);
});

test('a package that is no archive, is cut short, is empty or too large is rejected', async () => {
  const whole = await makePackage(appFiles('one'));

  expect(json(await push(Buffer.from('no archive'))).code).toBe('PACKAGE_REJECTED');
  expect(json(await push(whole.subarray(0, whole.length - 20))).code).toBe('PACKAGE_REJECTED');
  expect(json(await push(Buffer.alloc(0))).code).toBe('PACKAGE_REJECTED');
  const large = await push(Buffer.alloc(200_001));
  expect([large.status, json(large).code]).toEqual([413, 'PAYLOAD_TOO_LARGE']);
});

test('a package whose digest or size is not what its sender said is rejected', async () => {
  const archive = await makePackage(appFiles('one'));

  const wrongDigest = await push(archive, { headers: digestOf(Buffer.from('another')) });
  const wrongSize = await push(archive, { claimedBytes: archive.length + 1 });

  expect([wrongDigest.status, json(wrongDigest).code]).toEqual([422, 'PACKAGE_REJECTED']);
  expect([wrongSize.status, json(wrongSize).code]).toEqual([422, 'PACKAGE_REJECTED']);
});

test('an upload URL works for its own secret and method only', async () => {
  const about = { version: `v-${randomUUID()}`, source_hash: randomUUID() };
  const { upload_url } = json(await call('POST', `/api/entities/${app.entityId}/versions/upload-url`, about));
  const { pathname } = new URL(upload_url);

  const wrongSecret = await call('PUT', `${pathname.slice(0, -3)}abc`, 'x');
  const unknown = await call('PUT', pathname.replace(/upl_[^/]+/, createId('Upload')), 'x');
  const wrongMethod = await call('GET', pathname);

  expect([wrongSecret.status, unknown.status, wrongMethod.status]).toEqual([404, 404, 405]);
  expect(wrongMethod.headers['allow']).toBe('PUT');
});

test.each<[string, string, string, unknown, number, string]>([
  ['no body', 'POST', '/api/deploy', undefined, 400, 'BAD_USER_INPUT'],
  ['malformed JSON', 'POST', '/api/deploy', '{ "productionAppId": secret', 400, 'BAD_USER_INPUT'],
  ['a wrong type', 'POST', '/api/deploy', { productionAppId: 5 }, 400, 'BAD_USER_INPUT'],
  ['a list for a body', 'POST', '/api/deploy', ['x'], 400, 'BAD_USER_INPUT'],
  ['an unknown app', 'POST', '/api/deploy', { productionAppId: createId('ProductionApp') }, 404, 'NOT_FOUND'],
  ['an id of nothing', 'POST', '/api/deploy', { productionAppId: 'x'.repeat(10_000) }, 404, 'NOT_FOUND'],
  ['a NUL', 'POST', '/api/deploy', { productionAppId: 'app_\0' }, 400, 'BAD_USER_INPUT'],
  ['half a character', 'POST', '/api/deploy', { productionAppId: '\ud800' }, 400, 'BAD_USER_INPUT'],
  ['a long reason', 'POST', '/api/deploy', { productionAppId: 'a', reason: 'x'.repeat(501) }, 400, 'BAD_USER_INPUT'],
  [
    'a body over the limit',
    'POST',
    '/api/deploy',
    { productionAppId: 'x'.repeat(1_100_000) },
    413,
    'PAYLOAD_TOO_LARGE',
  ],
  ['a page size that is no number', 'GET', '/api/deploys?pageSize=abc', undefined, 400, 'BAD_USER_INPUT'],
  ['a page size in another notation', 'GET', '/api/deploys?pageSize=0x10', undefined, 400, 'BAD_USER_INPUT'],
  ['an empty page size', 'GET', '/api/deploys?pageSize=', undefined, 400, 'BAD_USER_INPUT'],
  ['a page size over the limit', 'GET', '/api/deploys?pageSize=101', undefined, 400, 'BAD_USER_INPUT'],
  ['page 0', 'GET', '/api/deploys?page=0', undefined, 400, 'BAD_USER_INPUT'],
  ['a page beyond all numbers', 'GET', '/api/deploys?page=99999999999', undefined, 400, 'BAD_USER_INPUT'],
  ['an unknown status', 'GET', '/api/deploys?status=done', undefined, 400, 'BAD_USER_INPUT'],
  ['an unknown deployment', 'GET', `/api/deploys/${createId('Deployment')}`, undefined, 404, 'NOT_FOUND'],
  ['an encoded NUL', 'GET', '/api/deploys/dep_%00', undefined, 400, 'BAD_USER_INPUT'],
  ['broken percent-encoding', 'GET', '/api/deploys/%E0%A4%A', undefined, 404, 'NOT_FOUND'],
  ['a cancel of nothing', 'POST', `/api/deploys/${createId('Deployment')}/cancel`, undefined, 404, 'NOT_FOUND'],
  ['an unknown path', 'GET', '/api/nothing', undefined, 404, 'NOT_FOUND'],
  ['a wrong method', 'DELETE', '/api/deploys', undefined, 405, 'METHOD_NOT_ALLOWED'],
])('%s is refused with a problem document', async (_name, method, path, body, status, code) => {
  const answer = await call(method, path, body);

  const { type, title, detail, requestId, ...rest } = json(answer);
  expect(rest).toMatchObject({ status, code });
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect(type).toMatch(/^urn:windlass:error:/);
  expect(requestId).toBe(answer.headers['x-request-id']);
  expect(`${title}${detail}`).not.toContain('secret');
});

test.each([undefined, 'null', '"text"', '[]', '5'])('the body %s is refused as no JSON object', async (body) => {
  const answer = await call('POST', '/api/deploy', body);

  expect([answer.status, json(answer).detail]).toEqual([400, 'The input is not valid: body must be a JSON object.']);
});

test('HEAD answers as GET does, without the body', async () => {
  const found = await call('HEAD', '/api/deploys?pageSize=1');
  const missing = await call('HEAD', `/api/deploys/${createId('Deployment')}`);
  const wrong = await call('HEAD', '/api/deploy');

  expect([found.status, found.body, found.headers['content-type']]).toEqual([
    200,
    '',
    'application/json; charset=utf-8',
  ]);
  expect([missing.status, missing.body]).toEqual([404, '']);
  expect([wrong.status, wrong.headers['allow']]).toEqual([405, 'POST']);
});

test('a body of another media type is refused with 415', async () => {
  const answer = await call('POST', '/api/deploy', 'productionAppId=x', {
    'content-type': 'application/x-www-form-urlencoded',
  });

  expect([answer.status, json(answer).code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
});

test('an app without an active version, and a version of another entity, are refused with their codes', async () => {
  const [empty, other] = [await createApp(owner), await createApp(owner)];
  const versionId = await pushVersion(owner, other.entityId, appFiles('one'));

  const none = await call('POST', '/api/deploy', { productionAppId: empty.productionAppId });
  const foreign = await call('POST', '/api/deploy', { productionAppId: empty.productionAppId, versionId });
  const unknown = await call('POST', '/api/deploy', {
    productionAppId: empty.productionAppId,
    versionId: createId('Version'),
  });

  expect([none.status, json(none).code]).toEqual([422, 'NO_ACTIVE_VERSION']);
  expect([foreign.status, json(foreign).code]).toEqual([422, 'VERSION_NOT_OF_ENTITY']);
  expect([unknown.status, json(unknown).code]).toEqual([404, 'NOT_FOUND']);
});

test('calls without a token, or with a wrong one, are 401 and say how to sign in', async () => {
  const none = await plane.rest('GET', '/api/deploys');
  const wrong = await plane.rest('GET', '/api/deploys', { token: 'wl_wrong' });

  expect([none.status, wrong.status]).toEqual([401, 401]);
  expect([none.headers['www-authenticate'], wrong.headers['www-authenticate']]).toEqual(['Bearer', 'Bearer']);
});

test('/livez and /readyz answer without a token', async () => {
  expect([(await plane.rest('GET', '/livez')).status, (await plane.rest('GET', '/readyz')).status]).toEqual([200, 200]);
});
