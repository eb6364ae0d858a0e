import type { ExitName } from './exit-codes.ts';
import { phaseLabel, type Verdict } from './follow/renderer.ts';
import { followAndReport, type FollowOptions } from './follow/follow-command.ts';
import { loadVerdict } from './follow/follow-to-end.ts';
import { deploymentPage } from './links.ts';
import { durationText, type Output } from './output.ts';
import { findAppIfAny, findDeploymentId, idOfDeployment } from './references.ts';
import { openSession, type Caller, type Session } from './session.ts';
import { jsonLine } from './spelling.ts';

/** What names one deployment: by default the newest of the app. */
export interface DeploymentChoice {
  readonly app?: string;
}

export async function chooseDeployment(
  caller: Caller,
  session: Session,
  text: string | undefined,
  { app: named }: DeploymentChoice,
): Promise<string> {
  const id = text === undefined ? null : idOfDeployment(text);
  if (id !== null) return id;
  return findDeploymentId(session, text ?? '@latest', await findAppIfAny(caller, session, named));
}

/** Shows how a deployment stands. The exit code says whether that could be learnt, not how it stands. */
export async function runStatus(caller: Caller, text: string | undefined, choice: DeploymentChoice): Promise<void> {
  const session = openSession(caller);
  const { output } = caller;
  const verdict = await loadVerdict(session, await chooseDeployment(caller, session, text, choice));
  const page = deploymentPage(session.url, verdict);
  if (output.json) return output.result(jsonLine('status', { ...verdict, page }));
  statusLines(verdict, page, output).forEach((line) => output.result(line));
}

function statusLines(verdict: Verdict, page: string, { resultColours: colours }: Output): string[] {
  const { id, number, status, productionApp: app, version, reason, queuePosition, failure, cancellation } = verdict;
  const live = app.liveDeployment;
  const facts: (readonly [string, string | null])[] = [
    ['Status', coloured(status, verdict.isLive ? `${words(status)}, takes all traffic` : words(status), colours)],
    ['Version', version.version],
    ['Trigger', words(verdict.trigger) + (verdict.source ? ` of deployment ${verdict.source.number}` : '')],
    ['Reason', reason ?? null],
    ['Made', verdict.createdAt],
    ['Took', durationText(verdict.durationMs) || null],
    ['Waiting', queuePosition ? `place ${queuePosition}` : null],
    ['Cancelling', cancellation && !cancellation.stoppedAt ? `since ${cancellation.requestedAt}` : null],
    ['Serving', live ? `version ${live.version.version}, deployment ${live.number}` : 'nothing yet'],
    ['App', app.url],
    ['Page', page],
  ];
  return [
    colours.bold(`Deployment ${number} of ${app.subdomain}`) + colours.dim(`  ${id}`),
    ...facts.filter(([, value]) => value !== null).map(([label, value]) => `  ${label.padEnd(11)} ${value}`),
    '',
    ...verdict.phases.map((phase) => phaseLine(phase, colours)),
    ...(failure ? ['', colours.red(failure.message), ...(failure.hint ? [failure.hint] : [])] : []),
  ];
}

const MARKS = { PENDING: '·', IN_PROGRESS: '●', COMPLETED: '✔', FAILED: '✖' } as const;

function phaseLine({ name, status, durationMs, skipReason }: Verdict['phases'][number], colours: Output['colours']) {
  const mark = coloured(status, MARKS[status], colours);
  const rest = [durationText(durationMs), skipReason ? colours.dim(`(${skipReason})`) : ''].filter(Boolean).join(' ');
  return `  ${mark} ${phaseLabel(name).padEnd(18)} ${rest}`.trimEnd();
}

export function words(name: string): string {
  return name.toLowerCase().replaceAll('_', ' ');
}

export function coloured(status: string, text: string, colours: Output['colours']): string {
  if (status === 'COMPLETED') return colours.green(text);
  if (status === 'FAILED') return colours.red(text);
  if (status === 'CANCELLED') return colours.yellow(text);
  return status === 'IN_PROGRESS' ? colours.cyan(text) : text;
}

/** Follows a deployment that is there already; leaving it never cancels it unless that is asked for. */
export async function runWatch(
  caller: Caller,
  text: string | undefined,
  { onInterrupt = caller.output.canAsk ? 'ask' : 'detach', ...options }: DeploymentChoice & FollowOptions,
): Promise<ExitName> {
  const session = openSession(caller);
  const id = await chooseDeployment(caller, session, text, options);
  // One that is not there is not found: only afterwards is its verdict unknown.
  await loadVerdict(session, id);
  return followAndReport(caller, session, id, { ...options, onInterrupt, wait: true });
}
