import type { IncomingMessage, ServerResponse } from 'node:http';
import { metrics } from '../metrics.ts';
import { ROUTES } from './rest.ts';
import { SIGN_IN_CALLS } from './sign-in.ts';

const FIXED = new Set([
  '/',
  '/graphql',
  '/graphql/stream',
  '/livez',
  '/readyz',
  '/docs',
  '/openapi.json',
  ...Object.keys(SIGN_IN_CALLS),
]);
const PATTERNS = ['/api/uploads/{id}/{secret}', ...new Set(ROUTES.map(({ path }) => path))].map((path) => ({
  path,
  pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
}));

/** Counts an answer once its connection has it, or is gone. */
export function observeAnswer(request: IncomingMessage, response: ServerResponse): void {
  const startedAt = performance.now();
  response.once('close', () => {
    const route = routeOf(request.url ?? '');
    const status = response.headersSent ? String(response.statusCode) : 'none';
    metrics.httpRequests.inc({ route, status });
    const isStream = /event-stream|ndjson/.test(String(response.getHeader('content-type') ?? ''));
    if (!isStream) metrics.httpSeconds.observe({ route }, (performance.now() - startedAt) / 1_000);
  });
}

/** One of the paths that there are, and never what was asked for. */
function routeOf(url: string): string {
  const [path = ''] = url.split('?');
  if (FIXED.has(path)) return path;
  return PATTERNS.find(({ pattern }) => pattern.test(path))?.path ?? 'other';
}
