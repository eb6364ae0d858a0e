import { ApiError } from './api.ts';

const FIRST_DELAY_MS = 250;
const DELAY_MS_MAX = 10_000;
const GIVE_UP_AFTER_MS = 120_000;

export interface BackOff {
  /** Whatever was wrong is over. */
  reset(): void;
  /** Waits before the next attempt, longer each time. Throws UNAVAILABLE when it has lasted too long. */
  wait(signal: AbortSignal, cause: unknown): Promise<void>;
}

/** Random, so that not all clients of a server that starts again come at once. */
export function createBackOff(giveUpAfterMs = GIVE_UP_AFTER_MS): BackOff {
  let failures = 0;
  let failingSince = 0;
  return {
    reset() {
      failures = 0;
    },
    async wait(signal, cause) {
      if (failures === 0) failingSince = Date.now();
      if (Date.now() - failingSince >= giveUpAfterMs) {
        throw new ApiError('UNAVAILABLE', 'The server could not be reached for too long.', { cause });
      }
      const longest = Math.min(DELAY_MS_MAX, FIRST_DELAY_MS * 2 ** failures);
      failures += 1;
      await delay(longest * (0.5 + Math.random() / 2), signal);
    },
  };
}

/** Resolves early when the signal is aborted. */
function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
}
