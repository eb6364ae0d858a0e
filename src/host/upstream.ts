import { Agent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';

const IDLE_SOCKETS_MAX = 64;
/** Methods that may be sent twice, and that may therefore go over a connection which the app is about to close. */
const REPEATABLE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What `Connection` may list without effect: it frames or addresses the message, whoever passes it on. */
const NEVER_LISTED = new Set(['content-length', 'host']);

/** The app did not begin to answer in time. */
export class AnswerDeadlineError extends Error {
  override readonly name = 'AnswerDeadlineError';
}

/** A request as the app gets to see it. */
export interface AppRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

export interface Upstream {
  readonly answerDeadlineMs: number;
  /**
   * Sends a request to an app and resolves with the head of its answer. Rejects when the connection breaks before that.
   * `signal` breaks it off at any time, also while the answer streams. `isFresh` asks for a new connection.
   */
  ask(
    port: number,
    request: AppRequest,
    options: { body: Readable; signal: AbortSignal; isFresh?: boolean },
  ): Promise<IncomingMessage>;
  close(): void;
}

export function createUpstream(answerDeadlineMs: number): Upstream {
  const pool = new Agent({ keepAlive: true, maxFreeSockets: IDLE_SOCKETS_MAX });
  return {
    answerDeadlineMs,
    ask(port, request, { body, signal, isFresh = false }) {
      const { method, url: path, headers } = request;
      // An app may close an idle connection in the moment in which a request goes out on it. A request that must not be
      // sent twice gets a connection of its own, where that cannot happen; on loopback that costs 0.1 ms.
      const agent = isRepeatable(request) && !isFresh ? pool : false;
      // Said also of a connection for one request: told "close", an app that answers before it has read an upload closes
      // at once, and its answer is lost in the reset.
      const kept = { ...headers, connection: 'keep-alive' };
      const options = { host: '127.0.0.1', port, method, path, headers: kept, agent };
      return new Promise((resolve, reject) => {
        const call = httpRequest(options, (response) => {
          call.setTimeout(0); // From here on a silent connection is a stream that waits.
          // Answered before all of the body was there: the app has no use for the rest.
          response.once('end', () => call.writableFinished || call.destroy());
          resolve(response);
        });
        const stop = () => call.destroy(new Error('The client went away.'));
        signal.addEventListener('abort', stop, { once: true });
        call.setTimeout(answerDeadlineMs, () => call.destroy(new AnswerDeadlineError()));
        call.on('error', reject); // After the head, the answer's own error tells.
        call.once('close', () => {
          signal.removeEventListener('abort', stop);
          // A client may look for its answer only once it has sent all of the body.
          body.unpipe(call);
          body.resume();
          // Node gives no error for a 101 that nobody asked for: it just closes the connection.
          reject(new Error('The app closed the connection without an answer.'));
        });
        if (hasBody(headers)) body.pipe(call);
        else call.end();
        if (signal.aborted) stop();
      });
    },
    close: () => pool.destroy(),
  };
}

export function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Whether a request whose connection broke before any answer may be sent once more. */
export function isRepeatable({ method, headers }: AppRequest): boolean {
  return REPEATABLE.has(method) && !hasBody(headers);
}

/**
 * What an app gets to see of a request's headers. The gateway is the edge: it says itself who asks for what, and what a
 * client claims about that is dropped, so that no app can be told a wrong address by whoever knows the header's name.
 */
export function requestHeaders(request: IncomingMessage): IncomingHttpHeaders {
  // The gateway has answered "100-continue" itself.
  const kept = endToEnd(request.headers).filter(([name]) => name !== 'expect' && !isClaim(name));
  const { host = '' } = request.headers;
  return {
    ...Object.fromEntries(kept),
    ...(request.headers['transfer-encoding'] === undefined ? {} : { 'transfer-encoding': 'chunked' }),
    'x-forwarded-for': (request.socket.remoteAddress ?? '').replace(/^::ffff:/, ''),
    'x-forwarded-host': host,
    'x-forwarded-proto': 'http',
    'x-forwarded-port': /:(\d+)$/.exec(host)?.[1] ?? '80',
  };
}

/** Also with underscores: for CGI, WSGI and Rack, `X_Forwarded_For` is the same header. */
function isClaim(name: string): boolean {
  return /^(x-forwarded-.*|forwarded|x-real-ip)$/.test(name.replaceAll('_', '-'));
}

/** The reason phrase of an answer; none when it has characters that cannot be sent on. */
export function answerReason({ statusMessage = '' }: IncomingMessage): string {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(statusMessage) ? statusMessage : '';
}

/** What a client gets to see of an answer's headers. */
export function answerHeaders(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(endToEnd(headers).filter(([name]) => name !== 'surrogate-key'));
}

/** Without what belongs to one connection: the known names, and those that `Connection` lists. */
function endToEnd(headers: IncomingHttpHeaders): [string, string | string[] | undefined][] {
  const listed = new Set((headers.connection ?? '').toLowerCase().split(/\s*,\s*/));
  return Object.entries(headers).filter(
    ([name]) => !HOP_BY_HOP.has(name) && (!listed.has(name) || NEVER_LISTED.has(name)),
  );
}
