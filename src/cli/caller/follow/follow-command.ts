import { randomUUID } from 'node:crypto';
import { ApiError } from '../../../client/api.ts';
import { goOnWithoutReaders } from '../../broken-pipe.ts';
import { CancelDocument } from '../../../generated/gql/graphql.ts';
import { CommandError, commandErrorOf } from '../command-error.ts';
import type { ExitName } from '../exit-codes.ts';
import { deploymentPage } from '../links.ts';
import { durationText, type Output } from '../output.ts';
import type { OnInterrupt } from '../option-choices.ts';
import type { Caller, Session } from '../session.ts';
import { jsonLine } from '../spelling.ts';
import { chooseRenderer } from './choose-renderer.ts';
import { followToEnd, isTerminal, loadVerdict, unknownVerdict } from './follow-to-end.ts';
import { holdInterrupts, watchInterrupts } from './interrupts.ts';
import type { Renderer, Verdict } from './renderer.ts';
import { createReport, exitOf as exitOfVerdict } from './report.ts';

/** The options of every command that follows a deployment. */
export interface FollowOptions {
  /** False: leave as soon as the deployment is made, or was asked to stop. */
  readonly wait: boolean;
  /** 0: however long it takes. */
  readonly timeout: number;
  readonly onInterrupt?: OnInterrupt;
}

/** A key for everything that one run of a command makes: however often its requests are repeated, it is made once. */
export function createIdempotencyKey(): string {
  return `cli-${randomUUID()}`;
}

interface Made {
  readonly deployment: { readonly id: string };
  /** Whether an earlier call had made it. */
  readonly replayed: boolean;
}

/** For what is not done when its deployment has completed. */
interface FollowToReportOptions extends FollowOptions {
  readonly exitOf?: (verdict: Verdict) => ExitName;
}

/** Makes a deployment, shows it to its end, reports it, and answers with the exit that it deserves. What interrupts meanwhile is obeyed once it is there. */
export async function makeAndFollow(
  caller: Caller,
  session: Session,
  make: () => Promise<Made>,
  options: FollowOptions,
): Promise<ExitName> {
  goOnWithoutReaders();
  const { output } = caller;
  async function begin(): Promise<Verdict> {
    const { deployment, replayed } = await make();
    if (replayed) output.say('An earlier call with the same key made this deployment.');
    return loadBegun(session, deployment.id);
  }
  // Who does not wait leaves it to itself anyway.
  if (!options.wait) return reportBegun(caller, session, await begin());
  const { begun, isInterrupted } = await holdingInterrupts(output, begin);
  return showAndReport(caller, session, begun, options, isInterrupted);
}

async function holdingInterrupts(output: Output, begin: () => Promise<Verdict>) {
  using held = holdInterrupts((text) => output.say(text));
  const left = new Promise<never>((_resolve, reject) => {
    held.signal.addEventListener('abort', () => reject(held.signal.reason as Error));
  });
  const begun = await Promise.race([begin(), left]);
  return { begun, isInterrupted: held.isInterrupted };
}

/** Shows a deployment that is there to its end, and reports it. */
export async function followAndReport(
  caller: Caller,
  session: Session,
  deploymentId: string,
  options: FollowToReportOptions,
): Promise<ExitName> {
  goOnWithoutReaders();
  const begun = await loadBegun(session, deploymentId);
  if (!options.wait) return reportBegun(caller, session, begun);
  return showAndReport(caller, session, begun, options);
}

/** There is a deployment: whatever keeps us from its end leaves the verdict unknown. */
async function loadBegun(session: Session, deploymentId: string): Promise<Verdict> {
  return loadVerdict(session, deploymentId).catch((error: unknown) => {
    throw error instanceof ApiError ? unknownVerdict(deploymentId, error) : error;
  });
}

async function showAndReport(
  caller: Caller,
  session: Session,
  begun: Verdict,
  { exitOf = exitOfVerdict, ...options }: FollowToReportOptions,
  isInterrupted = false,
): Promise<ExitName> {
  const { output, environment } = caller;
  const renderer = chooseRenderer(output, environment);
  try {
    const verdict = await followWithLimits(caller, session, { begun, renderer, isInterrupted }, options);
    const exit = exitOf(verdict);
    renderer.end(await createReport(session, verdict, exit));
    if (!output.json && exit === 'completed' && verdict.status === 'COMPLETED')
      output.result(verdict.productionApp.url);
    return exit;
  } catch (error) {
    if (commandErrorOf(error)) throw error;
    // Whatever is wrong here says nothing of the deployment, which goes on.
    throw unknownVerdict(begun.id, error as Error);
  } finally {
    renderer.close();
  }
}

function reportBegun({ output }: Caller, session: Session, verdict: Verdict): ExitName {
  const page = deploymentPage(session.url, verdict);
  const { id, number, status, productionApp, version } = verdict;
  if (output.json) {
    const app = { id: productionApp.id, subdomain: productionApp.subdomain, url: productionApp.url };
    output.result(jsonLine('deployment', { id, number, status, version, app, page }));
    return 'completed';
  }
  output.say(`Deployment ${number} of ${productionApp.subdomain} was made. Follow it: windlass watch ${id}`);
  output.say(page);
  output.result(id);
  return 'completed';
}

async function followWithLimits(
  { output }: Caller,
  session: Session,
  { begun, renderer, isInterrupted }: { begun: Verdict; renderer: Renderer; isInterrupted: boolean },
  { timeout, onInterrupt }: FollowOptions,
): Promise<Verdict> {
  const deploymentId = begun.id;
  renderer.begin(begun, deploymentPage(session.url, { id: deploymentId }));
  using interrupts = watchInterrupts({
    deploymentId,
    renderer,
    stdin: process.stdin,
    isInterrupted,
    onInterrupt:
      onInterrupt === undefined || (onInterrupt === 'ask' && !output.canAsk) ? defaultFor(output) : onInterrupt,
    async cancel() {
      await session.client.request(CancelDocument, {
        input: { deploymentId, reason: 'Interrupted on the command line.' },
      });
    },
  });
  const limit = new AbortController();
  const timer = timeout > 0 ? setTimeout(() => limit.abort(new TimeIsOver()), timeout) : null;
  try {
    const signal = AbortSignal.any([interrupts.signal, limit.signal]);
    return await followToEnd(session, { deploymentId, renderer, signal });
  } catch (error) {
    if (!(error instanceof TimeIsOver)) throw error;
    return await verdictAfterTimeout(session, deploymentId, timeout);
  } finally {
    if (timer) clearTimeout(timer);
  }
}

class TimeIsOver extends Error {}

/** Where nobody can be asked, a job that is ended must not leave a deployment behind that nobody watches. */
function defaultFor({ canAsk }: Output): OnInterrupt {
  return canAsk ? 'ask' : 'cancel';
}

/** It may have ended just now; and it must be known that it has not. */
async function verdictAfterTimeout(session: Session, id: string, timeoutMs: number): Promise<Verdict> {
  const verdict = await loadBegun(session, id);
  if (isTerminal(verdict.status)) return verdict;
  const text = `Deployment ${verdict.number} has not ended after ${durationText(timeoutMs)}. It goes on.`;
  throw new CommandError('timedOut', text, `Go on watching: windlass watch ${id}. Stop it: windlass cancel ${id}`);
}
