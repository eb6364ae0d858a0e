import { createClient, type Client } from 'graphql-ws';
import { delayAfter, sleep } from '../../client/delay.ts';
import { UNAUTHENTICATED_CLOSE } from '../../client/websocket.ts';

/**
 * How changes reach the page: `live` over the socket; `reconnecting` while a lost socket is made anew, which a user hardly
 * sees; `polling` once that has taken too long: the page asks again every few seconds.
 */
export type LiveState = 'connecting' | 'live' | 'reconnecting' | 'polling';

export interface Live {
  readonly socket: Client;
  state(): LiveState;
  /** Grows whenever what was read may be old: after a lost socket, and with each poll. */
  epoch(): number;
  subscribe(listener: () => void): () => void;
  close(): void;
}

const POLLING_AFTER_MS = 5_000;
const POLL_EVERY_MS = 5_000;
const DELAY_MS_MAX = 10_000;
/** A socket on which nothing came for so long is dead, whatever the browser believes. */
const SILENCE_MS = 15_000;

/** `onRefused` is called once when the server does not take the token any more. */
export function createLive(token: string, onRefused: () => void): Live {
  const listeners = new Set<() => void>();
  let state: LiveState = 'connecting';
  let epoch = 0;
  let wasLive = false;
  let isClosed = false;
  let silence: ReturnType<typeof setTimeout> | undefined;
  let patience: ReturnType<typeof setTimeout> | undefined;
  let poll: ReturnType<typeof setInterval> | undefined;

  function show(next: LiveState): void {
    state = next;
    for (const listener of listeners) listener();
  }

  function refresh(): void {
    epoch += 1;
    show(state);
  }

  function hear(): void {
    clearTimeout(silence);
    silence = setTimeout(() => socket.terminate(), SILENCE_MS);
  }

  function stopWaiting(): void {
    clearTimeout(patience);
    clearInterval(poll);
    patience = poll = undefined;
  }

  function startWaiting(): void {
    if (patience !== undefined || isClosed) return;
    patience = setTimeout(() => {
      show('polling');
      refresh();
      poll = setInterval(refresh, POLL_EVERY_MS);
    }, POLLING_AFTER_MS);
  }

  const socket = createClient({
    url: new URL('/graphql', location.href).href.replace(/^http/, 'ws'),
    connectionParams: { authorization: `Bearer ${token}` },
    lazy: false,
    // A browser does not show the server's own pings: the answers to these are what comes from a server without news.
    keepAlive: SILENCE_MS / 3,
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: (retries) => sleep(delayAfter(retries, DELAY_MS_MAX)),
    shouldRetry: (event) => !isRefusal(event),
    onNonLazyError() {}, // Told by `closed`.
    on: {
      message: hear,
      connected() {
        stopWaiting();
        show('live');
        // What changed while there was no socket was not told.
        if (wasLive) refresh();
        wasLive = true;
      },
      closed(event) {
        clearTimeout(silence);
        if (isClosed) return;
        if (isRefusal(event)) return onRefused();
        if (state === 'live') show('reconnecting');
        startWaiting();
      },
    },
  });
  startWaiting();

  return {
    socket,
    state: () => state,
    epoch: () => epoch,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      isClosed = true;
      stopWaiting();
      void socket.dispose();
    },
  };
}

function isRefusal(event: unknown): boolean {
  return event instanceof CloseEvent && event.code === UNAUTHENTICATED_CLOSE;
}
