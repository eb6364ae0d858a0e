import { ApiError, PASSING, refusalOf } from './api.ts';
import type { BackOff } from './back-off.ts';
import { overSse } from './sse.ts';
import type { Transport } from './transport.ts';
import { overWebSocket } from './websocket.ts';

/**
 * `connecting` until the server has taken the first connection, `live` from then on, and `reconnecting` from each break
 * until the server has taken the next connection.
 */
export type ConnectionState = 'connecting' | 'live' | 'reconnecting';

export interface ConnectionOptions {
  /** Where the API answers, without a path. */
  readonly url: string;
  /** A function is asked before each connection: only with one, it goes on after a token has expired. */
  readonly token: string | (() => string | Promise<string>);
  /** Default: WebSocket where there is one, else server-sent events. */
  readonly transport?: 'websocket' | 'sse';
  /** Ends it at once: the signal's reason is thrown. */
  readonly signal?: AbortSignal;
  /** A WebSocket class, where there is no global one: in Node before version 22, that of the package `ws`. */
  readonly webSocketImpl?: unknown;
  /** In place of the global one. */
  readonly fetch?: typeof fetch;
  /** Called with each new state of the connection. */
  readonly onConnection?: (state: ConnectionState) => void;
  /** How long a connection may be silent before it counts as dead. Default: 30,000; the server pings every 12 to 15 s. */
  readonly silenceMs?: number;
  /** How long to try again in vain before UNAVAILABLE is thrown. Default: 120,000. */
  readonly giveUpAfterMs?: number;
}

const SILENCE_MS = 30_000;
/** A connection that lasted so long was a good one, even when nothing happened. */
const STEADY_MS = 10_000;

/** The data that a subscription gives over one connection. */
export type Connect = (
  query: string,
  variables: Readonly<Record<string, unknown>>,
) => AsyncGenerator<unknown, void, void>;

/**
 * Each call of what it gives makes one connection, and closes it whatever way it is left. It throws ApiError for a refusal
 * that would come again, and anything else for a connection that broke; once `leaving` is aborted, it throws at once.
 */
export function createConnect(options: ConnectionOptions, backOff: BackOff, leaving: AbortSignal): Connect {
  const { token: tokenOf, silenceMs = SILENCE_MS, onConnection } = options;
  const endpoint = new URL('/graphql', options.url);
  const transport = chooseTransport(options);
  let state: ConnectionState | null = null;
  let refused: { token: string; error: ApiError } | null = null;

  function show(next: ConnectionState): void {
    if (next !== state) onConnection?.((state = next));
  }

  return async function* (query, variables) {
    show(state === null || state === 'connecting' ? 'connecting' : 'reconnecting');
    const token = typeof tokenOf === 'string' ? tokenOf : await tokenOf();
    if (token === refused?.token) throw refused.error;
    leaving.throwIfAborted();
    const connection = new AbortController();
    const close = () => connection.abort(leaving.reason);
    leaving.addEventListener('abort', close);
    const silence = createAlarm(silenceMs, () =>
      connection.abort(new Error('The connection was silent for too long.')),
    );
    let openedAt = Infinity;
    const results = transport({
      endpoint,
      authorization: `Bearer ${token}`,
      query,
      variables,
      signal: connection.signal,
      silenceMs,
      onOpen() {
        openedAt = Date.now();
        show('live');
      },
      onAlive() {
        silence.putOff();
        if (Date.now() - openedAt > STEADY_MS) backOff.reset();
      },
    });
    try {
      for await (const { data, errors } of results) {
        // What came before the abort may still wait to be read.
        leaving.throwIfAborted();
        const error = errors?.[0];
        if (error) throw refusalOf(error);
        // The server is not asked for more meanwhile: it is not silent.
        silence.stop();
        yield data;
        silence.putOff();
      }
    } catch (error) {
      const refusal = error instanceof ApiError && !PASSING.has(error.code) ? error : null;
      if (refusal?.code === 'UNAUTHENTICATED' && typeof tokenOf === 'function') refused = { token, error: refusal };
      else if (refusal) throw refusal;
      if (state === 'live' && !leaving.aborted) show('reconnecting');
      throw new Error('The connection broke.', { cause: error });
    } finally {
      leaving.removeEventListener('abort', close);
      silence.stop();
      connection.abort();
    }
  };
}

function chooseTransport({
  transport,
  webSocketImpl = globalThis.WebSocket,
  fetch = globalThis.fetch,
}: ConnectionOptions): Transport {
  const chosen = transport ?? (webSocketImpl ? 'websocket' : 'sse');
  if (chosen === 'sse') return overSse(fetch);
  if (webSocketImpl) return overWebSocket(webSocketImpl);
  throw new TypeError('There is no WebSocket here. Pass `webSocketImpl`, or choose the transport "sse".');
}

/** Goes off when it was not put off for so long. */
function createAlarm(ms: number, goOff: () => void): { putOff(): void; stop(): void } {
  let timer = setTimeout(goOff, ms);
  return {
    putOff() {
      clearTimeout(timer);
      timer = setTimeout(goOff, ms);
    },
    stop: () => clearTimeout(timer),
  };
}
