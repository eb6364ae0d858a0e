import type { TypedDocumentString } from '../generated/gql/graphql.ts';
import { ApiError } from './api.ts';
import { createBackOff } from './back-off.ts';
import { createConnect, type ConnectionOptions } from './connection.ts';

/** A subscription that can go on where it was. */
export interface Resumable<Data, Variables, Event> {
  readonly document: TypedDocumentString<Data, Variables>;
  /** From the cursor on. */
  variables(): Variables;
  /** The event of a result, with the cursor moved past it. Null for one that was there before. */
  take(data: Data): Event | null;
  /** Whether nothing comes after an event. */
  isLast(event: Event): boolean;
  /** Whether a stream that the server completed after so many events has told everything. If not, it has broken. */
  isOver(events: number): boolean;
}

/** The events of a subscription, over as many connections as it takes. Throws ApiError for a refusal. */
export function resumeSubscription<Data, Variables extends Record<string, unknown>, Event>(
  subscription: Resumable<Data, Variables, Event>,
  options: ConnectionOptions,
): AsyncIterableIterator<Event, void, void> {
  const leaving = new AbortController();
  const events = eventsOf(subscription, options, leaving);
  return {
    next: () => events.next(),
    // The generator's own `return` would wait for the next event.
    return() {
      leaving.abort();
      return events.return();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

async function* eventsOf<Data, Variables extends Record<string, unknown>, Event>(
  { document, variables, take, isLast, isOver }: Resumable<Data, Variables, Event>,
  options: ConnectionOptions,
  leaving: AbortController,
): AsyncGenerator<Event, void, void> {
  const { signal } = options;
  signal?.throwIfAborted();
  const abort = () => leaving.abort();
  signal?.addEventListener('abort', abort);
  const backOff = createBackOff(options.giveUpAfterMs);
  const connect = createConnect(options, backOff, leaving.signal);
  try {
    while (!leaving.signal.aborted) {
      let broken: unknown = null;
      try {
        let count = 0;
        for await (const data of connect(document.toString(), variables())) {
          backOff.reset();
          const event = take(data as Data);
          if (event === null) continue;
          count += 1;
          yield event;
          if (isLast(event)) return;
        }
        if (isOver(count)) return;
      } catch (error) {
        if (error instanceof ApiError) throw error;
        broken = error;
      }
      await backOff.wait(leaving.signal, broken);
    }
    signal?.throwIfAborted();
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
