import { afterAll, beforeAll, expect, test } from 'vitest';
import { createOpenApi } from '../../src/http/openapi.ts';
import { ROUTES } from '../../src/http/rest.ts';
import { createAnswerCheck } from '../kit/openapi.ts';
import { send, startPlane, type Plane } from '../kit/plane.ts';

let plane: Plane;
beforeAll(async () => {
  plane = await startPlane({ roles: ['api'] });
});
afterAll(() => plane[Symbol.asyncDispose]());

test('every route is described, with an id of its own', () => {
  const { paths } = createOpenApi();

  const ids = ROUTES.map(({ method, path }) => paths[path]?.[method.toLowerCase()]?.operationId);
  expect(new Set(ids).size).toBe(ROUTES.length);
  expect(ids).not.toContain(undefined);
});

test('the check of answers notices what differs', () => {
  const check = createAnswerCheck();
  const json = { status: 200, mediaType: 'application/json' };

  check('GET', '/livez', { ...json, body: { status: 'ok' } });
  expect(() => check('GET', '/livez', { ...json, body: { status: 'well' } })).toThrow(/constant/);
  expect(() => check('GET', '/livez', { ...json, body: { status: 'ok', more: 1 } })).toThrow(/additional properties/);
  expect(() => check('GET', '/livez', { ...json, status: 201, body: {} })).toThrow(/status 201 is not described/);
  expect(() => check('GET', '/api/nothing', { ...json, body: {} })).toThrow(/is not described/);
});

test('/openapi.json is the description, for whoever asks', async () => {
  const answer = await plane.rest('GET', '/openapi.json');

  expect(answer.headers['content-type']).toBe('application/json');
  expect(JSON.parse(answer.body)).toEqual(JSON.parse(JSON.stringify(createOpenApi())));
});

test('/docs shows every call, on a page without scripts that asks no other host for anything', async () => {
  const { status, headers, body } = await plane.rest('GET', '/docs');

  expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
  expect(headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-/);
  for (const { path, about } of ROUTES) {
    expect(body).toContain(`<code>${path}</code>`);
    expect(body).toContain(`id="${about.id}"`);
  }
  expect(body).not.toMatch(/<script|https?:|url\(|@import/);
  const anchors = [...body.matchAll(/href="#([^"]+)"/g)].map(([, anchor]) => anchor);
  expect(anchors.filter((anchor) => !body.includes(`id="${anchor}"`))).toEqual([]);
});

test('a page comes compressed to who takes that, and not again to who has it', async () => {
  for (const path of ['/openapi.json', '/docs', '/graphql']) {
    const accept = { accept: 'text/html' };
    const whole = await plane.rest('GET', path, { headers: accept });
    const etag = String(whole.headers['etag']);

    const response = await fetch(`${plane.url}${path}`, { headers: { ...accept, 'accept-encoding': 'gzip' } });
    const again = await send('GET', `${plane.url}${path}`, { headers: { ...accept, 'if-none-match': etag } });

    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(await response.text()).toBe(whole.body);
    expect([again.status, again.body]).toEqual([304, '']);
  }
});
