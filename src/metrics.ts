import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/**
 * What this process counts. A label has one of a few values that are known beforehand: no id, no name, and no text of a
 * caller is ever one. docs/operations.md has a table of all series; a test keeps the two equal.
 */
export const registry = new Registry();

const registers = [registry];
const QUICK_SECONDS = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const LONG_SECONDS = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800];

export const metrics = {
  info: new Gauge({ name: 'windlass_info', help: 'Always 1.', labelNames: ['version'], registers }),

  httpRequests: new Counter({
    name: 'windlass_http_requests_total',
    help: 'Answers of the API.',
    labelNames: ['route', 'status'],
    registers,
  }),
  httpSeconds: new Histogram({
    name: 'windlass_http_request_duration_seconds',
    help: 'How long answers of the API took, streams aside.',
    labelNames: ['route'],
    buckets: QUICK_SECONDS,
    registers,
  }),
  operations: new Counter({
    name: 'windlass_graphql_operations_total',
    help: 'GraphQL operations that were run, those behind REST calls too.',
    labelNames: ['type'],
    registers,
  }),
  refusals: new Counter({
    name: 'windlass_refusals_total',
    help: 'What was refused, over whatever transport.',
    labelNames: ['code'],
    registers,
  }),
  subscriptions: new Gauge({
    name: 'windlass_subscriptions_open',
    help: 'Streams that are open now, over whatever transport.',
    registers,
  }),
  webSockets: new Gauge({ name: 'windlass_websockets_open', help: 'WebSockets that are open now.', registers }),
  streamMessages: new Counter({
    name: 'windlass_stream_messages_total',
    help: 'Messages that streams gave to their readers.',
    registers,
  }),
  stalled: new Counter({
    name: 'windlass_stalled_connections_total',
    help: 'Connections that were dropped because their readers took nothing.',
    labelNames: ['transport'],
    registers,
  }),

  deploymentsEnded: new Counter({
    name: 'windlass_deployments_ended_total',
    help: 'Deployments that this worker brought to their end.',
    labelNames: ['status'],
    registers,
  }),
  phaseSeconds: new Histogram({
    name: 'windlass_phase_duration_seconds',
    help: 'How long phases ran, however they ended. Skipped ones are not among them.',
    labelNames: ['phase'],
    buckets: LONG_SECONDS,
    registers,
  }),
  cancellations: new Counter({
    name: 'windlass_cancellations_total',
    help: 'Cancellations: of what waited (cancelled), and asked of a worker (requested).',
    labelNames: ['outcome'],
    registers,
  }),
  takeOvers: new Counter({
    name: 'windlass_take_overs_total',
    help: 'Deployments that this worker went on with after another one, or after an outage.',
    registers,
  }),
  logLines: new Counter({
    name: 'windlass_log_lines_total',
    help: 'Lines of the logs of deployments that were stored.',
    registers,
  }),

  queueDeployments: new Gauge({
    name: 'windlass_queue_deployments',
    help: 'Open deployments of the whole installation.',
    labelNames: ['status'],
    registers,
  }),
  queueWaitSeconds: new Gauge({
    name: 'windlass_queue_oldest_wait_seconds',
    help: 'For how long the oldest waiting deployment has waited; 0 when none waits.',
    registers,
  }),
  databaseUp: new Gauge({
    name: 'windlass_database_up',
    help: 'Whether the database answered when the metrics were read.',
    registers,
  }),
  databaseConnections: new Gauge({
    name: 'windlass_database_connections',
    help: 'Connections of the pool of this process: used, idle, and what waits for one.',
    labelNames: ['state'],
    registers,
  }),
  busConnected: new Gauge({
    name: 'windlass_event_bus_up',
    help: 'Whether this process reaches the event bus.',
    registers,
  }),
} as const;
