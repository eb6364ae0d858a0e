import { announceState } from '../events/bus.ts';
import { metrics } from '../metrics.ts';
import { claimNextDeployment } from '../store/deployments.ts';
import { isDatabaseAway, untilDatabaseAnswers } from '../store/outage.ts';
import { deploy } from './deploy.ts';
import type { HeldTicket, Queue } from './queue.ts';
import type { DeployDeps } from './shipment.ts';

type RunnerDeps = DeployDeps & { readonly queue: Queue; readonly workerId: string };

export interface Runner {
  /** Takes no more work, hands over what it is at, and resolves when nothing of it runs any more. */
  stop(): Promise<void>;
}

/** Works on as many deployments at a time as it is given workers, each of another app. */
export async function startRunner(deps: RunnerDeps, workers: number): Promise<Runner> {
  const { statements, queue, log, workerId } = deps;
  const shutdown = new AbortController();
  const running = new Set<Promise<void>>();

  /**
   * One ticket, one deployment: whoever waits with an earlier turn comes before the app's next one. Whoever has lost the
   * ticket takes nothing: it would be a live worker's deployment.
   */
  async function workOff(productionAppId: string, ticket: HeldTicket): Promise<void> {
    shutdown.signal.throwIfAborted();
    const claim = await claimNextDeployment(statements, productionAppId, workerId, ticket.isHeld);
    if (claim === null) return;
    announceState(deps.bus, claim);
    if (claim.takenOver) metrics.takeOvers.inc();
    log.info({ deploymentId: claim.deploymentId, run: claim.run }, 'Deployment claimed');
    // Beside the work: the next deployment need not wait for it, and a worker that dies before it has its own ticket yet.
    // What is triggered later brings a ticket of its own.
    const { nextTurn } = claim;
    const sent = nextTurn === null ? null : queue.sendNextTicket(productionAppId, nextTurn);
    sent?.catch(() => {}); // It is waited for below.
    await deploy(deps, claim, shutdown.signal);
    await sent;
  }

  /** What an outage of the database interrupts is gone on with after it: as the next run, by the same worker. */
  async function workThroughOutages(productionAppId: string, ticket: HeldTicket): Promise<void> {
    for (;;) {
      try {
        return await workOff(productionAppId, ticket);
      } catch (error) {
        if (!isDatabaseAway(error) || shutdown.signal.aborted) throw error;
        log.warn({ err: error, productionAppId }, 'The database is away; the work goes on when it is back');
        await untilDatabaseAnswers(() => statements.$queryRaw`select 1`, shutdown.signal);
      }
    }
  }

  // Held open, so that no deployment has to wait until the broker knows that somebody listens.
  const unsubscribe = await deps.bus.subscribe('cancels', () => {});
  await queue.work(workers, async (productionAppId, ticket) => {
    const work = workThroughOutages(productionAppId, ticket);
    running.add(work);
    await work.finally(() => running.delete(work));
  });
  return {
    async stop() {
      await queue.pause();
      shutdown.abort();
      await Promise.allSettled(running);
      unsubscribe();
    },
  };
}
