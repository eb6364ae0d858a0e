import { randomUUID } from 'node:crypto';
import { ApiError } from '../../../client/api.ts';
import { CancelDocument } from '../../../generated/gql/graphql.ts';
import { CommandError } from '../command-error.ts';
import type { ExitName } from '../exit-codes.ts';
import { deploymentPage } from '../links.ts';
import { durationText } from '../output.ts';
import type { OnInterrupt } from '../option-choices.ts';
import type { Caller, Session } from '../session.ts';
import { jsonLine } from '../spelling.ts';
import { chooseRenderer } from './choose-renderer.ts';
import { followToEnd, isTerminal, loadVerdict, unknownVerdict } from './follow-to-end.ts';
import { watchInterrupts } from './interrupts.ts';
import type { Renderer, Verdict } from './renderer.ts';
import { createReport } from './report.ts';

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

/** Shows a deployment to its end, reports it, and answers with the exit that it deserves. */
export async function followAndReport(
  caller: Caller,
  session: Session,
  deploymentId: string,
  options: FollowOptions,
): Promise<{ exit: ExitName; verdict: Verdict }> {
  const { output, environment } = caller;
  // From here on there is a deployment: whatever keeps us from its end leaves the verdict unknown.
  const begun = await loadVerdict(session, deploymentId).catch((error: unknown) => {
    throw error instanceof ApiError ? unknownVerdict(deploymentId, error) : error;
  });
  if (!options.wait) return { exit: reportBegun(caller, session, begun), verdict: begun };
  const renderer = chooseRenderer(output, environment);
  try {
    const verdict = await followWithLimits(caller, session, begun, renderer, options);
    const report = await createReport(session, verdict);
    renderer.end(report);
    if (!output.json && report.exit === 'completed') output.result(verdict.productionApp.url);
    return { exit: report.exit, verdict };
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
  begun: Verdict,
  renderer: Renderer,
  { timeout, onInterrupt }: FollowOptions,
): Promise<Verdict> {
  const deploymentId = begun.id;
  renderer.begin(begun, deploymentPage(session.url, { id: deploymentId }));
  using interrupts = watchInterrupts({
    deploymentId,
    renderer,
    stdin: process.stdin,
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
function defaultFor({ canAsk }: Caller['output']): OnInterrupt {
  return canAsk ? 'ask' : 'cancel';
}

/** It may have ended just now; and it must be known that it has not. */
async function verdictAfterTimeout(session: Session, id: string, timeoutMs: number): Promise<Verdict> {
  const verdict = await loadVerdict(session, id).catch((error: unknown) => {
    throw error instanceof ApiError ? unknownVerdict(id, error) : error;
  });
  if (isTerminal(verdict.status)) return verdict;
  const text = `Deployment ${verdict.number} has not ended after ${durationText(timeoutMs)}. It goes on.`;
  throw new CommandError('timedOut', text, `Go on watching: windlass watch ${id}. Stop it: windlass cancel ${id}`);
}
