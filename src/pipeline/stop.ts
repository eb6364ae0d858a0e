import { HINT_POLL_MS, type EventBus } from '../events/bus.ts';
import { findCancelRequest, type CancelState } from '../store/cancellations.ts';
import { ClaimLostError, type Claim } from '../store/deployments.ts';
import type { Statements } from '../store/statements.ts';
import type { Log } from '../telemetry.ts';

/** How long a worker that shuts down waits for a command that must not be cut in half. */
const SHUTDOWN_GRACE_MS = 12_000;

/** Somebody asked for the deployment to be cancelled. */
export class CancelledError extends Error {
  override readonly name = 'CancelledError';
}

/** The worker stops, not the deployment: another one goes on with it. */
export class ShutdownError extends Error {
  override readonly name = 'ShutdownError';
}

/** Both end the work; only `hard` ends a command that must not be cut in half. */
export interface StopSignals {
  readonly soft: AbortSignal;
  readonly hard: AbortSignal;
}

/** Whoever reads the deployment for another reason tells what he found of a cancel. */
export interface StopWatch extends AsyncDisposable {
  readonly signals: StopSignals;
  heed(cancel: CancelState | null): void;
}

/** Asks the database, at a hint and once a second, whether the work must stop. */
export async function watchForStop(
  { statements, bus, log }: { statements: Statements; bus: EventBus; log: Log },
  claim: Claim,
  shutdown: AbortSignal,
): Promise<StopWatch> {
  const soft = new AbortController();
  const hard = new AbortController();
  const stopHard = (reason: Error) => {
    hard.abort(reason);
    soft.abort(reason);
  };
  let grace: NodeJS.Timeout | undefined;
  const onShutdown = () => {
    const reason = new ShutdownError('The worker shuts down.');
    soft.abort(reason);
    grace = setTimeout(() => hard.abort(reason), SHUTDOWN_GRACE_MS);
  };
  const heed = (cancel: CancelState | null) => {
    if (cancel === null) stopHard(new ClaimLostError(claim));
    else if (cancel.forced) stopHard(new CancelledError());
    else if (cancel.requested) soft.abort(new CancelledError());
  };
  const look = () =>
    void findCancelRequest(statements, claim)
      .then(heed)
      .catch((error: unknown) => log.warn({ err: error }, 'Could not look for a cancel'));

  if (shutdown.aborted) onShutdown();
  shutdown.addEventListener('abort', onShutdown);
  const timer = setInterval(look, HINT_POLL_MS);
  const unsubscribe = await bus.subscribe('cancels', ({ deploymentId }) => {
    if (deploymentId === claim.deploymentId) look();
  });
  return {
    signals: { soft: soft.signal, hard: hard.signal },
    heed,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      clearTimeout(grace);
      unsubscribe();
      shutdown.removeEventListener('abort', onShutdown);
    },
  };
}
