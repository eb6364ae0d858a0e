import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { createKeyRing } from '../../src/domain/sealing.ts';
import { ownerOf } from '../../src/store/environment.ts';
import { createApiClient } from '../../src/client/api.ts';
import { WhoamiDocument } from '../../src/generated/gql/graphql.ts';
import { openDatabase } from '../../src/store/db.ts';
import { createServerDatabase, SERVER_URL } from '../kit/database.ts';
import { createFolder } from '../kit/folder.ts';
import { graphql } from '../kit/graphql.ts';
import { send, startPlane, type Plane } from '../kit/plane.ts';
import { startWindlass } from '../kit/process.ts';
import {
  appFiles,
  createApp,
  createOwner,
  deployFiles,
  pushVersion,
  trigger,
  untilStatus,
  type Files,
  type Member,
  type SeededApp,
} from '../kit/seed.ts';
import { dumpDatabase, expectNoSecret, expectSecretKept, SENTINEL } from '../kit/sentinel.ts';
import { until } from '../kit/until.ts';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

const UPDATE =
  'mutation ($input: UpdateProductionAppInput!) { updateProductionApp(input: $input) { productionApp { environment { name value } } } }';

async function set({ productionAppId: id }: SeededApp, environment: object[]): Promise<void> {
  expect((await graphql(plane, owner.token, UPDATE, { input: { id, environment } })).codes).toEqual([]);
}

/** An app that answers with the variables it has, and tells the log which ones its build and its migration had. */
function curious(manifest: Record<string, unknown> = {}): Files {
  const names = `node -e 'console.log(process.argv[1], Object.keys(process.env).filter((name) => name.startsWith("MY_")).sort().join())'`;
  return {
    ...appFiles('curious', { build: `${names} build`, migrate: `${names} migrate`, ...manifest }),
    'server.mjs': `
      import { createServer } from 'node:http';
      const mine = Object.entries(process.env).filter(([name]) => name.startsWith('MY_'));
      createServer((request, response) => {
        if (request.url === '/exit') process.exit(1);
        if (request.url === '/print') console.log('runtime', JSON.stringify(process.env));
        response.end(JSON.stringify(Object.fromEntries(mine.toSorted())));
      }).listen(process.env.PORT, '127.0.0.1');
    `,
  };
}

async function printed(deploymentId: string): Promise<string[]> {
  const where = { deploymentId, stream: 'stdout' } as const;
  const lines = await plane.app.database.prisma.logLine.findMany({ where, orderBy: { seq: 'asc' } });
  return lines.map(({ message }) => message);
}

const answerOf = async (app: SeededApp) => JSON.parse((await plane.visit(app.subdomain)).body) as object;

test('each phase gets the variables that are for it, over those of the manifest, and a build no secret unless it is told to', async () => {
  const app = await createApp(owner);
  await set(app, [
    { name: 'MY_PLAIN', value: 'plain', isSecret: false },
    { name: 'MY_SECRET', value: 'a secret value' },
    { name: 'MY_BUILD', value: 'a build secret', phases: ['BUILD'] },
    { name: 'MY_RUN', value: 'a run secret', phases: ['SERVICE_DEPLOY'] },
  ]);

  const id = await deployFiles(plane, owner, app, curious({ env: { MY_PLAIN: 'overridden', MY_MANIFEST: '1' } }));

  expect(await printed(id)).toEqual(['build MY_BUILD,MY_MANIFEST,MY_PLAIN', 'migrate MY_MANIFEST,MY_PLAIN,MY_SECRET']);
  expect(await answerOf(app)).toEqual({
    MY_MANIFEST: '1',
    MY_PLAIN: 'plain',
    MY_RUN: 'a run secret',
    MY_SECRET: 'a secret value',
  });
});

test('a release keeps the environment it was deployed with when it is started again, and the next one gets the new', async () => {
  const app = await createApp(owner);
  await set(app, [{ name: 'MY_SECRET', value: 'the first value' }]);
  await deployFiles(plane, owner, app, curious({ health: { watch: '0s' } }));

  await set(app, [{ name: 'MY_SECRET', value: 'the second value' }]);
  await plane.visit(app.subdomain, '/exit').catch(() => {}); // It ends without an answer.

  await until('it serves again', async () => (await plane.visit(app.subdomain)).status === 200);
  expect(await answerOf(app)).toEqual({ MY_SECRET: 'the first value' });
  await deployFiles(plane, owner, app, curious());
  expect(await answerOf(app)).toEqual({ MY_SECRET: 'the second value' });
});

test('a deployment to an app that lacks a variable the package needs fails at once, and says which', async () => {
  const app = await createApp(owner);
  await set(app, [{ name: 'MY_SECRET', value: 'a secret value' }]);
  const files = curious({ secrets: ['MY_SECRET', 'MAIL_TOKEN', 'PAY_TOKEN'] });

  const id = await deployFiles(plane, owner, app, files, 'failed');

  const { failure } = await plane.app.database.prisma.deployment.findUniqueOrThrow({ where: { id } });
  expect(failure).toMatchObject({
    code: 'INFRA_FAILED',
    phase: 'orchestrate',
    message: 'The package needs the variables MAIL_TOKEN, PAY_TOKEN, which the production app does not have.',
  });
  expect(await printed(id)).toEqual([]);
});

