import { findFirstError, linesOfFailure } from '../../../client/first-error.ts';
import { LogLinesDocument, RollbackTargetDocument } from '../../../generated/gql/graphql.ts';
import type { ExitName } from '../exit-codes.ts';
import { durationText } from '../output.ts';
import { deploymentPage } from '../links.ts';
import type { Session } from '../session.ts';
import { phaseLabel, type Line, type Verdict } from './renderer.ts';

/** How a deployment ended, and what its user needs next. */
export interface Report {
  readonly verdict: Verdict;
  readonly exit: ExitName;
  readonly headline: string;
  readonly excerpt: Excerpt;
  /** What to know and to do, each with its label. */
  readonly facts: readonly (readonly [label: string, text: string])[];
  readonly page: string;
}

/** The lines around the first error. */
interface Excerpt {
  readonly lines: readonly Line[];
  /** That of them which shows the error first. */
  readonly errorSeq: number | null;
}

const NO_EXCERPT: Excerpt = { lines: [], errorSeq: null };
/** Those before an error say what was done, those after it what is wrong. */
const LINES_BEFORE = 5;
const LINES_AFTER = 14;
const LINES_LOADED = 1_000;

/** Makes the report of an ended deployment. What only explains it may be missing; the verdict never depends on it. */
export async function createReport(session: Session, verdict: Verdict, exit: ExitName): Promise<Report> {
  const page = deploymentPage(session.url, verdict);
  if (exit === 'completed')
    return { verdict, exit, headline: headlineOf(verdict), excerpt: NO_EXCERPT, facts: [], page };
  const [excerpt, canGoBack] = await Promise.all([
    loadExcerpt(session, verdict).catch(() => NO_EXCERPT),
    canRollBack(session, verdict).catch(() => false),
  ]);
  return { verdict, exit, headline: headlineOf(verdict), excerpt, facts: factsOf(verdict, page, canGoBack), page };
}

/** What a deployment that was made to complete ends its command with. */
export function exitOf({ status }: Verdict): ExitName {
  if (status === 'COMPLETED') return 'completed';
  return status === 'CANCELLED' ? 'cancelled' : 'failed';
}

function headlineOf({ number, status, durationMs, failure, errorMessage, productionApp, version }: Verdict): string {
  const what = `Deployment ${number} of ${productionApp.subdomain}`;
  const after = durationMs === null || durationMs === undefined ? '' : ` after ${durationText(durationMs)}`;
  if (status === 'COMPLETED') {
    return `${what} completed in ${durationText(durationMs)}: version ${version.version} serves.`;
  }
  const where = failure?.phase ? ` in ${phaseLabel(failure.phase)}` : '';
  const verb = status === 'CANCELLED' ? 'was cancelled' : 'failed';
  const why = failure?.message ?? errorMessage;
  return `${what} ${verb}${where}${after}${why ? `: ${why}` : '.'}`;
}

function factsOf(verdict: Verdict, page: string, canGoBack: boolean): [string, string][] {
  const { id, failure, productionApp, supersededBy, allowedActions } = verdict;
  const mayRetry = allowedActions.some(({ action, allowed }) => action === 'RETRY' && allowed);
  const facts: [string, string | null][] = [
    ['Hint', failure?.hint ?? null],
    ['Page', page],
    ['Serving', servingText(productionApp.liveDeployment ?? null)],
    ['Superseded by', supersededBy ? `deployment ${supersededBy.number}: windlass watch ${supersededBy.id}` : null],
    ['Retry', mayRetry ? `windlass retry ${id}` : null],
    ['Roll back', canGoBack ? `windlass rollback ${productionApp.subdomain}` : null],
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== null);
}

function servingText(live: Verdict['productionApp']['liveDeployment'] | null): string {
  if (!live) return 'Nothing serves yet.';
  return `Version ${live.version.version} is still serving (deployment ${live.number}).`;
}

async function loadExcerpt({ client }: Session, { id, failure }: Verdict): Promise<Excerpt> {
  if (!failure || failure.firstSeq === null || failure.firstSeq === undefined) return NO_EXCERPT;
  const from = Math.max(0, failure.firstSeq - 1 - LINES_BEFORE);
  const { deployment } = await client.request(LogLinesDocument, { id, first: LINES_LOADED, after: String(from) });
  return excerptOf(deployment?.logs.nodes ?? [], failure);
}

function excerptOf(lines: readonly Line[], failure: NonNullable<Verdict['failure']>): Excerpt {
  const error = findFirstError(lines, failure);
  if (!error) return NO_EXCERPT;
  const shown = linesOfFailure(lines, failure);
  const at = shown.indexOf(error);
  return { lines: shown.slice(Math.max(0, at - LINES_BEFORE), at + 1 + LINES_AFTER), errorSeq: error.seq };
}

/** Whether a rollback that names nothing would be let through. */
async function canRollBack({ client }: Session, { productionApp: { id } }: Verdict): Promise<boolean> {
  const { productionApp } = await client.request(RollbackTargetDocument, { productionAppId: id });
  const actions = productionApp?.rollbackTarget?.allowedActions ?? [];
  return actions.some(({ action, allowed }) => action === 'ROLLBACK' && allowed);
}
