import { ApiError } from '../../client/api.ts';
import { followDeployment, followRuntimeLogs } from '../../client/follow.ts';
import { LogLinesDocument, RuntimeLinesDocument } from '../../generated/gql/graphql.ts';
import type { DeploymentLogFilter, RuntimeLogFilter } from '../../generated/gql/graphql.ts';
import { usageError } from './command-error.ts';
import { lineText } from './follow/line-text.ts';
import type { LOG_LEVELS, LOG_STREAMS, PHASES } from './option-choices.ts';
import { durationMs } from './option-values.ts';
import type { Output } from './output.ts';
import { findApp } from './references.ts';
import { openSession, type Caller, type Session } from './session.ts';
import { jsonLine } from './spelling.ts';
import { chooseDeployment, type DeploymentChoice } from './status.ts';

export interface LogsOptions extends DeploymentChoice {
  /** What the app prints, in place of what a deployment does. */
  readonly runtime?: boolean;
  readonly follow?: boolean;
  readonly phase?: readonly (typeof PHASES)[number][];
  readonly stream?: readonly (typeof LOG_STREAMS)[number][];
  readonly level?: (typeof LOG_LEVELS)[number];
  readonly grep?: string;
  readonly since?: string;
  readonly after?: string;
  readonly timestamps?: boolean;
}

interface ShownLine {
  readonly at: string;
  readonly message: string;
  readonly stream: string;
  readonly phase?: string | null;
}

const PAGE = 1_000;

/** Prints a log on standard output; with `--follow`, until it ends. */
export async function runLogs(caller: Caller, text: string | undefined, options: LogsOptions): Promise<void> {
  const session = openSession(caller);
  const show = createShow(caller.output, options, parseSince(options.since));
  if (options.runtime) return showRuntime(caller, session, text ?? options.app, options, show);
  const deploymentId = await chooseDeployment(caller, session, text, options);
  const filter: DeploymentLogFilter = {
    phases: upper(options.phase),
    streams: upper(options.stream),
    minLevel: options.level && (options.level.toUpperCase() as Uppercase<typeof options.level>),
    contains: options.grep,
  };
  const { after } = options;
  if (!options.follow) return showStored(session, deploymentId, filter, after, show);
  for await (const event of followDeployment({ ...streamOf(session), deploymentId, filter, after })) {
    if (event.__typename === 'DeploymentLogBatch') event.lines.forEach(show);
  }
}

async function showStored(
  { client }: Session,
  id: string,
  filter: DeploymentLogFilter,
  from: string | undefined,
  show: (line: ShownLine) => void,
): Promise<void> {
  for (let after = from; ; ) {
    const { deployment } = await client.request(LogLinesDocument, { id, first: PAGE, after, filter });
    if (!deployment) throw new ApiError('NOT_FOUND', `There is no deployment ${id}.`);
    deployment.logs.nodes.forEach(show);
    if (!deployment.logs.pageInfo.hasNextPage) return;
    after = deployment.logs.pageInfo.endCursor ?? undefined;
  }
}

async function showRuntime(
  caller: Caller,
  session: Session,
  name: string | undefined,
  { stream, grep, follow, after: from, phase, level }: LogsOptions,
  show: (line: ShownLine) => void,
): Promise<void> {
  if (phase || level)
    throw usageError('What an app prints has no phases and no levels: leave out --phase and --level.');
  const { id: productionAppId } = await findApp(caller, session, name);
  const filter: RuntimeLogFilter = { streams: upper(stream), contains: grep };
  if (follow) {
    for await (const event of followRuntimeLogs({ ...streamOf(session), productionAppId, filter, after: from })) {
      if (event.__typename !== 'RuntimeLogBatch') continue;
      if (event.dropped > 0) caller.output.say(`… ${event.dropped} lines before these are not kept any more.`);
      event.lines.forEach(show);
    }
    return;
  }
  for (let after = from; ; ) {
    const variables = { id: productionAppId, first: PAGE, after, filter };
    const { productionApp } = await session.client.request(RuntimeLinesDocument, variables);
    if (!productionApp) throw new ApiError('NOT_FOUND', `There is no app ${productionAppId}.`);
    productionApp.runtimeLogs.nodes.forEach(show);
    if (!productionApp.runtimeLogs.pageInfo.hasNextPage) return;
    after = productionApp.runtimeLogs.pageInfo.endCursor ?? undefined;
  }
}

function streamOf({ url, token }: Session) {
  return { url, token, transport: 'sse' } as const;
}

function upper<Name extends string>(names: readonly Name[] | undefined): Uppercase<Name>[] | undefined {
  return names?.map((name) => name.toUpperCase() as Uppercase<Name>);
}

/** A moment, or how long ago. */
function parseSince(text: string | undefined): Date | null {
  if (text === undefined) return null;
  const ago = durationMs(text);
  const at = ago === null ? new Date(text) : new Date(Date.now() - ago);
  if (!Number.isNaN(at.getTime())) return at;
  throw usageError(`--since ${text} is no time.`, 'Give how long ago (10m, 1h) or a moment (2026-01-31T12:00:00Z).');
}

function createShow(output: Output, { timestamps }: LogsOptions, since: Date | null): (line: ShownLine) => void {
  const { resultColours: colours, json, isTable: isForPeople } = output;
  return (line) => {
    if (since !== null && new Date(line.at) < since) return;
    if (json) return output.result(jsonLine(null, line));
    const time = timestamps ? `${colours.dim(line.at)} ` : '';
    const phase = isForPeople && line.phase ? colours.dim(`${line.phase.toLowerCase()} │ `) : '';
    output.result(time + phase + lineText(line.message, { colours: colours.isColorSupported }));
  };
}
