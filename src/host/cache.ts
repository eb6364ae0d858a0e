import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import CachePolicy from 'http-cache-semantics';
import { LRUCache } from 'lru-cache';
import { answerHeaders, hasBody, type AppRequest } from './upstream.ts';

const CACHE_BYTES_MAX = 64 * 1024 * 1024;
export const OBJECT_BYTES_MAX = 1024 * 1024;
/** How many answers one URL may have, by what its `Vary` names. */
const VARIANTS_MAX = 8;
/** Of an answer's objects, besides the text that they hold. */
const OVERHEAD_BYTES = 2_048;
const STORED_STATUSES = new Set([200, 203, 301, 308, 404, 410]);

/** Fresh is what says for how long: neither a tenth of its age, nor a day because it is `immutable`. */
const NO_GUESSING = { cacheHeuristic: 0, immutableMinTimeToLive: 0 };

export interface StoredAnswer {
  readonly policy: CachePolicy;
  readonly status: number;
  readonly body: Buffer;
  /** What all but the body takes. */
  readonly headBytes: number;
  /** As the app sent it; the policy reads a changed one. */
  readonly cacheControl: string | undefined;
  readonly surrogateKeys: readonly string[];
  /** What the request was for, and had in the headers that `Vary` names. */
  readonly variant: string;
  readonly vary: readonly string[];
  /** Answers of a release that no longer serves are never given, purged or not. */
  readonly releaseId: string;
}

/** What the cache has to say to a request. */
export type CacheLook =
  /** Not the cache's business: nothing may be given, nothing will be stored. */
  | { readonly kind: 'bypass' }
  | { readonly kind: 'miss' }
  | { readonly kind: 'hit'; readonly answer: StoredAnswer }
  /** To be given when the app says, to these headers, that it still holds; before that only if `mayBeGiven`. */
  | {
      readonly kind: 'stale';
      readonly answer: StoredAnswer;
      readonly headers: IncomingHttpHeaders;
      readonly mayBeGiven: boolean;
    };

type AnswerHead = Pick<IncomingMessage, 'statusCode' | 'headers'>;

export interface HttpCache {
  look(subdomain: string, releaseId: string, request: AppRequest): CacheLook;
  /** Everything but the body of an answer that may be stored; null when it may not. */
  storable(request: AppRequest, response: AnswerHead, releaseId: string): Omit<StoredAnswer, 'body'> | null;
  /** The stored answer as the app's word on it renews it; null when the app gave another answer instead. */
  renewed(
    answer: StoredAnswer,
    request: AppRequest,
    response: { status: number; headers: IncomingHttpHeaders },
  ): StoredAnswer | null;
  /** To be read before the app is asked, and given to `store`. */
  purgeCount(): number;
  /**
   * Takes an answer in, unless something was purged since: the app may have begun to answer before what the purge is
   * about had changed. Forgets what was there when the answer may not be stored any more.
   */
  store(subdomain: string, url: string, answer: StoredAnswer, purgeCountBefore: number): void;
  remove(subdomain: string, url: string, answer: StoredAnswer): void;
  /** Forgets one path with all its queries, or all that begin with what stands before a `*`. Answers how many. */
  purge(subdomain: string, path: string): number;
  /** Forgets every answer of an app that has one of these surrogate keys. Answers how many. */
  purgeKeys(subdomain: string, keys: readonly string[]): number;
}

/**
 * A shared HTTP cache in memory, by the rules of RFC 9111, with two more: what an app does not say anything about is
 * not stored, and neither is what has to do with `Authorization` or `Set-Cookie`, even where the rules allow it.
 */
