import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createFolder } from '../kit/folder.ts';
import { graphql } from '../kit/graphql.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import {
  appFiles,
  createApp,
  createMember,
  createOwner,
  deployFiles,
  pushVersion,
  trigger,
  untilStatus,
  type Files,
  type Member,
  type SeededApp,
} from '../kit/seed.ts';

let plane: Plane;
let owner: Member;
const folder = createFolder();
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
});
afterAll(async () => {
  await plane[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const ask = (query: string, variables: Record<string, unknown> = {}, token = owner.token) =>
  graphql(plane, token, query, variables);
const again = (action: 'retry' | 'redeploy' | 'rollback', input: Record<string, unknown>) => {
  const name = action[0]!.toUpperCase() + action.slice(1);
  const mutation = `mutation ($input: ${name}DeploymentInput!) {
    made: ${action}Deployment(input: $input) { replayed deployment { id number trigger source { number } reason } }
  }`;
  return ask(mutation, { input });
};

/** Does an action and waits for the end that its deployment should have. */
async function done(action: 'retry' | 'redeploy' | 'rollback', input: Record<string, unknown>): Promise<string> {
  const { data, messages } = await again(action, input);
  expect(messages).toEqual([]);
  await untilStatus(plane, data.made.deployment.id, 'completed');
  return data.made.deployment.id;
}

async function phasesOf(id: string): Promise<string[]> {
  const rows = await plane.app.database.prisma.deploymentPhase.findMany({
    where: { deploymentId: id },
    orderBy: { name: 'asc' },
  });
  expect(rows.every(({ status }) => status === 'completed')).toBe(true);
  return rows.map(({ name, skipReason }) => `${name}: ${skipReason ?? 'ran'}`);
}

const serving = async ({ subdomain }: SeededApp) => (await plane.visit(subdomain)).body;

/** Commands that count how often they ran, and fail until they are allowed to succeed. */
function tally(name: string) {
  const [count, allowed] = [join(folder.path, `${name}-${randomUUID()}`), join(folder.path, randomUUID())];
  return {
    command: `echo . >> ${count}; test -e ${allowed}`,
    allow: () => writeFileSync(allowed, ''),
    times: () => (existsSync(count) ? readFileSync(count, 'utf8').split('\n').length - 1 : 0),
  };
}

async function planned(app: SeededApp, source: string, by: string): Promise<string[]> {
  const query = `query ($app: ID!, $source: ID, $trigger: DeploymentTrigger!) {
    deploymentPlan(productionAppId: $app, sourceId: $source, trigger: $trigger) { phases { name action reason } }
  }`;
  const { data } = await ask(query, { app: app.productionAppId, source, trigger: by });
  return data.deploymentPlan.phases.map(
    ({ name, action, reason }: Record<string, string>) =>
      `${name!.toLowerCase()}: ${action === 'RUN' ? 'ran' : reason}`,
  );
}

test('a retry of a failed build unpacks and builds again, and says what it keeps', async () => {
  const app = await createApp(owner);
  const build = tally('build');
  const failed = await deployFiles(plane, owner, app, appFiles('one', { build: build.command }), 'failed');
  build.allow();
  const plan = await planned(app, failed, 'RETRY');

  const retried = await done('retry', { deploymentId: failed });

  expect(await serving(app)).toBe('one');
  expect(build.times()).toBe(2);
  expect(await phasesOf(retried)).toEqual([
    'orchestrate: ran',
    'download: ran',
    'infra: Reused from deployment 1.',
    'build: ran',
    'package: ran',
    'migrate: The package has no migration commands.',
    'service_deploy: ran',
    'cache_invalidation: ran',
  ]);
  expect(plan).toEqual(await phasesOf(retried));
});

test('a retry of a failed migration keeps the build, and migrates in what it had made', async () => {
  const app = await createApp(owner);
  const [build, migrate] = [tally('build'), tally('migrate')];
  build.allow();
  const manifest = { build: `${build.command} && echo built > made`, migrate: `cat made && ${migrate.command}` };
  const failed = await deployFiles(plane, owner, app, appFiles('one', manifest), 'failed');
  migrate.allow();
  const plan = await planned(app, failed, 'RETRY');

  const retried = await done('retry', { deploymentId: failed });

  expect([build.times(), migrate.times()]).toEqual([1, 2]);
  expect((await phasesOf(retried)).slice(1, 6)).toEqual([
    ...['download', 'infra', 'build', 'package'].map((name) => `${name}: Reused from deployment 1.`),
    'migrate: ran',
  ]);
  expect(plan).toEqual(await phasesOf(retried));
  const lines = await plane.app.database.prisma.logLine.findMany({ where: { deploymentId: retried } });
  expect(lines.map(({ message }) => message)).toContain('built');
});

test('a retry of a release that did not start keeps everything before it, also when it is retried again', async () => {
  const app = await createApp(owner);
  const [build, migrate, start] = [tally('build'), tally('migrate'), tally('start')];
  build.allow();
  migrate.allow();
  const manifest = {
    build: build.command,
    migrate: migrate.command,
    start: `${start.command} && exec node server.mjs`,
    health: { timeout: '20s' },
  };
  const failed = await deployFiles(plane, owner, app, appFiles('one', manifest), 'failed');
  const second = (await again('retry', { deploymentId: failed })).data.made.deployment;
  await untilStatus(plane, second.id, 'failed');
  start.allow();

  const third = await done('retry', { deploymentId: second.id });

  expect([build.times(), migrate.times()]).toEqual([1, 1]);
  expect((await phasesOf(third)).slice(1)).toEqual([
    ...['download', 'infra', 'build', 'package', 'migrate'].map((name) => `${name}: Reused from deployment 2.`),
    'service_deploy: ran',
    'cache_invalidation: ran',
  ]);
  expect(await serving(app)).toBe('one');
});

test('a redeployment ships the same version again and makes everything afresh', async () => {
  const app = await createApp(owner);
  const build = tally('build');
  build.allow();
  const first = await deployFiles(plane, owner, app, appFiles('one', { build: build.command }));
  await pushVersion(owner, app.entityId, appFiles('two'));

  const second = await done('redeploy', { deploymentId: first });

  expect(build.times()).toBe(2);
  expect(await serving(app)).toBe('one');
  const row = await plane.app.database.prisma.deployment.findUniqueOrThrow({ where: { id: second } });
  expect([row.trigger, row.sourceId]).toEqual(['redeploy', first]);
});

test('rollbacks go back further each time, build nothing, and can name what to go back to', async () => {
  const app = await createApp(owner);
  const build = tally('build');
  build.allow();
  const ids: string[] = [];
  for (const name of ['one', 'two', 'three']) {
    ids.push(await deployFiles(plane, owner, app, appFiles(name, { build: build.command })));
  }
  const back = { productionAppId: app.productionAppId };
  const plan = await planned(app, ids[1]!, 'ROLLBACK');

  const first = await done('rollback', { ...back, reason: 'three is bad' });
  const afterFirst = await serving(app);
  const second = await done('rollback', back);
  const afterSecond = await serving(app);
  const third = await again('rollback', back);
  const forth = await done('rollback', { deploymentId: ids[2] });

  expect([afterFirst, afterSecond, await serving(app)]).toEqual(['two', 'one', 'three']);
  expect(build.times()).toBe(3);
  expect(third.codes).toEqual(['CONFLICT']);
  expect(third.messages).toEqual(['There is no earlier completed deployment to go back to.']);
  expect(await phasesOf(first)).toEqual([
    'orchestrate: ran',
    'download: Reused from deployment 2.',
    'infra: ran',
    'build: Reused from deployment 2.',
    'package: Reused from deployment 2.',
    'migrate: A rollback runs no migrations.',
    'service_deploy: ran',
    'cache_invalidation: ran',
  ]);
  expect(plan).toEqual(await phasesOf(first));
  const rows = await plane.app.database.prisma.deployment.findMany({
    where: { id: { in: [first, second, forth] } },
    orderBy: { number: 'asc' },
  });
  expect(rows.map((row) => [row.trigger, ids.indexOf(row.sourceId!)])).toEqual([
    ['rollback', 1],
    ['rollback', 0],
    ['rollback', 2],
  ]);
});

test('what a rollback goes back to that names nothing is told beforehand, by the app and by the plan', async () => {
  const app = await createApp(owner);
  const ids: string[] = [];
  const query = `query ($app: ID!) {
    productionApp(id: $app) { rollbackTarget { id number } }
    deploymentPlan(productionAppId: $app, trigger: ROLLBACK) { source { id } version { id } phases { reason } }
  }`;
  const told = async () => {
    const { data, messages } = await ask(query, { app: app.productionAppId });
    const target = data?.productionApp?.rollbackTarget ?? null;
    if (data?.deploymentPlan) expect(data.deploymentPlan.source.id).toBe(target.id);
    return { target: target && ids.indexOf(target.id), messages };
  };
  const goneBackTo = async (id: string) => {
    const row = await plane.app.database.prisma.deployment.findUniqueOrThrow({ where: { id } });
    return ids.indexOf(row.sourceId!);
  };
  const nothing = { target: null, messages: ['There is no earlier completed deployment to go back to.'] };

  expect(await told()).toEqual(nothing);
  for (const name of ['one', 'two', 'three']) ids.push(await deployFiles(plane, owner, app, appFiles(name)));
  for (const expected of [1, 0]) {
    expect(await told()).toEqual({ target: expected, messages: [] });
    const id = await done('rollback', { productionAppId: app.productionAppId });
    expect(await goneBackTo(id)).toBe(expected);
  }
  expect(await told()).toEqual(nothing);
});

test('what rollbacks of many apps go back to is told of each in a list', async () => {
  const [first, second, third] = [await createApp(owner), await createApp(owner), await createApp(owner)];
  const oldest = await deployFiles(plane, owner, first, appFiles('one'));
  await deployFiles(plane, owner, first, appFiles('two'));
  const other = await deployFiles(plane, owner, second, appFiles('one'));
  await deployFiles(plane, owner, second, appFiles('two'));
  await deployFiles(plane, owner, third, appFiles('one'));

  const { data } = await ask('{ productionApps(first: 3) { nodes { id rollbackTarget { id } } } }');

  expect(data.productionApps.nodes).toEqual([
    { id: third.productionAppId, rollbackTarget: null },
    { id: second.productionAppId, rollbackTarget: { id: other } },
    { id: first.productionAppId, rollbackTarget: { id: oldest } },
  ]);
});

test.each(['RETRY', 'REDEPLOY'])('a plan of a %s needs the deployment that it is of', async (by) => {
  const app = await createApp(owner);
  const query = `query ($app: ID!, $by: DeploymentTrigger!) {
    deploymentPlan(productionAppId: $app, trigger: $by) { version { id } }
  }`;

  const { codes } = await ask(query, { app: app.productionAppId, by });

  expect(codes).toEqual(['BAD_USER_INPUT']);
});

test('a rollback to before an irreversible migration is refused, unless it is asked for all the same', async () => {
  const app = await createApp(owner);
  const first = await deployFiles(plane, owner, app, appFiles('one', { migrate: 'true' }));
  const half = { migrate: 'echo half; exit 1', irreversible: true };
  await deployFiles(plane, owner, app, appFiles('two', half), 'failed');
  await deployFiles(plane, owner, app, appFiles('three', { migrate: 'true', build: 'echo 3' }));

  const refused = await again('rollback', { deploymentId: first });
  const actions = await ask('query ($id: ID!) { deployment(id: $id) { allowedActions { action allowed reason } } }', {
    id: first,
  });
  await done('rollback', { deploymentId: first, allowIrreversible: true });

  expect(refused.codes).toEqual(['CONFLICT']);
  // The migration that failed half-way counts: the database may have changed.
  expect(refused.messages[0]).toContain('Deployment 2 ran migrations that are marked as irreversible.');
  expect(actions.data.deployment.allowedActions.at(-1)).toEqual({
    action: 'ROLLBACK',
    allowed: false,
    reason: refused.messages[0],
  });
  expect(await serving(app)).toBe('one');
});

test('an older deployment is neither retried nor redeployed over a newer one', async () => {
  const app = await createApp(owner);
  const failed = await deployFiles(plane, owner, app, appFiles('one', { build: 'false' }), 'failed');
  const newer = await deployFiles(plane, owner, app, appFiles('two'));

  for (const action of ['retry', 'redeploy'] as const) {
    const refused = await again(action, { deploymentId: failed });
    expect(refused.codes).toEqual(['CONFLICT']);
    expect(refused.messages).toEqual(['Deployment 2 is newer and has completed: an older one must not replace it.']);
  }
  expect((await again('retry', { deploymentId: newer })).messages).toEqual([
    'Only a failed or cancelled deployment can be tried again: this one has completed.',
  ]);
  expect(await serving(app)).toBe('two');
});

test('of many retries at once one is made, and with a key all get the same one', async () => {
  const app = await createApp(owner);
  const failed = await deployFiles(plane, owner, app, appFiles('one', { build: 'sleep 0.5; false' }), 'failed');
  const idempotencyKey = randomUUID();

  const keyed = await Promise.all(
    Array.from({ length: 10 }, () => again('retry', { deploymentId: failed, idempotencyKey })),
  );
  const others = await Promise.all(Array.from({ length: 5 }, () => again('retry', { deploymentId: failed })));

  expect(new Set(keyed.map(({ data }) => data.made.deployment.id)).size).toBe(1);
  expect(keyed.filter(({ data }) => !data.made.replayed)).toHaveLength(1);
  expect(others.map(({ codes }) => codes)).toEqual(Array.from({ length: 5 }, () => ['CONFLICT']));
  await untilStatus(plane, keyed[0]!.data.made.deployment.id, 'failed');
});

test('REST tries again, redeploys and goes back, once for each key', async () => {
  const app = await createApp(owner);
  const one = await deployFiles(plane, owner, app, appFiles('one'));
  await deployFiles(plane, owner, app, appFiles('two'));
  const call = (path: string, body?: unknown) =>
    plane.rest('POST', path, { token: owner.token, body, headers: { 'idempotency-key': `${path}-once` } });

  const first = await call(`/api/deploys/${one}/rollback`, { reason: 'back' });
  const replay = await call(`/api/deploys/${one}/rollback`, { reason: 'back' });
  const { id } = JSON.parse(first.body);
  await untilStatus(plane, id, 'completed');
  const retry = await call(`/api/deploys/${one}/retry`);
  const redeploy = await call(`/api/deploys/${id}/redeploy`);

  expect([first.status, replay.status, JSON.parse(replay.body).id]).toEqual([201, 200, id]);
  expect(first.headers['location']).toBe(`/api/deploys/${id}`);
  expect(JSON.parse(first.body)).toMatchObject({ trigger: 'rollback', reason: 'back', number: 3 });
  expect([retry.status, JSON.parse(retry.body).code]).toEqual([409, 'CONFLICT']);
  expect(redeploy.status).toBe(201);
  await untilStatus(plane, JSON.parse(redeploy.body).id, 'completed');
  expect(await serving(app)).toBe('one');
});

test('what a plan says of a fresh deployment is what it does', async () => {
  const app = await createApp(owner);
  const files: Files = appFiles('one', { build: 'true' });
  await pushVersion(owner, app.entityId, files);
  const query = `query ($app: ID!) {
    deploymentPlan(productionAppId: $app) { version { id } phases { name action reason } }
  }`;

  const { data } = await ask(query, { app: app.productionAppId });

  const id = await trigger(owner, app.productionAppId);
  await untilStatus(plane, id, 'completed');
  const expected = data.deploymentPlan.phases.map(
    ({ name, action, reason }: Record<string, string>) =>
      `${name!.toLowerCase()}: ${action === 'RUN' ? 'ran' : reason}`,
  );
  expect(expected).toEqual(await phasesOf(id));
  expect(data.deploymentPlan.phases[3].reason).toBe('Runs 1 build command.');
});

test('allowed actions depend on who is asking', async () => {
  const app = await createApp(owner);
  const id = await deployFiles(plane, owner, app, appFiles('one'));
  const member = await createMember(plane, owner.organizationId, []);
  const query = 'query ($id: ID!) { deployment(id: $id) { allowedActions { action allowed reason } } }';

  const mine = await ask(query, { id });
  const theirs = await ask(query, { id }, member.token);

  expect(mine.data.deployment.allowedActions).toEqual([
    { action: 'CANCEL', allowed: false, reason: 'The deployment has completed already and cannot be cancelled.' },
    { action: 'RETRY', allowed: false, reason: expect.stringContaining('this one has completed') },
    { action: 'REDEPLOY', allowed: true, reason: null },
    { action: 'ROLLBACK', allowed: false, reason: 'It serves already.' },
  ]);
  for (const { allowed, reason } of theirs.data.deployment.allowedActions) {
    expect([allowed, reason]).toEqual([false, 'This needs the scope entities:deploy in the organization.']);
  }
});
