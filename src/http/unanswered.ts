import type { Server, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/** What was asked before a server stops is answered, if that takes no longer than this. */
const ANSWER_MS_MAX = 3_000;
const LOOK_EVERY_MS = 20;

/**
 * Knows the requests that have no answer yet. `answered` resolves when there are none, or when that takes too long.
 * Streams do not count: they have no end of their own, and whoever reads one goes on after its cursor elsewhere.
 */
export function watchUnanswered(server: Server): { answered(): Promise<void> } {
  const open = new Set<ServerResponse>();
  server.on('request', (_request, response: ServerResponse) => {
    open.add(response);
    response.once('close', () => open.delete(response));
  });
  const isUnanswered = ({ headersSent, writableEnded }: ServerResponse) => !headersSent || writableEnded;
  return {
    async answered() {
      const end = Date.now() + ANSWER_MS_MAX;
      while ([...open].some(isUnanswered) && Date.now() < end) await delay(LOOK_EVERY_MS);
    },
  };
}
