import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createGate, type Gate } from '../kit/gate.ts';
import { graphql } from '../kit/graphql.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import {
  appFiles,
  createApp,
  createOwner,
  pushVersion,
  untilPhase,
  untilStatus,
  type Member,
  type SeededApp,
} from '../kit/seed.ts';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane({ workers: 3 });
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

const ask = (query: string, variables: Record<string, unknown> = {}) => graphql(plane, owner.token, query, variables);
const TRIGGER = `mutation ($input: TriggerDeploymentInput!) {
  triggerDeployment(input: $input) { deployment { id number } replayed }
}`;
const trigger = (app: SeededApp, more: Record<string, unknown> = {}) =>
  ask(TRIGGER, { input: { productionAppId: app.productionAppId, ...more } });
async function triggered(app: SeededApp, more: Record<string, unknown> = {}): Promise<string> {
  const { data, messages } = await trigger(app, more);
  expect(messages).toEqual([]);
  return data.triggerDeployment.deployment.id;
}
async function setPolicy({ productionAppId }: SeededApp, overlap: string): Promise<void> {
  const mutation = `mutation ($input: UpdateProductionAppInput!) {
    updateProductionApp(input: $input) { productionApp { overlap } }
  }`;
  const { data } = await ask(mutation, { input: { id: productionAppId, overlap } });
  expect(data.updateProductionApp.productionApp.overlap).toBe(overlap);
}

/** An app with one deployment that runs until the gate is opened, and more that wait behind it. */
async function busyApp(gate: Gate, waiting: number): Promise<{ app: SeededApp; running: string; pending: string[] }> {
  const app = await createApp(owner);
  await pushVersion(owner, app.entityId, appFiles('one', { build: gate.command }));
  const running = await triggered(app);
  await untilPhase(plane, running, 'build');
  const pending = [];
  for (let i = 0; i < waiting; i += 1) pending.push(await triggered(app, { overlap: 'QUEUE' }));
  return { app, running, pending };
}

async function shown(ids: readonly string[]) {
  const query = `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Deployment {
    number status queuePosition errorMessage supersededBy { number }
    cancellation { reason requestedBy { name } }
    events(last: 1) { nodes { status message } }
  } } }`;
  return (await ask(query, { ids })).data.nodes;
}

test('by default deployments wait for each other, and each knows its place', async () => {
  using gate = createGate();
  const { app, running, pending } = await busyApp(gate, 3);

  const positions = (await shown([running, ...pending])).map((one: { queuePosition: number }) => one.queuePosition);

  expect(positions).toEqual([null, 1, 2, 3]);
  gate.open();
  await untilStatus(plane, pending[2]!, 'completed');
  const all = await plane.app.database.prisma.deployment.findMany({
    where: { productionAppId: app.productionAppId },
    orderBy: { startedAt: 'asc' },
  });
  expect(all.map(({ number, status }) => [number, status])).toEqual([1, 2, 3, 4].map((n) => [n, 'completed']));
});

test('with QUEUE_LATEST the newest takes the place of those that wait, which say so, and the running one goes on', async () => {
  using gate = createGate();
  const { app, running, pending } = await busyApp(gate, 2);
  await setPolicy(app, 'QUEUE_LATEST');

  const newest = await triggered(app);

  const [first, ...others] = await shown([running, ...pending, newest]);
  expect(first).toMatchObject({ status: 'IN_PROGRESS', supersededBy: null, cancellation: null });
  for (const superseded of others.slice(0, 2)) {
    expect(superseded).toEqual({
      number: superseded.number,
      status: 'CANCELLED',
      queuePosition: null,
      errorMessage: 'Superseded by deployment 4 before it started.',
      supersededBy: { number: 4 },
      cancellation: { reason: 'Superseded by deployment 4.', requestedBy: { name: 'Ada' } },
      events: { nodes: [{ status: 'CANCELLED', message: 'Superseded by deployment 4 before it started.' }] },
    });
  }
  expect(others[2]).toMatchObject({ status: 'PENDING', queuePosition: 1 });
  gate.open();
  await untilStatus(plane, running, 'completed');
  await untilStatus(plane, newest, 'completed');
});

