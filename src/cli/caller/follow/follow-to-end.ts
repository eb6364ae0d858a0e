import { ApiError } from '../../../client/api.ts';
import { sleep } from '../../../client/delay.ts';
import { followDeployment, followDeploymentState } from '../../../client/follow.ts';
import { LogLinesDocument, VerdictDocument } from '../../../generated/gql/graphql.ts';
import { CommandError } from '../command-error.ts';
import type { Session } from '../session.ts';
import { createPhaseSequence, type PhaseSequence } from './phase-sequence.ts';
import type { Renderer, Verdict } from './renderer.ts';

/** How long a stream may fail before the rows are asked in its place. */
const STREAM_PATIENCE_MS = 20_000;
const POLL_MS = 2_000;
const POLL_LINES = 1_000;

export interface FollowToEndOptions {
  readonly deploymentId: string;
  readonly renderer: Renderer;
  /** Ends it at once: the signal's reason is thrown. */
  readonly signal: AbortSignal;
}

/**
 * Shows a deployment until it has ended, and answers with how. The streams only show: the answer is what the server says
 * afterwards, by itself, when it is asked. Throws CommandError `unknown` when that cannot be learnt.
 */
export async function followToEnd(session: Session, options: FollowToEndOptions): Promise<Verdict> {
  const { deploymentId, renderer, signal } = options;
  const watching = new AbortController();
  const stop = () => watching.abort();
  signal.addEventListener('abort', stop);
  const client = session.patient(signal);
  const load = () => loadVerdict({ client }, deploymentId);
  const sequence = createPhaseSequence(renderer, load);
  try {
    const states = showStates(session, options, sequence, watching.signal);
    states.catch(() => {}); // Awaited below, unless something else is wrong first.
    await showLines(session, options, sequence);
    const verdict = await untilTerminal(load, signal);
    watching.abort();
    await states;
    sequence.finish(verdict);
    return verdict;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ApiError) throw unknownVerdict(deploymentId, error);
    throw error;
  } finally {
    watching.abort();
    signal.removeEventListener('abort', stop);
  }
}

export function unknownVerdict(deploymentId: string, cause: Error): CommandError {
  return new CommandError(
    'unknown',
    `How ${deploymentId} ends cannot be learnt: ${cause.message}`,
    `It may go on. Look at it: windlass status ${deploymentId}`,
    { cause },
  );
}

/** Throws ApiError `NOT_FOUND` for one that is not there. */
export async function loadVerdict({ client }: Pick<Session, 'client'>, id: string): Promise<Verdict> {
  const { deployment } = await client.request(VerdictDocument, { id });
  if (deployment) return deployment;
  throw new ApiError('NOT_FOUND', `There is no deployment ${JSON.stringify(id.slice(0, 100))}.`);
}

export function isTerminal(status: Verdict['status']): boolean {
  return status === 'COMPLETED' || status === 'FAILED' || status === 'CANCELLED';
}

async function untilTerminal(load: () => Promise<Verdict>, signal: AbortSignal): Promise<Verdict> {
  for (;;) {
    const verdict = await load();
    if (isTerminal(verdict.status)) return verdict;
    await sleep(POLL_MS, signal);
  }
}

/** The lines of the log until its end: by a stream that connects again, and when it cannot, by asking for them. */
async function showLines(session: Session, options: FollowToEndOptions, sequence: PhaseSequence): Promise<void> {
  const { deploymentId, renderer, signal } = options;
  let after: string | undefined;
  try {
    const events = followDeployment({
      ...streamOf(session, signal),
      deploymentId,
      onConnection: noteConnection(renderer),
    });
    for await (const event of events) {
      after = event.cursor;
      if (event.__typename === 'DeploymentLogEnd') return;
      for (const line of event.lines) await sequence.takeLine(line);
    }
  } catch (error) {
    if (!(error instanceof ApiError) || isFinal(error)) throw error;
    renderer.note('The log cannot be streamed here. Asking for it every 2 seconds.');
  }
  await pollLines(session, options, sequence, after);
}

async function pollLines(
  session: Session,
  { deploymentId: id, signal }: FollowToEndOptions,
  sequence: PhaseSequence,
  from: string | undefined,
): Promise<void> {
  const client = session.patient(signal);
  for (let after = from; ; ) {
    const { deployment } = await client.request(LogLinesDocument, { id, after, first: POLL_LINES });
    if (!deployment) throw new ApiError('NOT_FOUND', `There is no deployment ${id}.`);
    for (const line of deployment.logs.nodes) await sequence.takeLine(line);
    after = deployment.logs.pageInfo.endCursor ?? after;
    if (deployment.logs.pageInfo.hasNextPage) continue;
    // The status is read before the lines: one that is terminal has no more of them.
    if (isTerminal(deployment.status)) return;
    await sleep(POLL_MS, signal);
  }
}

/** Shows how it stands. It is only a picture: when its stream fails for good, the lines tell enough. */
async function showStates(
  session: Session,
  { deploymentId }: FollowToEndOptions,
  sequence: PhaseSequence,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const state of followDeploymentState({ ...streamOf(session, signal), deploymentId })) {
      sequence.takeProgress(state);
    }
  } catch (error) {
    if (!signal.aborted && !(error instanceof ApiError)) throw error;
  }
}

/** By server-sent events: they get through proxies that stop WebSockets, and Node 20 has them without a package. */
function streamOf({ url, token }: Session, signal: AbortSignal) {
  return { url, token, signal, transport: 'sse', giveUpAfterMs: STREAM_PATIENCE_MS } as const;
}

function noteConnection(renderer: Renderer) {
  let isBroken = false;
  return (state: string) => {
    if (state === 'reconnecting' && !isBroken) renderer.note('The connection broke. Connecting again …');
    if (state === 'live' && isBroken) renderer.note('Connected again.');
    isBroken = state === 'reconnecting';
  };
}

/** What asking in another way would not change. */
function isFinal({ code }: ApiError): boolean {
  return code === 'UNAUTHENTICATED' || code === 'FORBIDDEN';
}
