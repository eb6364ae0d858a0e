import type { Progress } from './renderer.ts';

/** One that is next begins in a moment, if nothing is in its way. */
const NEXT_AFTER_MS = 3_000;

/** Says how many are before a deployment that waits, once for each place; that it is next, only when that takes long. */
export function createWaiting(say: (position: number) => void) {
  let said: number | null = null;
  let timer: NodeJS.Timeout | null = null;
  function stop(): void {
    if (timer) clearTimeout(timer);
    timer = null;
  }
  function announce(position: number): void {
    if (position === said) return;
    said = position;
    say(position);
  }
  return {
    progress({ status, queuePosition }: Progress): void {
      stop();
      if (status !== 'PENDING' || !queuePosition) return;
      if (queuePosition > 1) return announce(queuePosition);
      timer = setTimeout(() => announce(1), NEXT_AFTER_MS);
      timer.unref();
    },
    stop,
  };
}

export function waitingText(position: number): string {
  return position <= 1 ? 'Waiting: it is next.' : `Waiting: ${position - 1} before it.`;
}
