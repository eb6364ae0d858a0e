import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import WebSocket from 'ws';
import { ERROR_STATUS } from '../../src/domain/errors.ts';
import { registry } from '../../src/metrics.ts';
import { createServerDatabase, SERVER_URL } from '../kit/database.ts';
import { createFolder } from '../kit/folder.ts';
import { graphql } from '../kit/graphql.ts';
import { send, startPlane } from '../kit/plane.ts';
import { startWindlass } from '../kit/process.ts';
import {
  appFiles,
  createApp,
  createOwner,
  deployFiles,
  pushVersion,
  trigger as triggerDeployment,
} from '../kit/seed.ts';
import { until } from '../kit/until.ts';

const CANARY = 'canary-71c4';

/** The samples of a scrape: each series with its labels, and its value. */
async function scrape(url: string): Promise<Map<string, number>> {
  const { status, body } = await send('GET', url, {});
  expect(status).toBe(200);
  const samples = body.split('\n').flatMap((line) => /^(windlass_.*) (\S+)$/.exec(line)?.slice(1, 3) ?? []);
  const pairs = Array.from({ length: samples.length / 2 }, (_, i) => [samples[2 * i]!, Number(samples[2 * i + 1])]);
  return new Map(pairs as [string, number][]);
}

test('requests, refusals and deployments are counted, by labels that nobody outside chooses', async () => {
  await using plane = await startPlane({ workers: 1 });
  const owner = await createOwner(plane);
  const app = await createApp(owner);
  const before = await scrape(plane.app.metricsUrl!);

  await deployFiles(plane, owner, app, appFiles('one'));
  await deployFiles(plane, owner, app, appFiles('two', { build: 'echo no; exit 3' }), 'failed');
  await plane.rest('GET', `/api/deploys/dep_${CANARY}`, { token: owner.token });
  await plane.rest('GET', `/${CANARY}`, { token: owner.token });
  await graphql(plane, owner.token, `{ ${CANARY.replace('-', '_')} }`);
  await graphql(plane, CANARY, '{ viewer { user { id } } }');
  const after = await scrape(plane.app.metricsUrl!);

  const grown = (name: string) => (after.get(name) ?? 0) - (before.get(name) ?? 0);
  expect(grown('windlass_deployments_ended_total{status="completed"}')).toBe(1);
  expect(grown('windlass_deployments_ended_total{status="failed"}')).toBe(1);
  expect(grown('windlass_phase_duration_seconds_count{phase="build"}')).toBe(1);
  expect(grown('windlass_http_requests_total{route="/api/deploys/{id}",status="404"}')).toBe(1);
  expect(grown('windlass_http_requests_total{route="other",status="404"}')).toBe(1);
  expect(grown('windlass_refusals_total{code="NOT_FOUND"}')).toBe(2);
  expect(grown('windlass_refusals_total{code="GRAPHQL_VALIDATION_FAILED"}')).toBe(1);
  expect(grown('windlass_refusals_total{code="UNAUTHENTICATED"}')).toBe(1);
  expect(grown('windlass_graphql_operations_total{type="mutation"}')).toBe(6);
  expect(grown('windlass_log_lines_total')).toBeGreaterThan(10);
  expect(after.get('windlass_queue_deployments{status="pending"}')).toBe(0);
  expect(after.get('windlass_database_up')).toBe(1);
  const text = [...after.keys()].join('\n');
  expect(text).not.toContain('canary');
  expect(text).not.toMatch(/\b(org|usr|app|dep|ent|ver|prc|hst)_[0-9a-z]{26}/);
  expect(text).not.toContain(app.subdomain);
  const codes = [...text.matchAll(/code="(\w+)"/g)].map(([, code]) => code!);
  expect(codes.filter((code) => !(code in ERROR_STATUS))).toEqual([]);
});

test('a cancellation is counted once, however often it is asked for, and so is what a newer deployment takes the place of', async () => {
  await using plane = await startPlane({ roles: ['api'] });
  const owner = await createOwner(plane);
  const app = await createApp(owner);
  await pushVersion(owner, app.entityId, appFiles('one'));
  const TRIGGER = `mutation ($input: TriggerDeploymentInput!) { triggerDeployment(input: $input) { deployment { id } } }`;
  const cancel = `mutation ($input: CancelDeploymentInput!) { cancelDeployment(input: $input) { deployment { id } } }`;
  const triggered = async (overlap: string): Promise<string> => {
    const input = { productionAppId: app.productionAppId, overlap };
    return (await graphql(plane, owner.token, TRIGGER, { input })).data.triggerDeployment.deployment.id;
  };
  const before = await scrape(plane.app.metricsUrl!);

  const deploymentId = await triggered('QUEUE');
  for (let i = 0; i < 3; i += 1) await graphql(plane, owner.token, cancel, { input: { deploymentId } });
  await triggered('QUEUE');
  await triggered('QUEUE_LATEST');
  const after = await scrape(plane.app.metricsUrl!);

  const name = 'windlass_cancellations_total{outcome="cancelled"}';
  expect((after.get(name) ?? 0) - (before.get(name) ?? 0)).toBe(2);
});

