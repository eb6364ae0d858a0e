import { followRuntimeLogs, type RuntimeLogEvent as Event } from '../events/follow-runtime.ts';
import { loadVisibleApp, requireViewer, visibleDeployments } from '../operations/authorize.ts';
import type { RuntimeLine } from '../store/runtime-logs.ts';
import { builder } from './builder.ts';
import { Deployment } from './deployment.ts';
import { connectNumbered, parseSeq } from './keyset.ts';
import { LOG_SIZES, LogStream } from './log.ts';
import { ProductionApp } from './production-app.ts';

const RuntimeLogLine = builder.objectRef<RuntimeLine>('RuntimeLogLine').implement({
  description: 'One line that a running app printed, or that Windlass says about it.',
  fields: (t) => ({
    seq: t.exposeInt('seq', { description: '1, 2, 3 … per production app, without gaps.' }),
    at: t.expose('at', { type: 'DateTime', description: 'When it was read.' }),
    deploymentId: t.exposeID('deploymentId', { description: 'Of which deployment the release is that printed it.' }),
    deployment: t.prismaField({
      type: Deployment,
      description: 'The deployment whose release printed it.',
      resolve: (query, { deploymentId }, _args, { prisma, viewer }) =>
        prisma.deployment.findUniqueOrThrow({ ...query, where: { id: deploymentId, ...visibleDeployments(viewer) } }),
    }),
    stream: t.expose('stream', { type: LogStream, description: 'Where it comes from.' }),
    message: t.exposeString('message', { description: 'The line, without its end. May hold ANSI colours.' }),
    truncated: t.exposeBoolean('truncated', {
      description: 'The line was longer than 16 KiB and its end was cut off.',
    }),
  }),
});

const RuntimeLogFilter = builder.inputType('RuntimeLogFilter', {
  description: 'Which lines. All conditions must hold.',
  fields: (t) => ({
    deploymentId: t.id({ description: 'Only those of the release of this deployment.' }),
    streams: t.field({ type: [LogStream], description: 'Only those of these streams.' }),
    contains: t.string({ description: 'Only those that hold this text, exactly.' }),
  }),
});

type Batch = Extract<Event, { kind: 'batch' }>;
type End = Extract<Event, { kind: 'end' }>;

const RuntimeLogBatch = builder.objectRef<Batch>('RuntimeLogBatch').implement({
  description: 'Some lines, in order.',
  fields: (t) => ({
    lines: t.field({ type: [RuntimeLogLine], description: 'At most 100 lines.', resolve: ({ lines }) => [...lines] }),
    cursor: t.string({
      description: 'Pass it as `after` to go on here. It counts lines that the filter dropped, too.',
      resolve: ({ cursor }) => String(cursor),
    }),
    history: t.exposeBoolean('history', { description: 'Whether the lines were stored before you came.' }),
    dropped: t.exposeInt('dropped', {
      description:
        'How many lines between the cursor before and these are not kept any more. Always 0 for who keeps up.',
    }),
  }),
});

const RuntimeLogEnd = builder.objectRef<End>('RuntimeLogEnd').implement({
  description: 'The app was deleted. A stream that closes without this has broken.',
  fields: (t) => ({
    cursor: t.string({ description: 'The last line.', resolve: ({ cursor }) => String(cursor) }),
  }),
});

const RuntimeLogEvent = builder.unionType('RuntimeLogEvent', {
  description: 'Lines of a running app, or the end of them.',
  types: [RuntimeLogBatch, RuntimeLogEnd],
  resolveType: (event) => (event.kind === 'batch' ? 'RuntimeLogBatch' : 'RuntimeLogEnd'),
});

builder.objectField(ProductionApp, 'runtimeLogs', (t) =>
  t.connection(
    {
      type: RuntimeLogLine,
      description:
        'What its releases print, oldest first, as far as it is kept; up to 1,000 lines at a time. A page that begins after lines that are not kept any more begins with the first that is.',
      args: { filter: t.arg({ type: RuntimeLogFilter, description: 'Which lines.' }) },
      resolve: ({ id }, { filter, ...args }, { runtimeLogs }) =>
        connectNumbered(args, LOG_SIZES, {
          find: (range) => runtimeLogs.read(id, range, filter ?? {}),
          count: async () => (await runtimeLogs.read(id, { limit: Infinity }, filter ?? {})).length,
        }),
    },
    { name: 'RuntimeLogLineConnection' },
    { name: 'RuntimeLogLineEdge' },
  ),
);

builder.subscriptionField('runtimeLogs', (t) =>
  t.field({
    type: RuntimeLogEvent,
    description:
      'Every line that the releases of an app print after a cursor: the stored ones, then the new ones as they come, over all deployments. It ends when the app is deleted.',
    args: {
      productionAppId: t.arg.id({ required: true, description: 'The production app.' }),
      after: t.arg.string({ description: 'Only lines after this cursor. Default: all that are kept.' }),
      filter: t.arg({ type: RuntimeLogFilter, description: 'Which lines.' }),
    },
    subscribe: async (_root, { productionAppId, after, filter }, context) => {
      const cursor = parseSeq(after) ?? 0;
      await loadVisibleApp(context.prisma, requireViewer(context.viewer), productionAppId);
      return followRuntimeLogs(context, productionAppId, { after: cursor, filter: filter ?? undefined });
    },
    resolve: (event) => event,
  }),
);
