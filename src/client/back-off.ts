import { ApiError } from './api.ts';
import { delayAfter, sleep } from './delay.ts';

const DELAY_MS_MAX = 10_000;
const GIVE_UP_AFTER_MS = 120_000;

export interface BackOff {
  /** Whatever was wrong is over. */
  reset(): void;
  /** Waits before the next attempt, longer each time. Throws UNAVAILABLE when it has lasted too long. */
  wait(signal: AbortSignal, cause: unknown): Promise<void>;
}

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
      const delayMs = delayAfter(failures, DELAY_MS_MAX);
      failures += 1;
      await sleep(delayMs, signal).catch(() => {}); // Whoever leaves looks at the signal himself.
    },
  };
}
