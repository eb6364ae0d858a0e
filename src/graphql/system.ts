import type { Deployment as DeploymentRow } from '../generated/prisma/client.ts';
import { ROLES } from '../domain/process.ts';
import { requireViewer, visibleDeployments } from '../operations/authorize.ts';
import { readDatabaseState, readQueueState, type QueueState } from '../store/installation.ts';
import { listProcesses, type ListedProcess } from '../store/processes.ts';
import { VERSION } from '../version.ts';
import { createBatch } from './batch.ts';
import { builder, screaming } from './builder.ts';
import type { Context } from './context.ts';
import { Deployment } from './deployment.ts';

const ProcessRole = builder.enumType('ProcessRole', {
  description: 'What a process of Windlass does.',
  values: screaming(ROLES, {
    api: 'It answers GraphQL and REST.',
    worker: 'It takes deployments through their phases.',
    host: 'It runs the apps, and the gateway before them.',
  }),
});

const DatabaseKind = builder.enumType('DatabaseKind', {
  description: 'Where the rows are.',
  values: screaming(['embedded', 'postgresql'] as const, {
    embedded: 'In the one process that does everything.',
    postgresql: 'On a server.',
  }),
});

const EventBusKind = builder.enumType('EventBusKind', {
  description: 'How processes wake each other.',
  values: screaming(['memory', 'redis'] as const, {
    memory: 'Within a process alone; others look once a second.',
    redis: 'Over Redis.',
  }),
});

/** What each process is at, of what the viewer may see. */
const deploymentsOf = createBatch<Context, DeploymentRow[]>(async ({ prisma, viewer }, workerIds) => {
  const rows = await prisma.deployment.findMany({
    where: { AND: [visibleDeployments(viewer), { status: 'in_progress', workerId: { in: [...workerIds] } }] },
    orderBy: { id: 'asc' },
  });
  return new Map(workerIds.map((id) => [id, rows.filter(({ workerId }) => workerId === id)]));
});

const SystemProcess = builder.objectRef<ListedProcess>('SystemProcess').implement({
  description: 'A process of Windlass. One that ended in an orderly way is not there any more.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Starts with `prc_`. Events of take-overs name workers by it.' }),
    roles: t.field({
      type: [ProcessRole],
      description: 'What it does.',
      resolve: ({ roles }) => ROLES.filter((role) => roles.includes(role)),
    }),
    version: t.exposeString('version', { description: 'Its version of Windlass.' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'Since when it runs.' }),
    lastSeenAt: t.expose('seenAt', {
      type: 'DateTime',
      description: 'Its last sign of life. It gives one every three seconds.',
    }),
    isAlive: t.exposeBoolean('isAlive', {
      description:
        'Whether it gave a sign of life within the last ten seconds. What a dead worker was at is taken over by another one. An hour later the process is not told of any more.',
    }),
    isEventBusConnected: t.exposeBoolean('isBusConnected', {
      description: 'Whether it reached the event bus at its last sign of life.',
    }),
    slots: t.exposeInt('slots', {
      nullable: true,
      description: 'Of a worker: how many deployments it takes on at a time.',
    }),
    isSandboxed: t.exposeBoolean('isSandboxed', {
      nullable: true,
      description: 'Of a worker: whether it isolates builds and migrations from the machine.',
    }),
    deploymentCount: t.int({
      nullable: true,
      description: 'Of a worker: how many deployments it is at, those that you may not see among them.',
      resolve: ({ roles, deploymentCount }) => (roles.includes('worker') ? deploymentCount : null),
    }),
    deployments: t.field({
      type: [Deployment],
      description: 'Of a worker: the deployments that it is at, and that you may see.',
      resolve: async ({ id }, _args, context) => (await deploymentsOf.load(context, id)) ?? [],
    }),
    hostId: t.exposeID('hostId', {
      nullable: true,
      description: 'Of a host agent: the machine that it is for. Starts with `hst_`, and stays over restarts.',
    }),
    releaseCount: t.int({
      nullable: true,
      description: 'Of a host agent: how many releases run there, those that you may not see among them.',
      resolve: ({ hostId, releaseCount }) => (hostId === null ? null : releaseCount),
    }),
  }),
});