export function createHttpCache(): HttpCache {
  const urls = new LRUCache<string, readonly StoredAnswer[]>({
    maxSize: CACHE_BYTES_MAX,
    sizeCalculation: (answers) => answers.reduce((sum, { body, headBytes }) => sum + body.length + headBytes, 0),
  });

  // Of all apps together: purges are rare, and an answer that is not stored is asked for again.
  let purgeCount = 0;

  function replace(key: string, keep: (answer: StoredAnswer) => boolean, added: readonly StoredAnswer[] = []): number {
    const before = urls.get(key) ?? [];
    const kept = before.filter(keep);
    if (kept.length + added.length === 0) urls.delete(key);
    else if (added.length > 0 || kept.length < before.length) urls.set(key, [...kept, ...added].slice(-VARIANTS_MAX));
    return before.length - kept.length;
  }

  return {
    look(subdomain, releaseId, request) {
      if (isBypass(request)) return { kind: 'bypass' };
      const isPart = request.headers.range !== undefined;
      const answer = (urls.get(keyOf(subdomain, request.url)) ?? []).find(
        (stored) => stored.releaseId === releaseId && stored.variant === variantOf(request, stored.vary),
      );
      if (!answer) return { kind: isPart ? 'bypass' : 'miss' };
      const { response, revalidation } = answer.policy.evaluateRequest(asPolicyRequest(request.url, request.headers));
      if (response && !revalidation && !answer.policy.stale()) return { kind: 'hit', answer };
      const mayBeGiven = response !== undefined && revalidation?.synchronous === false;
      if (isPart && !mayBeGiven) return { kind: 'bypass' };
      if (request.method === 'HEAD' && !mayBeGiven) return { kind: 'miss' };
      return { kind: 'stale', answer, headers: revalidationHeaders(answer, request), mayBeGiven };
    },

    storable(request, response, releaseId) {
      if (request.method !== 'GET' || isBypass(request) || request.headers.range !== undefined) return null;
      const { statusCode: status = 0, headers } = response;
      const isExplicit = headers['cache-control'] !== undefined || headers.expires !== undefined;
      const vary = listOf(headers.vary?.toLowerCase(), /\s*,\s*/);
      if (!STORED_STATUSES.has(status) || !isExplicit || headers['set-cookie'] || vary.includes('*')) return null;
      const asked = asPolicyRequest(request.url, request.headers);
      const policy = new CachePolicy(asked, { status, headers: policyHeaders(headers) }, NO_GUESSING);
      const canBeRenewed = headers.etag !== undefined || headers['last-modified'] !== undefined;
      if (!policy.storable() || (policy.timeToLive() === 0 && !canBeRenewed)) return null;
      return {
        policy,
        headBytes: headBytesOf(request, policy),
        status,
        cacheControl: headers['cache-control'],
        surrogateKeys: listOf(String(headers['surrogate-key'] ?? ''), /\s+/),
        variant: variantOf(request, vary),
        vary,
        releaseId,
      };
    },

    renewed(answer, request, { status, headers }) {
      const asked = asPolicyRequest(request.url, request.headers);
      const stored = answer.policy.responseHeaders();
      // A 304 that does not repeat the validators means those that it was asked about.
      const told = { etag: stored['etag'], 'last-modified': stored['last-modified'], ...policyHeaders(headers) };
      const { policy, modified, matches } = answer.policy.revalidatedPolicy(asked, {
        status,
        headers: Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined)),
      });
      if (modified || !matches) return null;
      const control = status === 304 ? headers['cache-control'] : undefined;
      return { ...answer, policy, cacheControl: control === undefined ? answer.cacheControl : control };
    },

    purgeCount: () => purgeCount,

    store(subdomain, url, answer, purgeCountBefore) {
      if (purgeCountBefore !== purgeCount) return;
      const isOther = (stored: StoredAnswer) =>
        stored.releaseId === answer.releaseId &&
        (stored.variant !== answer.variant || stored.vary.join() !== answer.vary.join());
      replace(keyOf(subdomain, url), isOther, answer.policy.storable() ? [answer] : []);
    },

    remove: (subdomain, url, answer) => void replace(keyOf(subdomain, url), (stored) => stored !== answer),

    purge(subdomain, path) {
      purgeCount += 1;
      const exact = keyOf(subdomain, path);
      const prefix = path.endsWith('*') ? keyOf(subdomain, path.slice(0, -1) || '/') : `${exact}?`;
      const gone = [...urls.keys()].filter((key) => key === exact || key.startsWith(prefix));
      return gone.reduce((count, key) => count + replace(key, () => false), 0);
    },

    purgeKeys(subdomain, keys) {
      purgeCount += 1;
      const own = [...urls.keys()].filter((key) => key.startsWith(keyOf(subdomain, '/')));
      const isOther = (stored: StoredAnswer) => !stored.surrogateKeys.some((key) => keys.includes(key));
      return own.reduce((count, key) => count + replace(key, isOther), 0);
    },
  };
}

