import { foreignAnswer, refusalOf, type SentError } from './api.ts';
import { readServerSentEvents } from './event-stream.ts';
import type { SentResult, Transport } from './transport.ts';

/** GraphQL over server-sent events, with a request for each subscription. It gets through where a WebSocket does not. */
export function overSse(fetchImpl: typeof fetch): Transport {
  return async function* ({ endpoint, authorization, query, variables, signal, onOpen, onAlive }) {
    const response = await fetchImpl(endpoint, {
      method: 'POST',
      headers: { accept: 'text/event-stream', 'content-type': 'application/json', authorization },
      body: JSON.stringify({ query, variables }),
      signal,
    });
    if (!isEventStream(response)) throw await refusalIn(response);
    onOpen();
    for await (const { type, data } of readServerSentEvents(response.body!, onAlive)) {
      if (type === 'complete') return;
      if (type === 'next') yield JSON.parse(data) as SentResult;
    }
    throw new Error('The stream ended before the subscription was complete.');
  };
}

/** Windlass refuses in a stream, too, whatever the status. */
function isEventStream({ headers }: Response): boolean {
  return (headers.get('content-type') ?? '').startsWith('text/event-stream');
}

/** What the server says, or an error for what a proxy before it says. */
async function refusalIn(response: Response): Promise<Error> {
  const error = sentErrorIn(await response.text());
  if (error) return refusalOf(error);
  // What passes is a connection that broke, and not a refusal.
  const foreign = foreignAnswer(response.status);
  return foreign.code === 'UNAVAILABLE' ? new Error(foreign.message) : foreign;
}

function sentErrorIn(text: string): SentError | null {
  try {
    return (JSON.parse(text) as { errors?: SentError[] }).errors?.[0] ?? null;
  } catch {
    return null; // Not JSON: not from Windlass.
  }
}
