/** Resolves after so long. Rejects with the signal's reason as soon as that is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      if (signal?.aborted) reject(signal.reason as Error);
      else resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
    if (signal?.aborted) end();
  });
}

const FIRST_DELAY_MS = 250;

/** Twice as long after each failure, and random, so that not all clients of a server that starts again come at once. */
export function delayAfter(failures: number, delayMsMax: number): number {
  return Math.min(delayMsMax, FIRST_DELAY_MS * 2 ** failures) * (0.5 + Math.random() / 2);
}
