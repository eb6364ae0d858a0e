import { CommandError } from '../command-error.ts';
import type { OnInterrupt } from '../option-choices.ts';
import type { Renderer } from './renderer.ts';

export interface InterruptOptions {
  readonly deploymentId: string;
  readonly onInterrupt: OnInterrupt;
  readonly renderer: Renderer;
  readonly cancel: () => Promise<void>;
  /** The terminal that answers come from. */
  readonly stdin: NodeJS.ReadStream;
}

export interface Interrupts extends Disposable {
  /** Aborted when the user leaves before the end. */
  readonly signal: AbortSignal;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const CTRL_C = '\u0003';

/**
 * Ctrl-C, step by step, so that no single key does what cannot be taken back, and the third one always leaves:
 * 1. asks whether to detach or to cancel; where nobody can be asked, does what `onInterrupt` says;
 * 2. cancels;
 * 3. leaves, whatever is going on.
 * Detaching and leaving abort `signal` with a CommandError `interrupted`. A cancelled deployment is followed to its end.
 */
export function watchInterrupts(options: InterruptOptions): Interrupts {
  const { deploymentId, onInterrupt, renderer, stdin } = options;
  const leaving = new AbortController();
  let count = 0;
  let isCancelling = false;
  let stopAsking: (() => void) | null = null;

  function leave(message: string): void {
    stopAsking?.();
    leaving.abort(new CommandError('interrupted', message, `Go on watching: windlass watch ${deploymentId}`));
  }
  const detach = () => leave('Detached. The deployment goes on.');

  function cancel(): void {
    stopAsking?.();
    if (isCancelling) return renderer.note('It is being cancelled. Ctrl-C once more leaves at once.');
    isCancelling = true;
    renderer.note('Cancelling. Ctrl-C once more leaves without waiting for it.');
    options.cancel().catch((error: unknown) => {
      isCancelling = false;
      renderer.note(`It could not be cancelled: ${(error as Error).message}`);
    });
  }

  function ask(): void {
    renderer.ask('Detach (d), cancel it (c or Ctrl-C), or stay (any other key)?');
    stopAsking = readKey(stdin, (key) => {
      stopAsking = null;
      renderer.ask(null);
      if (key === CTRL_C) return interrupt();
      if (key === 'd') return detach();
      if (key === 'c') {
        count = 2;
        return cancel();
      }
      count = 0;
    });
    const stopReading = stopAsking;
    stopAsking = () => {
      stopAsking = null;
      stopReading();
      renderer.ask(null);
    };
  }

  function interrupt(): void {
    count += 1;
    if (count >= 3) return leave('Left before the end. The deployment was asked to stop.');
    if (count === 2 || onInterrupt === 'cancel') return cancel();
    if (onInterrupt === 'detach') return detach();
    ask();
  }

  for (const signal of SIGNALS) process.on(signal, interrupt);
  return {
    signal: leaving.signal,
    [Symbol.dispose]() {
      stopAsking?.();
      for (const signal of SIGNALS) process.removeListener(signal, interrupt);
    },
  };
}

/** Reads one key, without Enter. What it gives stops waiting for it. */
function readKey(stdin: NodeJS.ReadStream, onKey: (key: string) => void): () => void {
  const stop = () => {
    stdin.removeListener('data', take);
    stdin.setRawMode(false);
    stdin.pause();
  };
  const take = (data: Buffer) => {
    stop();
    onKey(data.toString('utf8').slice(0, 1).toLowerCase());
  };
  stdin.setRawMode(true);
  stdin.resume();
  stdin.on('data', take);
  return stop;
}
