import { z } from 'zod';
import { LOG_LEVELS, LOG_STREAMS, PHASES } from '../domain/deployment.ts';
import { notFound } from '../domain/errors.ts';
import { mapStream } from '../events/leavable.ts';
import {
  RestFollowLogsDocument,
  RestLogsDocument,
  type DeploymentLogFilter,
  type RestFollowLogsSubscription,
  type RestLogLineFragment,
} from '../generated/gql/graphql.ts';
import { parseInput } from '../operations/input.ts';
import type { RestAnswer, Route, RunDocument } from './route.ts';

const LINES_PER_READ = 1_000;

const oneOf = <const T extends readonly string[]>(values: T) =>
  z
    .array(z.enum(values, { error: `must be one of ${values.join(', ')}` }))
    .max(100)
    .describe('May be repeated: those in one of them.');
const flag = z.enum(['true', 'false'], { error: 'must be true or false' }).default('false');
const logsQuery = z.object({
  after: z.string().optional().describe('Only lines after this `seq`.'),
  phase: oneOf(PHASES),
  stream: oneOf(LOG_STREAMS),
  minLevel: z.enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(', ')}` }).optional(),
  contains: z.string().optional().describe('Only lines with this text in them.'),
  follow: flag.describe('Whether to wait for what comes, until the deployment ends.'),
  timestamps: flag.describe('Whether each line of a text begins with its time.'),
});
type LogsQuery = z.output<typeof logsQuery>;

type LogEvent = RestFollowLogsSubscription['deploymentLogs'];
type LogEnd = Extract<LogEvent, { __typename: 'DeploymentLogEnd' }>;

/** How lines and their end look in one of the media types. */
interface LogFormat {
  readonly contentType: string;
  line(line: RestLogLineFragment): string;
  /** Where the lines have got to, when the last ones were left out by the filter. */
  readonly cursor?: (cursor: string) => string;
  end(end: LogEnd): string;
}

const plainText = (timestamps: boolean): LogFormat => ({
  contentType: 'text/plain; charset=utf-8',
  line: ({ at, message }) => (timestamps ? `${at} ${message}\n` : `${message}\n`),
  end: () => '',
});

const ndjson: LogFormat = {
  contentType: 'application/x-ndjson; charset=utf-8',
  line: (line) => `${JSON.stringify(restLine(line))}\n`,
  end: (end) => `${JSON.stringify({ end: restEnd(end) })}\n`,
};

/** What an `EventSource` sends again after the end: it is told to stay away then. */
const END_ID = /^\d+-end$/;

const eventStream: LogFormat = {
  contentType: 'text/event-stream; charset=utf-8',
  line: (line) => `id: ${line.seq}\ndata: ${JSON.stringify(restLine(line))}\n\n`,
  cursor: (cursor) => `id: ${cursor}\n\n`,
  end: (end) => `id: ${end.cursor}-end\nevent: end\ndata: ${JSON.stringify(restEnd(end))}\n\n`,
};

/** A deployment's log as a text, as lines of JSON, or as an event stream; what is stored, or until its end. */
export const LOG_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/deploys/{id}/logs',
    about: {
      id: 'getDeploymentLogs',
      tag: 'Deployments',
      summary: 'The log of a deployment: as a text, as lines of JSON, or as an event stream.',
      description:
        '`Accept` chooses. An event stream goes on until the deployment ends; the others do with `follow=true`.',
      query: logsQuery,
      isStream: true,
      answers: {
        200: {
          description: 'The lines, as they are or as they come.',
          media: ['text/plain', 'application/x-ndjson', 'text/event-stream'],
        },
        204: { description: 'Nothing comes any more: an event stream was read to its end.' },
      },
      refusals: ['NOT_FOUND'],
    },
    async handle(run, { params, query, headers }, follow) {
      const given = parseInput(logsQuery, {
        ...Object.fromEntries(query),
        phase: query.getAll('phase'),
        stream: query.getAll('stream'),
      });
      const id = params['id']!;
      const filter = filterOf(given);
      const format = formatFor(headers.accept, given.timestamps === 'true');
      if (format !== eventStream && given.follow === 'false') {
        return streamed(format, await storedLines(run, { id, after: given.after, filter }, format));
      }
      if (format === eventStream && END_ID.test(headers.lastEventId ?? '')) return NOTHING_MORE;
      const after = (format === eventStream ? headers.lastEventId : null) ?? given.after;
      const events = await follow(RestFollowLogsDocument, { id, after, filter });
      const chunks = mapStream(events, ({ deploymentLogs }) => textOf(deploymentLogs, format));
      return { ...streamed(format, chunks), ...(format === eventStream ? { keepAlive: ': still here\n\n' } : {}) };
    },
  },
];

/** Ends an `EventSource` for good. */
const NOTHING_MORE: RestAnswer = { status: 204, body: undefined };

function streamed({ contentType }: LogFormat, chunks: AsyncGenerator<string, void, void>) {
  // Proxies that buffer would hold lines back.
  const headers = { 'content-type': contentType, 'cache-control': 'no-store', 'x-accel-buffering': 'no' };
  return { status: 200 as const, headers, chunks };
}

function formatFor(accept: string | null, timestamps: boolean): LogFormat {
  if (/\btext\/event-stream\b/.test(accept ?? '')) return eventStream;
  return /\bapplication\/x-ndjson\b/.test(accept ?? '') ? ndjson : plainText(timestamps);
}

const capitals = <T extends string>(value: T) => value.toUpperCase() as Uppercase<T>;

function filterOf({ phase, stream, minLevel, contains }: LogsQuery): DeploymentLogFilter {
  return {
    phases: phase.length > 0 ? phase.map(capitals) : undefined,
    streams: stream.length > 0 ? stream.map(capitals) : undefined,
    minLevel: minLevel && capitals(minLevel),
    contains,
  };
}

/** The first page is read before anything is answered, so that a refusal has its status. */
async function storedLines(
  run: RunDocument,
  { id, after, filter }: { id: string; after?: string; filter: DeploymentLogFilter },
  { line }: LogFormat,
): Promise<AsyncGenerator<string, void, void>> {
  const read = async (cursor: string | null | undefined) => {
    const { deployment } = await run(RestLogsDocument, { id, after: cursor, first: LINES_PER_READ, filter });
    if (!deployment) throw notFound('deployment');
    return deployment.logs;
  };
  const first = await read(after);
  return (async function* () {
    for (let page = first; ; page = await read(page.pageInfo.endCursor)) {
      yield page.nodes.map(line).join('');
      if (!page.pageInfo.hasNextPage) return;
    }
  })();
}

function textOf(event: LogEvent, format: LogFormat): string {
  if (event.__typename === 'DeploymentLogEnd') return format.end(event);
  const isCut = Number(event.cursor) > (event.lines.at(-1)?.seq ?? 0);
  return event.lines.map(format.line).join('') + (isCut ? (format.cursor?.(event.cursor) ?? '') : '');
}

export function restLine({ seq, at, phase, stream, level, message }: RestLogLineFragment) {
  const words = { phase: phase?.toLowerCase() ?? null, stream: stream.toLowerCase(), level: level.toLowerCase() };
  return { seq, at, ...words, message };
}

function restEnd({ status, cursor, lineCount }: LogEnd) {
  return { status: status.toLowerCase(), cursor, lineCount };
}