test.each(['WebSocket', 'server-sent events', 'one of several streams', 'REST'])(
  'a stream over %s that ends with a refusal counts it once',
  async (transport) => {
    await using plane = await startPlane({ roles: ['api'] });
    const owner = await createOwner(plane);
    const app = await createApp(owner);
    await pushVersion(owner, app.entityId, appFiles('one'));
    const deploymentId = await triggerDeployment(owner, app.productionAppId);
    const query = 'subscription { deploymentsChanged { id } }';
    const authorization = `Bearer ${owner.token}`;
    const overFetch = async (path: string, init: RequestInit = {}) => {
      const headers = { authorization, accept: 'text/event-stream', 'content-type': 'application/json' };
      const answer = await fetch(`${plane.url}${path}`, { headers, ...init });
      return answer.text().catch(() => 'broken off');
    };
    const post = { method: 'POST', body: JSON.stringify({ query }) };
    const overWebSocket = async () => {
      const socket = new WebSocket(`${plane.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
      socket.once('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization } })));
      socket.once('message', () => socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } })));
      return once(socket, 'close');
    };
    const open: Record<string, () => Promise<unknown>> = {
      WebSocket: overWebSocket,
      'server-sent events': () => overFetch('/graphql', post),
      'one of several streams': () => overFetch('/graphql/stream', post),
      REST: () => overFetch(`/api/deploys/${deploymentId}/logs?follow=true`),
    };
    const refused = async () =>
      (await scrape(plane.app.metricsUrl!)).get('windlass_refusals_total{code="UNAUTHENTICATED"}') ?? 0;
    const before = await refused();
    const ended = open[transport]!();
    await until('it is open', async () => (await scrape(plane.app.metricsUrl!)).get('windlass_subscriptions_open'));

    await plane.app.database.prisma.apiToken.updateMany({
      where: { userId: owner.userId },
      data: { revokedAt: new Date() },
    });
    await ended;

    await until('it is counted', async () => (await refused()) > before);
    expect(await refused()).toBe(before + 1);
  },
);

test('the port of the API has no metrics, and that of the metrics nothing else', async () => {
  await using plane = await startPlane({ roles: ['api'] });

  expect((await plane.rest('GET', '/metrics')).status).toBe(404);
  expect((await send('GET', plane.app.metricsUrl!.replace('/metrics', '/graphql'), {})).status).toBe(404);
  expect((await send('POST', plane.app.metricsUrl!, {})).status).toBe(404);
});

test('docs/operations.md lists every series and no other', () => {
  const documented = readFileSync('docs/operations.md', 'utf8').match(/(?<=^\| `)windlass_\w+/gm) ?? [];

  const series = registry.getMetricsAsArray().map(({ name }) => name);
  const ours = series.filter((name) => name.startsWith('windlass_'));
  expect(documented.toSorted()).toEqual(ours.toSorted());
});

test.runIf(SERVER_URL).each(['api', 'worker', 'host'])(
  'a process that is only %s has metrics where it is told to, and none otherwise',
  { timeout: 120_000 },
  async (role) => {
    await using database = await createServerDatabase();
    using folder = createFolder();
    const env = { DATABASE_URL: database.url, WINDLASS_DATA_DIR: folder.path };
    await using silent = startWindlass([role], env);
    await silent.untilOutput(/Windlass runs/);
    await silent[Symbol.asyncDispose]();

    await using started = startWindlass([role], { ...env, WINDLASS_METRICS: '127.0.0.1:0' });
    const [, url] = await started.untilOutput(/Metrics\s+(http:\S+)/);

    expect((await scrape(url!)).get('windlass_event_bus_up')).toBe(1);
    expect((await send('GET', url!, {})).body).toMatch(/^process_cpu_seconds_total \d/m);
    expect(silent.output()).not.toMatch(/Metrics/);
  },
);