test('a deployment whose secrets were sealed with a lost key fails and says so, and what serves goes on', async () => {
  const app = await createApp(owner);
  await deployFiles(plane, owner, app, curious());
  const row = { productionAppId: app.productionAppId, name: 'LOST' };
  const sealedValue = createKeyRing([randomBytes(32)]).seal('lost', ownerOf(row));
  await plane.app.database.prisma.environmentVariable.create({
    data: { ...row, isSecret: true, phases: ['build'], sealedValue },
  });

  const id = await deployFiles(plane, owner, app, curious(), 'failed');

  const { failure } = await plane.app.database.prisma.deployment.findUniqueOrThrow({ where: { id } });
  expect(failure).toMatchObject({
    code: 'INFRA_FAILED',
    message: "The app's environment cannot be read. It was sealed with a key that is not here.",
  });
  expect((await plane.visit(app.subdomain)).status).toBe(200);
});

/** Prints its whole environment wherever it runs; how its migration ends is the second argument. */
const leaky = (exitCode: number): Files => ({
  ...curious({
    build: 'node leak.mjs 0',
    migrate: `node leak.mjs ${exitCode}`,
    health: { watch: '0s' },
    start: 'node leak.mjs 0 && exec node server.mjs',
  }),
  'leak.mjs': `
    const { SENTINEL } = process.env;
    for (const text of [SENTINEL, JSON.stringify(process.env), Buffer.from(String(SENTINEL)).toString('base64'), encodeURIComponent(SENTINEL)]) {
      console.log('out ' + text);
      console.error('err ' + text);
    }
    process.exitCode = Number(process.argv[2]);
  `,
});

test('a secret is in no row, log, event, answer and argument of a process, whatever its app prints', async () => {
  const app = await createApp(owner);
  const id = app.productionAppId;
  await set(app, [{ name: 'SENTINEL', value: SENTINEL, phases: ['BUILD', 'MIGRATE', 'SERVICE_DEPLOY'] }]);
  const events: string[] = [];
  const client = createClient({
    url: `${plane.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${owner.token}` },
  });

  const versionId = await pushVersion(owner, app.entityId, leaky(0));
  const deploymentId = await trigger(owner, id, versionId);
  const query = `subscription { deploymentLogs(deploymentId: "${deploymentId}") { __typename ... on DeploymentLogBatch { lines { message } } } }`;
  for await (const event of client.iterate({ query })) events.push(JSON.stringify(event));
  await client.dispose();
  await untilStatus(plane, deploymentId, 'completed');
  await plane.visit(app.subdomain, '/print');
  const failed = await deployFiles(plane, owner, app, leaky(3), 'failed');

  const everything = `query ($id: ID!, $failed: ID!) {
    productionApp(id: $id) { environment { name value } runtimeLogs(last: 1000) { nodes { message } } }
    deployment(id: $failed) { errorMessage failure { message hint } logs(last: 1000) { nodes { message } } events(last: 1000) { nodes { message } } }
  }`;
  const runtime = () => graphql(plane, owner.token, everything, { id, failed });
  await until('the runtime log has what was printed', async () => (await runtime()).body.includes('runtime'));
  const rest = await Promise.all(
    [`/api/production-apps/${id}`, `/api/deploys/${failed}`, `/api/deploys/${failed}/logs`, '/metrics', '/readyz'].map(
      (path) => plane.rest('GET', path, { token: owner.token }),
    ),
  );
  expect(events.join('\n')).toContain('out ***');
  expectNoSecret('the stream', events.join('\n'));
  expectNoSecret('an answer', [(await runtime()).body, ...rest.map(({ body }) => body)].join('\n'));
  expectNoSecret('the arguments of a process', commandLines());
  await expectSecretKept(plane.app.database, plane.dataDir);
});

function commandLines(): string {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return ''; // Gone since we looked.
      }
    })
    .join('\n');
}

test("a secret is not in Windlass's own log at its most talkative, nor is the key", async () => {
  using folder = createFolder();
  await using server = SERVER_URL === null ? null : await createServerDatabase();
  const token = 'wl_a-token-that-is-long-enough-for-tests';
  const key = randomBytes(32).toString('base64');
  await using windlass = startWindlass(['serve'], {
    ...(server ? { DATABASE_URL: server.url } : {}),
    WINDLASS_DATA_DIR: folder.path,
    WINDLASS_BOOTSTRAP_TOKEN: token,
    WINDLASS_SECRET_KEY: key,
    WINDLASS_LOG_LEVEL: 'debug',
    WINDLASS_METRICS: '127.0.0.1:0',
  });
  const [, url] = await windlass.untilOutput(/API +(http:\S+)\/graphql/);
  const client = createApiClient({ url: url!, token });
  const { viewer } = await client.request(WhoamiDocument, {});
  const member = { organizationId: viewer.memberships[0]!.organization.id, userId: viewer.user.id, token, client };
  const app = await createApp(member);

  const id = await trigger(member, app.productionAppId, await pushVersion(member, app.entityId, leaky(3)));
  await windlass.untilOutput(/Deployment ended/);
  const [, metricsUrl] = await windlass.untilOutput(/Metrics +(http:\S+)/);
  const { body: metrics } = await send('GET', metricsUrl!, {});
  expect(metrics).toContain('windlass_deployments_ended_total{status="failed"} 1');
  for (const secret of [SENTINEL, key, token, app.subdomain]) expectNoSecret('the metrics', metrics, secret);
  windlass.child.kill('SIGTERM');
  await windlass.exited();

  expect(windlass.output()).toContain(id);
  expectNoSecret('the log', windlass.output());
  expectNoSecret('the log', windlass.output(), key);
  const database = await openDatabase(server ? { url: server.url } : { folder: `${folder.path}/db` });
  await expectSecretKept(database, folder.path);
  for (const [table, text] of await dumpDatabase(database)) expectNoSecret(table, text, key);
  await database.close();
});
