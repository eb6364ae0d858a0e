import { DomainError } from '../domain/errors.ts';

/** What one connection may have under way at a time. */
export const OPERATIONS_MAX = 100;

const WINDOW_MS = 60_000;
/** In a minute. A message counts once more for each of these bytes. */
const MESSAGES_MAX = 3_000;
const BYTES_PER_MESSAGE = 16 * 1024;
/** One who goes on after so many refusals in a row does not listen. */
const REFUSALS_MAX = 20;

/** What comes in over one socket. Each answer is false when it is too much. */
export interface Traffic {
  noteMessage(bytes: number): boolean;
  noteRefused(): boolean;
  noteAdmitted(): void;
}

export function tooManyOperations(): DomainError {
  return new DomainError('RATE_LIMITED', `One connection may have at most ${OPERATIONS_MAX} operations at a time.`);
}

export function createTraffic(): Traffic {
  let windowEndsAt = 0;
  let messages = 0;
  let refusals = 0;
  return {
    noteMessage(bytes) {
      if (Date.now() >= windowEndsAt) {
        windowEndsAt = Date.now() + WINDOW_MS;
        messages = 0;
      }
      messages += 1 + Math.floor(bytes / BYTES_PER_MESSAGE);
      return messages <= MESSAGES_MAX;
    },
    noteRefused: () => (refusals += 1) <= REFUSALS_MAX,
    noteAdmitted: () => void (refusals = 0),
  };
}
