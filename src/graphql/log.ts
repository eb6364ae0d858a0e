import { LOG_LEVELS, LOG_STREAMS } from '../domain/deployment.ts';
import { followLogs, type LogEvent } from '../events/follow.ts';
import { loadVisibleDeployment, requireViewer } from '../operations/authorize.ts';
import { findLogMatches, readLogSections, type LogMatches, type LogSection } from '../store/log-outline.ts';
import { countLogLines, readLogLines } from '../store/logs.ts';
import { builder, screaming } from './builder.ts';
import { Deployment, DeploymentStatus, PhaseName } from './deployment.ts';
import { connectNumbered, parseSeq } from './keyset.ts';

export const LogStream = builder.enumType('LogStream', {
  description: 'Where a line comes from.',
  values: screaming(LOG_STREAMS, {
    stdout: 'The standard output of a command.',
    stderr: 'The standard error of a command.',
    system: 'Windlass itself.',
  }),
});

const LogLevel = builder.enumType('LogLevel', {
  description: 'How urgent a line is, from the least to the most.',
  values: screaming(LOG_LEVELS, {
    debug: 'Details.',
    info: 'What goes on.',
    warn: 'Worth a look.',
    error: 'What went wrong.',
  }),
});

const LogLine = builder.prismaObject('LogLine', {
  fields: (t) => ({
    seq: t.exposeInt('seq'),
    at: t.expose('at', { type: 'DateTime', description: 'When it was written.' }),
    phase: t.expose('phase', { type: PhaseName, nullable: true, description: 'In which phase.' }),
    attempt: t.exposeInt('attempt', { description: 'In which attempt of the phase.' }),
    stream: t.expose('stream', { type: LogStream, description: 'Where it comes from.' }),
    level: t.expose('level', { type: LogLevel, description: 'How urgent it is.' }),
    message: t.exposeString('message', { description: 'The line, without its end. May hold ANSI colours.' }),
    truncated: t.exposeBoolean('truncated'),
  }),
});

const DeploymentLogFilter = builder.inputType('DeploymentLogFilter', {
  description: 'Which lines. All conditions must hold.',
  fields: (t) => ({
    phases: t.field({ type: [PhaseName], description: 'Only those of these phases.' }),
    streams: t.field({ type: [LogStream], description: 'Only those of these streams.' }),
    minLevel: t.field({ type: LogLevel, description: 'Only those at least this urgent.' }),
    contains: t.string({ description: 'Only those that hold this text, exactly.' }),
  }),
});

type Batch = Extract<LogEvent, { kind: 'batch' }>;
type End = Extract<LogEvent, { kind: 'end' }>;

const DeploymentLogBatch = builder.objectRef<Batch>('DeploymentLogBatch').implement({
  description: 'Some lines, in order.',
  fields: (t) => ({
    lines: t.field({ type: [LogLine], description: 'At most 100 lines.', resolve: ({ lines }) => [...lines] }),
    cursor: t.string({
      description: 'Pass it as `after` to go on here. It counts lines that the filter dropped, too.',
      resolve: ({ cursor }) => String(cursor),
    }),
    history: t.exposeBoolean('history', { description: 'Whether the lines were stored before you came.' }),
  }),
});

const DeploymentLogEnd = builder.objectRef<End>('DeploymentLogEnd').implement({
  description: 'The deployment has ended, and every line of it was sent. A stream that closes without this has broken.',
  fields: (t) => ({
    status: t.expose('status', { type: DeploymentStatus, description: 'How it ended.' }),
    cursor: t.string({ description: 'The last line.', resolve: ({ cursor }) => String(cursor) }),
    lineCount: t.exposeInt('lineCount', { description: 'How many lines the deployment has, without any filter.' }),
  }),
});

const DeploymentLogEvent = builder.unionType('DeploymentLogEvent', {
  description: 'Lines, or the end of them.',
  types: [DeploymentLogBatch, DeploymentLogEnd],
  resolveType: (event) => (event.kind === 'batch' ? 'DeploymentLogBatch' : 'DeploymentLogEnd'),
});

export const LOG_SIZES = { size: 100, max: 1_000 };

builder.objectField(Deployment, 'logs', (t) =>
  t.connection(
    {
      type: LogLine,
      description: 'Its stored log lines, oldest first; up to 1,000 at a time.',
      args: { filter: t.arg({ type: DeploymentLogFilter, description: 'Which lines.' }) },
      resolve: ({ id }, { filter, ...args }, { prisma }) =>
        connectNumbered(args, LOG_SIZES, {
          find: (range) => readLogLines(prisma, id, range, filter ?? {}),
          count: () => countLogLines(prisma, id, filter ?? {}),
        }),
    },
    { name: 'LogLineConnection' },
    { name: 'LogLineEdge' },
  ),
);

const LogSectionType = builder.objectRef<LogSection>('LogSection').implement({
  description: 'The lines of one attempt of a phase, which follow each other.',
  fields: (t) => ({
    phase: t.expose('phase', { type: PhaseName, nullable: true, description: 'In which phase.' }),
    attempt: t.exposeInt('attempt', { description: 'In which attempt of the phase.' }),
    firstSeq: t.exposeInt('firstSeq', { description: 'Its first line.' }),
    lastSeq: t.exposeInt('lastSeq', { description: 'Its last line until now.' }),
  }),
});

const LogMatchesType = builder.objectRef<LogMatches>('LogMatches').implement({
  description: 'Which lines a filter lets pass, in a part of the log.',
  fields: (t) => ({
    seqs: t.field({
      type: ['Int'],
      description: 'The numbers of the lines that match, in order; at most 10,000.',
      resolve: ({ seqs }) => [...seqs],
    }),
    cursor: t.string({
      description: 'The last line that was looked at. Pass it as `after` to go on here.',
      resolve: ({ cursor }) => String(cursor),
    }),
    hasMore: t.exposeBoolean('hasMore', { description: 'Whether the log has lines after it.' }),
  }),
});

builder.objectFields(Deployment, (t) => ({
  logSections: t.field({
    type: [LogSectionType],
    description: 'Where in its log each attempt of a phase begins and ends, in order.',
    resolve: ({ id }, _args, { prisma }) => readLogSections(prisma, id),
  }),
  logMatches: t.field({
    type: LogMatchesType,
    description:
      'The numbers of the lines that a filter lets pass, without the lines: for a view that reads them when they are looked at. Each call looks through a part of the log.',
    args: {
      filter: t.arg({ type: DeploymentLogFilter, required: true, description: 'Which lines.' }),
      after: t.arg.string({ description: 'Only what comes after this cursor.' }),
    },
    resolve: ({ id }, { filter, after }, { prisma }) => findLogMatches(prisma, id, filter, parseSeq(after)),
  }),
}));

builder.subscriptionField('deploymentLogs', (t) =>
  t.field({
    type: DeploymentLogEvent,
    description: 'Every line after a cursor: the stored ones, then the new ones as they come, then an explicit end.',
    args: {
      deploymentId: t.arg.id({ required: true, description: 'The deployment.' }),
      after: t.arg.string({ description: 'Only lines after this cursor. Default: all.' }),
      filter: t.arg({ type: DeploymentLogFilter, description: 'Which lines.' }),
    },
    subscribe: async (_root, { deploymentId, after, filter }, context) => {
      const cursor = parseSeq(after) ?? 0;
      await loadVisibleDeployment(context.prisma, requireViewer(context.viewer), deploymentId);
      return followLogs(context, deploymentId, {
        after: cursor,
        filter: filter ?? undefined,
        deliver: context.deliver,
      });
    },
    resolve: (event) => event,
  }),
);