test('with CANCEL_RUNNING the running one is stopped too, and says by whom it was superseded', async () => {
  using gate = createGate();
  const { app, running, pending } = await busyApp(gate, 1);

  const newest = await triggered(app, { overlap: 'CANCEL_RUNNING' });

  await untilStatus(plane, running, 'cancelled');
  const [stopped, waited] = await shown([running, ...pending]);
  expect(stopped).toMatchObject({
    status: 'CANCELLED',
    errorMessage: 'Cancelled by Ada: Superseded by deployment 3.',
    supersededBy: { number: 3 },
  });
  expect(waited).toMatchObject({ status: 'CANCELLED', supersededBy: { number: 3 } });
  gate.open();
  await untilStatus(plane, newest, 'completed');
});

test('with REJECT a deployment is refused while another is open, naming that one, and leaves no gap', async () => {
  using gate = createGate();
  const { app, running } = await busyApp(gate, 0);
  await setPolicy(app, 'REJECT');

  const refused = await trigger(app);
  const overRest = await plane.rest('POST', '/api/deploy', {
    token: owner.token,
    body: { productionAppId: app.productionAppId, overlap: 'reject' },
  });
  gate.open();
  await untilStatus(plane, running, 'completed');

  expect(refused.codes).toEqual(['OVERLAP_REJECTED']);
  expect(refused.messages[0]).toContain('Deployment 1 of this app is in progress.');
  expect(overRest.status).toBe(409);
  expect(JSON.parse(overRest.body)).toMatchObject({
    code: 'OVERLAP_REJECTED',
    details: { deploymentId: running, number: 1 },
  });
  const next = await trigger(app);
  expect(next.data.triggerDeployment.deployment.number).toBe(2);
  await untilStatus(plane, next.data.triggerDeployment.deployment.id, 'completed');
});

test('a call may choose another policy than its app has', async () => {
  using gate = createGate();
  const { app, running } = await busyApp(gate, 0);
  await setPolicy(app, 'REJECT');

  const waiting = await triggered(app, { overlap: 'QUEUE' });

  expect((await shown([waiting]))[0]).toMatchObject({ status: 'PENDING', queuePosition: 1 });
  gate.open();
  await untilStatus(plane, running, 'completed');
  await untilStatus(plane, waiting, 'completed');
});

test('of many that are triggered at once with QUEUE_LATEST all but the last are superseded by a newer one', async () => {
  using gate = createGate();
  const { app, running } = await busyApp(gate, 0);

  const ids = await Promise.all(Array.from({ length: 12 }, () => triggered(app, { overlap: 'QUEUE_LATEST' })));

  const rows = await plane.app.database.prisma.deployment.findMany({
    where: { id: { in: ids } },
    include: { supersededBy: true },
    orderBy: { number: 'asc' },
  });
  expect(rows.map(({ status }) => status)).toEqual([...Array.from({ length: 11 }, () => 'cancelled'), 'pending']);
  expect(rows.slice(0, 11).every(({ number, supersededBy }) => supersededBy!.number > number)).toBe(true);
  gate.open();
  await untilStatus(plane, running, 'completed');
  await untilStatus(plane, rows.at(-1)!.id, 'completed');
});

test('100 calls with one key at once make one deployment and get equal answers', async () => {
  using gate = createGate();
  const { app, running } = await busyApp(gate, 0);
  const idempotencyKey = randomUUID();

  const answers = await Promise.all(
    Array.from({ length: 100 }, () => trigger(app, { overlap: 'QUEUE', idempotencyKey, reason: 'once' })),
  );
  const other = await trigger(app, { overlap: 'QUEUE', idempotencyKey, reason: 'twice' });
  const overRest = await plane.rest('POST', '/api/deploy', {
    token: owner.token,
    body: { productionAppId: app.productionAppId, reason: 'twice' },
    headers: { 'idempotency-key': idempotencyKey },
  });

  const deployments = answers.map(({ data }) => data.triggerDeployment.deployment);
  expect(new Set(deployments.map(({ id }: { id: string }) => id)).size).toBe(1);
  expect(answers.filter(({ data }) => !data.triggerDeployment.replayed)).toHaveLength(1);
  const where = { productionAppId: app.productionAppId };
  expect(await plane.app.database.prisma.deployment.count({ where })).toBe(2);
  expect(other.codes).toEqual(['IDEMPOTENCY_MISMATCH']);
  expect([overRest.status, JSON.parse(overRest.body).code]).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
  gate.open();
  await untilStatus(plane, running, 'completed');
  await untilStatus(plane, deployments[0].id, 'completed');
});
