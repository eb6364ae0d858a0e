import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import type { Log } from '../telemetry.ts';
import { OBJECT_BYTES_MAX, storedHeaders, type HttpCache, type StoredAnswer } from './cache.ts';
import { isNotModified, rangeOf } from './conditions.ts';
import { brokenAppPage, lateAppPage, sendPage } from './pages.ts';
import {
  AnswerDeadlineError,
  answerHeaders,
  answerReason,
  isRepeatable,
  requestHeaders,
  type AppRequest,
  type Upstream,
} from './upstream.ts';

/** A live release with a process that takes requests. */
export interface AppRoute {
  readonly subdomain: string;
  readonly releaseId: string;
  readonly port: number;
}

export interface AppProxyDeps {
  readonly cache: HttpCache;
  readonly upstream: Upstream;
  readonly log: Log;
  /** The live release now; null when it has no process that takes requests. */
  findRoute(subdomain: string): AppRoute | null;
  /** Counts a request as open at a release until its reply is closed. */
  track(releaseId: string, reply: ServerResponse): void;
}

type CacheWord = 'HIT' | 'MISS' | 'REVALIDATED' | 'BYPASS';

/** A client's request on its way, as the app gets to see it, and the client's side of it. */
interface Exchange {
  readonly asked: AppRequest;
  readonly request: IncomingMessage;
  readonly reply: ServerResponse;
  readonly route: AppRoute;
  /** Of the cache, before the app was asked. */
  readonly purgeCount: number;
}

/** Answers a request from the cache, or by asking the app. Streams in both directions. */
export async function serveFromApp(
  deps: AppProxyDeps,
  request: IncomingMessage,
  reply: ServerResponse,
  route: AppRoute,
): Promise<void> {
  const { cache, log } = deps;
  // The cache judges by what the app sees, too: a header that the client sends but the app never gets must not choose
  // the place where the answer is stored.
  const asked = { method: request.method ?? '', url: request.url ?? '', headers: requestHeaders(request) };
  const exchange: Exchange = { asked, request, reply, route, purgeCount: cache.purgeCount() };
  const look = cache.look(route.subdomain, route.releaseId, asked);
  if (look.kind === 'hit') return sendStored(exchange, look.answer, 'HIT');
  if (look.kind === 'stale' && look.mayBeGiven) {
    sendStored(exchange, look.answer, 'HIT');
    return renewBehind(deps, exchange, look.answer, look.headers);
  }
  const stale = look.kind === 'stale' ? look.answer : null;
  try {
    const question = look.kind === 'stale' ? askingAbout(asked, look.headers) : asked;
    const answer = await askApp(deps, exchange, question);
    if (stale) settle(deps, exchange, answer, stale);
    else relay(deps, exchange, answer, look.kind === 'bypass' ? 'BYPASS' : 'MISS');
  } catch (error) {
    const rescue = stale && cache.renewed(stale, asked, { status: 502, headers: {} });
    if (rescue) return sendStored(exchange, rescue, 'HIT');
    if (reply.destroyed) return;
    log.debug({ err: error, releaseId: route.releaseId }, 'An app did not answer');
    const isLate = error instanceof AnswerDeadlineError;
    sendPage(
      reply,
      isLate ? lateAppPage(route.subdomain, deps.upstream.answerDeadlineMs) : brokenAppPage(route.subdomain),
    );
  }
}

interface Answer {
  readonly response: IncomingMessage;
  /** Which release answered: by now another one may be live. */
  readonly served: AppRoute;
}

/**
 * Asks the app, once more when the connection broke before it said anything and the request may be repeated: a kept-alive
 * connection that the app closed at the same time, or a release that was replaced or crashed.
 */
async function askApp(
  { upstream, findRoute, track }: AppProxyDeps,
  { request, reply, route }: Exchange,
  question: AppRequest,
): Promise<Answer> {
  const gone = new AbortController();
  reply.once('close', () => {
    if (!reply.writableFinished) gone.abort();
  });
  track(route.releaseId, reply);
  const options = { body: request, signal: gone.signal };
  try {
    return { response: await upstream.ask(route.port, question, options), served: route };
  } catch (error) {
    const now = findRoute(route.subdomain);
    const isFinal = error instanceof AnswerDeadlineError || gone.signal.aborted || !isRepeatable(question);
    if (isFinal || !now) throw error;
    if (now.releaseId !== route.releaseId) track(now.releaseId, reply);
    // Whatever else is idle in the pool may be just as dead.
    return { response: await upstream.ask(now.port, question, { ...options, isFresh: true }), served: now };
  }
}

/** Asks for the whole, and about the stored answer: what the client has, or wants of it, the gateway sees to itself. */
function askingAbout({ method, url, headers }: AppRequest, validators: IncomingHttpHeaders): AppRequest {
  const { 'if-none-match': _tag, 'if-modified-since': _date, range: _part, 'if-range': _when, ...others } = headers;
  return { method, url, headers: { ...others, ...validators } };
}

/** Ends a question about a stale answer: it holds, or another one takes its place. */
function settle(deps: AppProxyDeps, exchange: Exchange, { response, served }: Answer, stale: StoredAnswer): void {
  const renewed = renew(deps, exchange, { response, served }, stale);
  if (renewed) return sendStored(exchange, renewed, response.statusCode === 304 ? 'REVALIDATED' : 'HIT');
  deps.cache.remove(served.subdomain, exchange.asked.url, stale);
  relay(deps, exchange, { response, served }, 'MISS');
}

