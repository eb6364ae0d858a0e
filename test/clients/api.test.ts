import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createApiClient } from '../../src/client/api.ts';
import { codeOf } from '../kit/plane.ts';

/** A server that answers as its test says, one request after the other; the last answer again and again. */
async function startServer(...answers: RequestListener[]) {
  let requests = 0;
  const server = createServer((request, response) => {
    const answer = answers[Math.min(requests, answers.length - 1)]!;
    requests += 1;
    request.resume().on('end', () => answer(request, response));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const json =
  (body: unknown, status = 200): RequestListener =>
  (_request, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
const refusal = (code: string, details: object = {}) =>
  json({ errors: [{ message: 'No.', extensions: { code, details } }] });
const OK = json({ data: { done: true } });
const hangUp: RequestListener = (request) => request.socket.destroy();

const QUERY = '{ viewer { user { id } } }';
const MUTATION = 'mutation M($input: I!) { make(input: $input) { id } }';

test.each([
  ['a connection that breaks', hangUp],
  ['a database that is away', refusal('UNAVAILABLE')],
  ['rates', refusal('RATE_LIMITED', { retryAfterSeconds: 0 })],
  ['a proxy whose server is away', (_request, response) => response.writeHead(502).end('<html>')],
] as [string, RequestListener][])('a query is repeated after %s', async (_what, answer) => {
  await using server = await startServer(answer, answer, OK);
  const client = createApiClient({ url: server.url, token: 't', retryForMs: 20_000 });

  expect(await client.send(QUERY, {})).toEqual({ data: { done: true } });
  expect(server.requests()).toBe(3);
});

test('a mutation is repeated with an idempotency key, and never without one', async () => {
  await using keyed = await startServer(hangUp, OK);
  await using keyless = await startServer(hangUp, OK);
  const options = { token: 't', retryForMs: 20_000 };

  const answer = await createApiClient({ ...options, url: keyed.url }).send(MUTATION, {
    input: { idempotencyKey: 'k' },
  });
  const refused = await codeOf(createApiClient({ ...options, url: keyless.url }).send(MUTATION, { input: {} }));

  expect(answer).toEqual({ data: { done: true } });
  expect([refused, keyless.requests()]).toEqual(['UNAVAILABLE', 1]);
});

test('nothing is repeated unless that was asked for, nor what would be refused again', async () => {
  await using broken = await startServer(hangUp, OK);
  await using forbidding = await startServer(refusal('FORBIDDEN', { missingScope: 'x' }), OK);

  const code = await codeOf(createApiClient({ url: broken.url, token: 't' }).send(QUERY, {}));
  const answer = await createApiClient({ url: forbidding.url, token: 't', retryForMs: 20_000 }).send(QUERY, {});

  expect([code, broken.requests(), forbidding.requests()]).toEqual(['UNAVAILABLE', 1, 1]);
  expect(answer.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', details: { missingScope: 'x' } } }]);
});

test('it never asks again sooner than the server says, and gives up when that is too late', async () => {
  await using server = await startServer(refusal('RATE_LIMITED', { retryAfterSeconds: 3_600 }), OK);

  const { errors } = await createApiClient({ url: server.url, token: 't', retryForMs: 5_000 }).send(QUERY, {});

  expect(errors).toHaveLength(1);
  expect(server.requests()).toBe(1);
});

test('a server that does not answer in time, and one that is not Windlass, have their codes', async () => {
  await using silent = await startServer(() => {});
  await using foreign = await startServer((_request, response) => response.end('hello'));

  expect(await codeOf(createApiClient({ url: silent.url, token: 't', timeoutMs: 50 }).send(QUERY, {}))).toBe(
    'UNAVAILABLE',
  );
  expect(await codeOf(createApiClient({ url: foreign.url, token: 't' }).send(QUERY, {}))).toBe('NOT_WINDLASS');
});

test("an abort ends a request and a wait at once, with the signal's reason", async () => {
  await using silent = await startServer(() => {});
  await using broken = await startServer(refusal('RATE_LIMITED', { retryAfterSeconds: 30 }));
  const aborting = new AbortController();
  const options = { token: 't', signal: aborting.signal, retryForMs: 60_000 };

  const calls = [silent, broken].map(({ url }) => createApiClient({ ...options, url }).send(QUERY, {}));
  const reasons = Promise.all(calls.map((call) => call.catch((error: unknown) => (error as Error).message)));
  aborting.abort(new Error('enough'));

  expect(await reasons).toEqual(['enough', 'enough']);
});
