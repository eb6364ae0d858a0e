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
  /** Whether the first one came while the deployment was being made. */
  readonly isInterrupted: boolean;
}

export interface Interrupts extends Disposable {
  /** Aborted when the user leaves before the end. */
  readonly signal: AbortSignal;
}

export interface HeldInterrupts extends Disposable {
  /** Aborted when the user leaves before the deployment is there. */
  readonly signal: AbortSignal;
  readonly isInterrupted: boolean;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const CTRL_C = '\u0003';

/**
 * Keeps the first interrupt for when the deployment is made, since nobody knows before what is to be stopped; else it
 * would go on, and nobody would watch it. The second one leaves at once.
 */
export function holdInterrupts(say: (text: string) => void): HeldInterrupts {
  const leaving = new AbortController();
  let isInterrupted = false;

  function hold(): void {
    if (isInterrupted) {
      const message = 'Left while the deployment was being made. It may be there, and go on.';
      return leaving.abort(new CommandError('interrupted', message, 'Look for it: windlass deployments'));
    }
    isInterrupted = true;
    say('The deployment is just being made; this is obeyed as soon as it is there. Ctrl-C once more leaves at once.');
  }

  for (const signal of SIGNALS) process.on(signal, hold);
  return {
    signal: leaving.signal,
    get isInterrupted() {
      return isInterrupted;
    },
    [Symbol.dispose]() {
      for (const signal of SIGNALS) process.removeListener(signal, hold);
    },
  };
}

/**
 * Ctrl-C, step by step, so that no single key does what cannot be taken back, and the third one always leaves:
 * 1. asks whether to detach or to cancel; where nobody can be asked, does what `onInterrupt` says;
 * 2. cancels;
 * 3. leaves, whatever is going on.
 * Detaching and leaving abort `signal` with a CommandError `interrupted`. A cancelled deployment is followed to its end.
 */
export function watchInterrupts(options: InterruptOptions): Interrupts {
  const { deploymentId, onInterrupt, renderer, stdin, isInterrupted } = options;
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
  if (isInterrupted) interrupt();
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