/** The stored answer, when the app's word on it is that it holds; null when another answer came instead. */
function renew(
  deps: AppProxyDeps,
  { asked, purgeCount }: Exchange,
  { response, served }: Answer,
  stale: StoredAnswer,
): StoredAnswer | null {
  const { statusCode: status = 0, headers } = response;
  const { cache } = deps;
  const renewed = cache.renewed(stale, asked, { status, headers });
  if (!renewed) return null;
  response.resume();
  if (isLive(deps, served) && served.releaseId === stale.releaseId)
    cache.store(served.subdomain, asked.url, renewed, purgeCount);
  return renewed;
}

/** `stale-while-revalidate`: the client has its answer already, the next one gets the app's new one. */
async function renewBehind(
  deps: AppProxyDeps,
  exchange: Exchange,
  stale: StoredAnswer,
  validators: IncomingHttpHeaders,
): Promise<void> {
  const { asked, request, route } = exchange;
  if (asked.method !== 'GET' || renewing.has(stale)) return;
  renewing.add(stale);
  const { cache, upstream, log } = deps;
  const question = askingAbout(asked, validators);
  try {
    const options = { body: request, signal: AbortSignal.timeout(upstream.answerDeadlineMs) };
    const response = await upstream.ask(route.port, question, options);
    const answer = { response, served: route };
    if (renew(deps, exchange, answer, stale)) return;
    const { statusCode: status = 500 } = response;
    // What takes its place replaces it when it is whole; an app that fails leaves it for as long as it may be given.
    if (!keep(deps, { ...exchange, asked: question }, answer) && status < 500)
      cache.remove(route.subdomain, asked.url, stale);
    response.resume();
  } catch (error) {
    log.debug({ err: error, releaseId: route.releaseId }, 'A stale answer could not be renewed');
  } finally {
    renewing.delete(stale);
  }
}

const renewing = new WeakSet<StoredAnswer>();

function relay(deps: AppProxyDeps, exchange: Exchange, answer: Answer, word: CacheWord): void {
  const { reply } = exchange;
  const { response } = answer;
  const headers = { ...answerHeaders(response.headers), 'x-cache': word };
  try {
    reply.writeHead(response.statusCode ?? 502, answerReason(response), headers);
  } catch (error) {
    response.destroy(); // A status below 100: nothing will read the rest.
    throw error;
  }
  // A stream whose first chunk takes long must not keep the client from seeing that it has begun.
  if (response.headers['content-length'] === undefined) reply.flushHeaders();
  if (word !== 'BYPASS') keep(deps, exchange, answer);
  // Destroys the reply when the answer breaks off: it must not look complete.
  pipeline(response, reply, () => {});
}

/** Stores an answer once it is complete, if its release still serves then. False when it may not be stored at all. */
function keep(deps: AppProxyDeps, { asked, purgeCount }: Exchange, { response, served }: Answer): boolean {
  const { cache } = deps;
  const head = cache.storable(asked, response, served.releaseId);
  if (!head || Number(response.headers['content-length'] ?? 0) > OBJECT_BYTES_MAX) return false;
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= OBJECT_BYTES_MAX) chunks.push(chunk);
    else chunks.length = 0;
  });
  response.on('end', () => {
    if (!isLive(deps, served) || bytes > OBJECT_BYTES_MAX || !response.complete) return;
    cache.store(served.subdomain, asked.url, { ...head, body: Buffer.concat(chunks) }, purgeCount);
  });
  return true;
}

function isLive({ findRoute }: AppProxyDeps, { subdomain, releaseId }: AppRoute): boolean {
  return findRoute(subdomain)?.releaseId === releaseId;
}

function sendStored({ asked, reply }: Exchange, answer: StoredAnswer, word: CacheWord): void {
  const headers = { ...storedHeaders(answer), 'x-cache': word };
  const validators = { etag: headerText(headers, 'etag'), lastModified: headerText(headers, 'last-modified') };
  if (answer.status !== 200) {
    reply.writeHead(answer.status, headers);
    return void reply.end(answer.body);
  }
  if (isNotModified(asked.headers, validators)) {
    const { 'content-length': _length, 'content-type': _type, ...kept } = headers as Record<string, string>;
    reply.writeHead(304, kept);
    return void reply.end();
  }
  const size = answer.body.length;
  // A range of a HEAD has no meaning: RFC 9110, section 14.2.
  const range = asked.method === 'GET' ? rangeOf(asked.headers, validators, size) : 'whole';
  if (range === 'whole') {
    reply.writeHead(200, headers);
    return void reply.end(answer.body);
  }
  if (range === 'unsatisfiable') {
    reply.writeHead(416, { 'content-range': `bytes */${size}`, 'content-length': 0, 'x-cache': word });
    return void reply.end();
  }
  const part = answer.body.subarray(range.start, range.end + 1);
  const contentRange = `bytes ${range.start}-${range.end}/${size}`;
  reply.writeHead(206, { ...headers, 'content-range': contentRange, 'content-length': part.length });
  reply.end(part);
}

function headerText(headers: Record<string, unknown>, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}
