import { createClient } from 'graphql-ws';
import { ApiError, refusalOf, type SentError } from './api.ts';
import type { SentResult, Transport } from './transport.ts';

/** The server does not take the token, or takes it no more. */
export const UNAUTHENTICATED_CLOSE = 4403;
/** What a server gets to answer the close of a socket. */
const CLOSE_GRACE_MS = 1_000;

/** The sockets of the package `ws` can be ended without an answer. */
type Socket = WebSocket & { terminate?(): void };

/**
 * graphql-transport-ws, with a socket for each subscription. The library speaks the protocol; connecting again is not left
 * to it, since it would send its first variables again.
 */
export function overWebSocket(webSocketImpl: unknown): Transport {
  return async function* ({ endpoint, authorization, query, variables, signal, silenceMs, onOpen, onAlive }) {
    let socket: Socket | null = null;
    let closed: unknown = null;
    function keep(opened: Socket): void {
      socket = opened;
      // One that is closed before it is open ends a Node process with its error, if nobody listens.
      opened.addEventListener('error', () => {});
    }
    const client = createClient({
      url: endpoint.href.replace(/^http/, 'ws'),
      connectionParams: { authorization },
      webSocketImpl: class extends (webSocketImpl as typeof WebSocket) {
        constructor(address: string, protocol: string) {
          super(address, protocol);
          keep(this);
        }
      },
      retryAttempts: 0,
      // A browser does not show the server's own pings: the answers to these are what comes from a server without news.
      keepAlive: silenceMs / 3,
      on: {
        connected: onOpen,
        message: onAlive,
        closed(event) {
          closed = event;
          // After an orderly close (1000) it would connect again, whatever the attempts.
          Promise.resolve(client.dispose()).catch(() => {});
        },
      },
    });
    signal.addEventListener('abort', client.terminate, { once: true });
    try {
      yield* client.iterate({ query, variables }) as AsyncGenerator<SentResult, void, void>;
    } catch (error) {
      throw errorOf(error);
    } finally {
      signal.removeEventListener('abort', client.terminate);
      if (socket) endSoon(socket);
    }
    // The library takes a close for the end of the subscription, now that it may not connect again.
    if (closed) throw errorOf(closed);
  };
}

/** The library has begun to close it. Without an answer, the package `ws` would keep it for half a minute. */
function endSoon(socket: Socket): void {
  if (socket.readyState === socket.CLOSED || !socket.terminate) return;
  const timer = setTimeout(() => socket.terminate!(), CLOSE_GRACE_MS);
  socket.addEventListener('close', () => clearTimeout(timer));
}

/** The library throws what the server refuses with as a list, and the event of a close. */
function errorOf(cause: unknown): Error {
  if (Array.isArray(cause)) return refusalOf(cause[0] as SentError);
  const closed = typeof cause === 'object' && cause !== null && 'code' in cause ? cause : null;
  if (closed?.code !== UNAUTHENTICATED_CLOSE) return new Error('The socket broke.', { cause });
  return new ApiError('UNAUTHENTICATED', 'The token is unknown, expired or revoked.', { cause });
}
