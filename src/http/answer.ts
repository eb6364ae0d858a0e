import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { DomainError, ERROR_STATUS, ERROR_TITLE } from '../domain/errors.ts';
import { metrics } from '../metrics.ts';
import { retryAfter, type Refusal } from './errors.ts';
import { linger } from './linger.ts';
import type { JsonAnswer, StreamAnswer } from './route.ts';

const KEEP_ALIVE_MS = 15_000;

/** Sends what comes as it comes, at the pace of whoever reads it. */
export async function sendStream(
  response: ServerResponse,
  { status, headers, chunks, keepAlive }: StreamAnswer,
): Promise<void> {
  response.writeHead(status, headers);
  if (response.req.method === 'HEAD') {
    await chunks.return();
    response.end();
    return;
  }
  response.flushHeaders();
  const timer = setInterval(() => {
    if (keepAlive !== undefined && !response.writableNeedDrain) response.write(keepAlive);
  }, KEEP_ALIVE_MS);
  try {
    await writeChunks(response, chunks);
  } finally {
    clearInterval(timer);
  }
}

/** Writes everything at the pace of its reader, and ends what it comes from when the reader leaves. */
export async function writeChunks(
  response: ServerResponse,
  chunks: AsyncGenerator<string, void, void>,
  onWritten: () => void = () => {},
): Promise<void> {
  const hasLeft = new Promise<void>((resolve) => response.once('close', resolve));
  void hasLeft.then(() => chunks.return());
  for await (const chunk of chunks) {
    if (chunk !== '' && !response.write(chunk)) await Promise.race([once(response, 'drain'), hasLeft]);
    onWritten();
  }
  response.end();
}

export function sendJson(response: ServerResponse, { status, body, headers = {} }: JsonAnswer): void {
  if (body === undefined) return void response.writeHead(status, headers).end();
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(`${JSON.stringify(body)}\n`);
}

export function sendProblem(response: ServerResponse, refusal: Refusal, requestId: string): void {
  // An answer that was complete before needs nothing more.
  if (response.writableEnded) return;
  if (response.headersSent) {
    metrics.refusals.inc({ code: refusal.code });
    return void response.destroy();
  }
  const isGraphQL = /^\/graphql\b/.test(response.req.url ?? '');
  const { status, headers, body } = problemOf(refusal, requestId, isGraphQL);
  const fields = { ...headers, 'content-length': Buffer.byteLength(body) };
  if (response.req.complete) return void response.writeHead(status, fields).end(body);
  // What was not read of the request cannot be followed by another one.
  response.writeHead(status, { ...fields, connection: 'close' }).write(body);
  linger(response.req, () => response.end());
}

/** RFC 9457. Clients of GraphQL look for `errors`, whatever else comes. */
export function problemOf({ code, message, details }: Refusal, requestId: string, isGraphQL = false) {
  metrics.refusals.inc({ code });
  const status = ERROR_STATUS[code];
  const headers: Record<string, string> = {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    ...(code === 'UNAUTHENTICATED' ? { 'www-authenticate': 'Bearer' } : {}),
    ...retryAfter({ code, details }),
  };
  const more = Object.keys(details).length > 0 ? { details } : {};
  const problem = {
    type: `urn:windlass:error:${code.toLowerCase().replaceAll('_', '-')}`,
    title: ERROR_TITLE[code],
    status,
    detail: message,
    code,
    ...more,
    requestId,
    ...(isGraphQL ? { errors: [{ message, extensions: { code, ...more } }] } : {}),
  };
  return { status, headers, body: `${JSON.stringify(problem)}\n` };
}

export function methodNotAllowed(response: ServerResponse, allowed: readonly string[]): DomainError {
  response.setHeader('allow', allowed.join(', '));
  return new DomainError('METHOD_NOT_ALLOWED', `This path takes ${allowed.join(', ')}.`);
}
