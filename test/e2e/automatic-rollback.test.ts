import { afterAll, beforeAll, expect, test } from 'vitest';
import { createGate } from '../kit/gate.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import {
  createApp,
  createOwner,
  deployFiles,
  pushVersion,
  trigger,
  untilPhase,
  untilStatus,
  type Files,
  type Member,
  type SeededApp,
} from '../kit/seed.ts';
import { until } from '../kit/until.ts';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

/** An app that ends, or answers only errors, from the moment on that it is asked to. */
function fragileFiles(version: string, manifest: Record<string, unknown> = {}): Files {
  return {
    'server.mjs': `
      import { createServer } from 'node:http';
      let status = 200;
      createServer((request, response) => {
        if (request.url === '/crash') process.exit(1);
        if (request.url === '/break') status = 500;
        response.writeHead(status).end('${version}');
      }).listen(process.env.PORT, '127.0.0.1');
    `,
    'windlass.json': JSON.stringify({ start: 'exec node server.mjs', drain: '100ms', ...manifest }),
  };
}

const deploymentsOf = ({ productionAppId }: SeededApp) =>
  plane.app.database.prisma.deployment.findMany({ where: { productionAppId }, orderBy: { number: 'asc' } });

async function untilDeployments(app: SeededApp, count: number): Promise<void> {
  await until(`there are ${count} deployments`, async () => (await deploymentsOf(app)).length === count);
}

const untilEvent = (deploymentId: string, pattern: RegExp) =>
  until(`an event says ${pattern}`, async () => {
    const events = await plane.app.database.prisma.deploymentEvent.findMany({ where: { deploymentId } });
    return events.some(({ message }) => pattern.test(message ?? ''));
  });

test.each([
  ['ends', '/crash'],
  ['fails its health check', '/break'],
])('a release that %s within its watch time is rolled back once, by itself', async (_what, path) => {
  const app = await createApp(owner);
  const first = await deployFiles(plane, owner, app, fragileFiles('one'));
  const bad = await deployFiles(plane, owner, app, fragileFiles('two'));

  await plane.visit(app.subdomain, path);
  await untilDeployments(app, 3);
  const automatic = (await deploymentsOf(app))[2]!;
  await untilStatus(plane, automatic.id, 'completed');

  expect(automatic).toMatchObject({ trigger: 'automatic', sourceId: first, triggeredById: null });
  expect(automatic.reason).toMatch(/^Deployment 2 turned unhealthy \d+ ms after it took the traffic\.$/);
  expect((await plane.visit(app.subdomain)).body).toBe('one');
  await untilEvent(bad, /A new deployment goes back to deployment 1\.$/);

  // What was brought back turns bad, too.
  await plane.visit(app.subdomain, '/crash');
  await untilEvent(automatic.id, /brought back by a rollback itself, and is left as it is/);
  expect(await deploymentsOf(app)).toHaveLength(3);
});

test('a release that is not watched, or has nothing before it, is left as it is', async () => {
  const [unwatched, only] = [await createApp(owner), await createApp(owner)];
  await deployFiles(plane, owner, unwatched, fragileFiles('one'));
  const quiet = await deployFiles(plane, owner, unwatched, fragileFiles('two', { health: { watch: '0s' } }));
  const first = await deployFiles(plane, owner, only, fragileFiles('one'));

  await plane.visit(unwatched.subdomain, '/crash');
  await plane.visit(only.subdomain, '/crash');
  await untilEvent(first, /There is no earlier deployment to go back to\.$/);
  await untilEvent(quiet, /It is started again in/);

  expect(await deploymentsOf(unwatched)).toHaveLength(2);
  expect(await deploymentsOf(only)).toHaveLength(1);
});

test('an irreversible migration keeps a release from being rolled back by itself', async () => {
  const app = await createApp(owner);
  await deployFiles(plane, owner, app, fragileFiles('one'));
  const second = await deployFiles(plane, owner, app, fragileFiles('two', { migrate: 'true', irreversible: true }));

  await plane.visit(app.subdomain, '/crash');
  await untilEvent(second, /left as it is: deployment 2 ran migrations that are marked as irreversible/);

  expect(await deploymentsOf(app)).toHaveLength(2);
});

test('nothing is rolled back while a newer deployment is open, nor after it has completed', async () => {
  using gate = createGate();
  const app = await createApp(owner);
  await deployFiles(plane, owner, app, fragileFiles('one'));
  await deployFiles(plane, owner, app, fragileFiles('two'));
  const versionId = await pushVersion(owner, app.entityId, fragileFiles('three', { build: gate.command }));
  const newer = await trigger(owner, app.productionAppId, versionId);
  await untilPhase(plane, newer, 'build');

  await plane.visit(app.subdomain, '/crash');
  await until('it is known to be unhealthy', () =>
    plane.app.database.prisma.release.findFirst({
      where: { productionAppId: app.productionAppId, unhealthyAt: { not: null } },
    }),
  );
  gate.open();
  await untilStatus(plane, newer, 'completed');

  expect((await plane.visit(app.subdomain)).body).toBe('three');
  expect(await deploymentsOf(app)).toHaveLength(3);
});
