import type { IncomingMessage, ServerResponse } from 'node:http';
import { DomainError } from '../domain/errors.ts';

/** Pages of these may call the API; `*` stands for all. */
export type AllowedOrigins = readonly string[];

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';
const REQUEST_HEADERS = [
  'Accept',
  'Authorization',
  'Content-Digest',
  'Content-Type',
  'Idempotency-Key',
  'Last-Event-ID',
  'X-GraphQL-Event-Stream-Token',
  'X-Request-Id',
].join(', ');
const ANSWER_HEADERS = 'Link, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id';
const PREFLIGHT_SECONDS = '600';

/**
 * Refuses what a page of an origin that is not listed sends, also what browsers send without asking: forms, and sockets.
 * Programs send no `Origin`. Answers whether that was all that was asked.
 */
export function answerOrigin(origins: AllowedOrigins, request: IncomingMessage, response: ServerResponse): boolean {
  const { headers, method } = request;
  const { origin } = headers;
  response.setHeader('vary', 'Origin');
  if (!isOriginAllowed(origins, request)) throw originRefused();
  if (origin === undefined || isSameOrigin(origin, headers.host)) return false;
  response.setHeader('access-control-allow-origin', origins.includes('*') ? '*' : origin);
  response.setHeader('access-control-expose-headers', ANSWER_HEADERS);
  if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return false;
  response.setHeader('access-control-allow-methods', METHODS);
  response.setHeader('access-control-allow-headers', REQUEST_HEADERS);
  response.setHeader('access-control-max-age', PREFLIGHT_SECONDS);
  response.writeHead(204).end();
  return true;
}

export function isOriginAllowed(origins: AllowedOrigins, { headers: { origin, host } }: IncomingMessage): boolean {
  return origin === undefined || isSameOrigin(origin, host) || origins.includes('*') || origins.includes(origin);
}

export function originRefused(): DomainError {
  const message = 'Pages of this origin may not call the API. WINDLASS_ALLOWED_ORIGINS lists those that may.';
  return new DomainError('FORBIDDEN', message);
}

/** By the host alone: behind a proxy that ends TLS, the scheme here is another. */
function isSameOrigin(origin: string, host: string | undefined): boolean {
  return host !== undefined && /^https?:\/\//.test(origin) && origin.replace(/^https?:\/\//, '') === host.toLowerCase();
}
