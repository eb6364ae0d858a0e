import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { findDashboard } from './dashboard.ts';
import { makeGraphiQLPage } from './graphiql.ts';
import { createOpenApi } from './openapi.ts';
import { once, pack, type LoadPage } from './packed-page.ts';
import { renderReferencePage } from './reference-page.ts';

const HTML = 'text/html; charset=utf-8';

const loadGraphiQL = once(async () => pack(await makeGraphiQLPage(), { 'content-type': HTML }));
const PAGES: Readonly<Record<string, LoadPage>> = {
  '/openapi.json': once(() => pack(JSON.stringify(createOpenApi()), { 'content-type': 'application/json' })),
  '/docs': once(() => {
    const { html, contentSecurityPolicy } = renderReferencePage(createOpenApi());
    return pack(html, { 'content-type': HTML, 'content-security-policy': contentSecurityPolicy });
  }),
};

/** What is the same for every caller, and says nothing of anybody: the page, GraphiQL, the description of the REST calls. */
export async function findPage({ pathname }: URL, { method, headers }: IncomingMessage): Promise<LoadPage | null> {
  if (method !== 'GET' && method !== 'HEAD') return null;
  const isGraphiQL = pathname === '/graphql' && /\btext\/html\b/.test(headers.accept ?? '');
  return isGraphiQL ? loadGraphiQL : (Object.hasOwn(PAGES, pathname) && PAGES[pathname]) || findDashboard(pathname);
}

export async function sendPage(load: LoadPage, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { gzipped, headers } = await load();
  response.appendHeader('vary', 'Accept, Accept-Encoding');
  if (request.headers['if-none-match'] === headers['etag']) return void response.writeHead(304, headers).end();
  const isGzip = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
  response.writeHead(200, { ...headers, ...(isGzip ? { 'content-encoding': 'gzip' } : {}) });
  response.end(isGzip ? gzipped : await promisify(gunzip)(gzipped));
}