/** The headers to give a stored answer with. */
export function storedHeaders({ policy, cacheControl, body }: StoredAnswer): CachePolicy.Headers {
  const headers = policy.responseHeaders();
  return {
    ...headers,
    ...(cacheControl === undefined ? {} : { 'cache-control': cacheControl }),
    'content-length': String(body.length),
  };
}

/**
 * A condition that only the app can judge, a caller who is somebody, a method that changes something, or a body: what
 * it says is not part of the key, and would choose the answer for everybody who asks for the same URL without one.
 */
function isBypass({ method, headers }: AppRequest): boolean {
  if ((method !== 'GET' && method !== 'HEAD') || hasBody(headers)) return true;
  return ['authorization', 'if-match', 'if-unmodified-since'].some((name) => headers[name] !== undefined);
}

/** Asks with our own validators only: a 304 to the client's would say nothing about the body that we have. */
function revalidationHeaders({ policy }: StoredAnswer, request: AppRequest): IncomingHttpHeaders {
  const { 'if-none-match': _tag, 'if-modified-since': _date, ...headers } = request.headers;
  const { 'if-none-match': tag, 'if-modified-since': date } = policy.revalidationHeaders(
    asPolicyRequest(request.url, headers),
  );
  return { ...(tag && { 'if-none-match': String(tag) }), ...(date && { 'if-modified-since': String(date) }) };
}

/** A HEAD is answered by what a GET brought. */
function asPolicyRequest(url: string, headers: IncomingHttpHeaders): CachePolicy.HttpRequest {
  return { method: 'GET', url, headers };
}

/**
 * What the policy gets to read. http-cache-semantics knows directives in lower case only: for it, `Private` is no word
 * at all. And it asks the app every time when it sees `must-revalidate`, although that speaks of stale answers only
 * (RFC 9111, section 5.2.2.2); without the directives that allow stale answers, what is left means the same.
 */
function policyHeaders(headers: IncomingHttpHeaders): CachePolicy.Headers {
  const kept = answerHeaders(headers) as CachePolicy.Headers;
  const control = headers['cache-control']?.toLowerCase();
  if (control === undefined) return kept;
  if (!/(must|proxy)-revalidate/.test(control)) return { ...kept, 'cache-control': control };
  const directives = control.split(',').filter((one) => !/^\s*(must-revalidate|proxy-revalidate|stale-)/.test(one));
  return { ...kept, 'cache-control': directives.join(',') };
}

function keyOf(subdomain: string, url: string): string {
  return `${subdomain}${url}`;
}

function variantOf({ headers }: AppRequest, vary: readonly string[]): string {
  return JSON.stringify([headers.host, ...vary.map((name) => headers[name] ?? null)]);
}

/** A client chooses the URL, and with `Vary` its own headers are kept too: 16 KiB of either would count as nothing. */
function headBytesOf({ url, headers }: AppRequest, policy: CachePolicy): number {
  const [sent, answered] = [headers, policy.responseHeaders()].map((one) => JSON.stringify(one).length);
  return OVERHEAD_BYTES + 2 * url.length + 2 * sent! + answered!;
}

function listOf(text: string | undefined, separator: RegExp): string[] {
  return (text ?? '').trim().split(separator).filter(Boolean);
}
