import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { makeGraphiQLPage } from './graphiql.ts';
import { createOpenApi } from './openapi.ts';
import { renderReferencePage } from './reference-page.ts';

const HTML = 'text/html; charset=utf-8';

interface Page {
  readonly gzipped: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}
type LoadPage = () => Promise<Page>;

const loadGraphiQL = once(async () => pack(await makeGraphiQLPage(), { 'content-type': HTML }));
const PAGES: Readonly<Record<string, LoadPage>> = {
  '/openapi.json': once(() => pack(JSON.stringify(createOpenApi()), { 'content-type': 'application/json' })),
  '/docs': once(() => {
    const { html, contentSecurityPolicy } = renderReferencePage(createOpenApi());
    return pack(html, { 'content-type': HTML, 'content-security-policy': contentSecurityPolicy });
  }),
};

/** What is the same for every caller, and says nothing of anybody: GraphiQL, and the description of the REST calls. */
export function findPage({ pathname }: URL, { method, headers }: IncomingMessage): LoadPage | null {
  if (method !== 'GET' && method !== 'HEAD') return null;
  const isGraphiQL = pathname === '/graphql' && /\btext\/html\b/.test(headers.accept ?? '');
  return isGraphiQL ? loadGraphiQL : (Object.hasOwn(PAGES, pathname) && PAGES[pathname]) || null;
}

export async function sendPage(load: LoadPage, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { gzipped, headers } = await load();
  response.setHeader('cache-control', 'no-cache');
  response.appendHeader('vary', 'Accept, Accept-Encoding');
  if (request.headers['if-none-match'] === headers['etag']) return void response.writeHead(304, headers).end();
  const isGzip = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
  response.writeHead(200, { ...headers, ...(isGzip ? { 'content-encoding': 'gzip' } : {}) });
  response.end(isGzip ? gzipped : await promisify(gunzip)(gzipped));
}

async function pack(content: string, headers: Record<string, string>): Promise<Page> {
  const gzipped = await promisify(gzip)(content);
  const etag = `"${createHash('sha256').update(gzipped).digest('base64url').slice(0, 16)}"`;
  return { gzipped, headers: { ...headers, etag } };
}

/** Made at the first call: GraphiQL alone is nine megabytes. */
function once(make: LoadPage): LoadPage {
  let page: Promise<Page> | null = null;
  return () => (page ??= make());
}