const SystemQueue = builder.objectRef<QueueState>('SystemQueue').implement({
  description: 'The open deployments of all organizations together.',
  fields: (t) => ({
    waiting: t.exposeInt('waiting', { description: 'How many wait for a worker.' }),
    inProgress: t.exposeInt('inProgress', { description: 'How many are in the hands of a worker.' }),
    oldestWaitingSince: t.expose('oldestWaitingSince', {
      type: 'DateTime',
      nullable: true,
      description: 'When the one that waits longest was triggered. Null when none waits.',
    }),
  }),
});

const SystemDatabase = builder.objectRef<{ version: string; latencyMs: number }>('SystemDatabase').implement({
  description: 'The database. While it does not answer, nothing does.',
  fields: (t) => ({
    kind: t.field({
      type: DatabaseKind,
      description: 'Where it is.',
      resolve: (_state, _args, { self }) => (self.hasEmbeddedDatabase ? 'embedded' : 'postgresql'),
    }),
    version: t.exposeString('version', { description: 'The version of PostgreSQL, such as `16.4`.' }),
    latencyMs: t.exposeFloat('latencyMs', { description: 'How many milliseconds its answer to this query took.' }),
  }),
});

const SystemEventBus = builder.objectRef<object>('SystemEventBus').implement({
  description: 'What processes wake each other with. Without it everything goes on, up to a second later.',
  fields: (t) => ({
    kind: t.field({ type: EventBusKind, description: 'What it is.', resolve: (_bus, _args, { bus }) => bus.kind }),
    isConnected: t.boolean({
      description: 'Whether the process that answers reaches it now.',
      resolve: (_bus, _args, { bus }) => bus.isConnected(),
    }),
  }),
});

const System = builder.objectRef<{ processes: ListedProcess[] }>('System').implement({
  description: 'How this installation is.',
  fields: (t) => ({
    version: t.string({
      description: 'The version of Windlass of the process that answers.',
      resolve: () => VERSION,
    }),
    startedAt: t.field({
      type: 'DateTime',
      description: 'Since when the process that answers runs.',
      resolve: (_system, _args, { self }) => self.startedAt,
    }),
    processId: t.id({
      description: 'The process that answers, among `processes`.',
      resolve: (_system, _args, { self }) => self.processId,
    }),
    processes: t.field({
      type: [SystemProcess],
      description: 'All processes that live, and those that died within the last hour. Who started first comes first.',
      resolve: ({ processes }) => processes,
    }),
    queue: t.field({
      type: SystemQueue,
      description: 'What there is to do.',
      resolve: (_system, _args, { prisma }) => readQueueState(prisma),
    }),
    database: t.field({
      type: SystemDatabase,
      description: 'The database.',
      resolve: (_system, _args, { prisma }) => readDatabaseState(prisma),
    }),
    eventBus: t.field({ type: SystemEventBus, description: 'The event bus.', resolve: () => ({}) }),
    areBuildsSandboxed: t.boolean({
      nullable: true,
      description: 'Whether all living workers isolate builds and migrations from the machine. Null without a worker.',
      resolve({ processes }) {
        const sandboxed = processes.flatMap(({ isAlive, isSandboxed }) => (isAlive ? (isSandboxed ?? []) : []));
        return sandboxed.length === 0 ? null : sandboxed.every(Boolean);
      },
    }),
  }),
});

builder.queryField('system', (t) =>
  t.field({
    type: System,
    description:
      'How this installation is: its processes, queue, database and event bus. Anyone signed in sees states and counts; deployments only who may see them.',
    resolve: async (_root, _args, { prisma, viewer }) => {
      requireViewer(viewer);
      return { processes: await listProcesses(prisma) };
    },
  }),
);
