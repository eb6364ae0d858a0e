import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packProject } from '../../src/cli/pack.ts';
import { ConfirmUploadDocument, RequestUploadDocument } from '../../src/generated/gql/graphql.ts';
import { dataFolders } from '../../src/config.ts';
import { send, startPlane, type Plane } from '../kit/plane.ts';
import {
  appFiles,
  createApp,
  createOwner,
  deployFiles,
  pushVersion,
  trigger,
  untilLine,
  untilStatus,
  type Member,
} from '../kit/seed.ts';
import { until } from '../kit/until.ts';
import { processesWith, uniqueNap } from '../kit/processes.ts';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

const prisma = () => plane.app.database.prisma;

test('examples/hello is built, migrated and served, and its database survives a second version', async () => {
  const app = await createApp(owner);
  const packed = await packProject('examples/hello', join(plane.dataDir, 'hello.tar.gz'));
  const about = { entityId: app.entityId, version: 'v1', sourceHash: packed.sha256 };
  const { requestVersionUpload } = await owner.client.request(RequestUploadDocument, { input: about });
  await send('PUT', requestVersionUpload.uploadUrl!, { body: readFileSync(packed.file) });
  await owner.client.request(ConfirmUploadDocument, {
    input: { ...about, storagePath: requestVersionUpload.storagePath!, fileSizeBytes: packed.bytes },
  });

  await untilStatus(plane, await trigger(owner, app.productionAppId), 'completed');
  const first = await plane.visit(app.subdomain);
  await untilStatus(plane, await trigger(owner, app.productionAppId), 'completed');
  const second = await plane.visit(app.subdomain);

  const visits = (page: string) => Number(/in its database<\/dt>\s*<dd>(\d+)</.exec(page)?.[1]);
  expect([first.status, second.status]).toEqual([200, 200]);
  expect([visits(first.body), visits(second.body)]).toEqual([1, 2]);
  const migrate = await prisma().deploymentPhase.findFirstOrThrow({
    where: { name: 'migrate', deployment: { productionAppId: app.productionAppId, number: 2 } },
  });
  expect(migrate.skipReason).toBe("This artifact's migrations ran before.");
});

test('a version that replaces another takes all traffic, and the other one stops', async () => {
  const app = await createApp(owner);
  const first = await deployFiles(plane, owner, app, appFiles('one'));
  expect((await plane.visit(app.subdomain)).body).toBe('one');

  await deployFiles(plane, owner, app, appFiles('two'));

  expect((await plane.visit(app.subdomain)).body).toBe('two');
  await until('the first release is stopped', () =>
    prisma().release.findFirst({ where: { deploymentId: first, observed: 'stopped' } }),
  );
});

test('a version whose build fails leaves the one before serving, and says which command failed how', async () => {
  const app = await createApp(owner);
  await deployFiles(plane, owner, app, appFiles('good'));

  const id = await deployFiles(
    plane,
    owner,
    app,
    appFiles('bad', { build: 'echo "no such module"; exit 3' }),
    'failed',
  );

  expect((await plane.visit(app.subdomain)).body).toBe('good');
  const { failure, errorMessage } = await prisma().deployment.findUniqueOrThrow({ where: { id } });
  expect(errorMessage).toBe('`echo "no such module"; exit 3` exited with code 3.');
  expect(failure).toMatchObject({ code: 'BUILD_FAILED', phase: 'build', exitCode: 3, retryable: false });
  const { firstSeq, lastSeq } = failure as { firstSeq: number; lastSeq: number };
  const lines = await prisma().logLine.findMany({ where: { deploymentId: id, seq: { gte: firstSeq, lte: lastSeq } } });
  expect(lines.map(({ message }) => message)).toContain('no such module');
});

test('a version that never gets healthy leaves the one before serving, and nothing of it behind', async () => {
  const nap = uniqueNap();
  const app = await createApp(owner);
  await deployFiles(plane, owner, app, appFiles('good'));
  const sleeper = { start: `sleep ${nap}`, health: { path: '/', timeout: '500ms' } };

  const id = await deployFiles(plane, owner, app, appFiles('deaf', sleeper), 'failed');

  expect((await plane.visit(app.subdomain)).body).toBe('good');
  const { failure } = await prisma().deployment.findUniqueOrThrow({ where: { id } });
  expect(failure).toMatchObject({ code: 'HEALTH_TIMEOUT', phase: 'service_deploy' });
  const release = await prisma().release.findFirstOrThrow({ where: { deploymentId: id } });
  expect(release).toMatchObject({ wanted: 'stopped', observed: 'stopped', pid: null });
  expect(processesWith(`sleep\x00${nap}`)).toEqual([]);
  const { apps, workspaces } = dataFolders(plane.dataDir);
  expect(existsSync(join(apps, app.productionAppId, 'releases', release.id))).toBe(false);
  await until('the workspace is removed', () => !existsSync(join(workspaces, id)));
});

test('a start command that ends at once fails the deployment without waiting for the health limit', async () => {
  const app = await createApp(owner);
  const quitter = { start: 'echo "cannot start"; exit 7', health: { timeout: '60s' } };

  const id = await deployFiles(plane, owner, app, appFiles('quitter', quitter), 'failed');

  const { failure } = await prisma().deployment.findUniqueOrThrow({ where: { id } });
  expect(failure).toMatchObject({ code: 'START_FAILED', phase: 'service_deploy', exitCode: 7 });
  expect(await prisma().logLine.count({ where: { deploymentId: id, message: 'cannot start' } })).toBe(1);
});

test('a build that hangs is stopped at its time limit, with everything it started', async () => {
  const nap = uniqueNap();
  const app = await createApp(owner);
  const hanging = { build: `setsid sleep ${nap} & sleep ${nap}`, timeouts: { build: '400ms' } };

  const id = await deployFiles(plane, owner, app, appFiles('slow', hanging), 'failed');

  const { failure } = await prisma().deployment.findUniqueOrThrow({ where: { id } });
  expect(failure).toMatchObject({ code: 'PHASE_TIMEOUT', phase: 'build' });
  expect(processesWith(`sleep\x00${nap}`)).toEqual([]);
});

test('a cancel during a build ends its whole process group and leaves the version before serving', async () => {
  const nap = uniqueNap();
  const app = await createApp(owner);
  await deployFiles(plane, owner, app, appFiles('good'));
  const slow = appFiles('slow', {
    build: `trap "" TERM; sleep ${nap} & setsid sleep ${nap} & echo started; wait; sleep ${nap}`,
  });
  const id = await trigger(owner, app.productionAppId, await pushVersion(owner, app.entityId, slow));
  await untilLine(plane, id, 'started');
  expect(processesWith(`sleep\x00${nap}`).length).toBeGreaterThan(0);

  const answer = await plane.rest('POST', `/api/deploys/${id}/cancel`, {
    token: owner.token,
    body: { reason: 'wrong one' },
  });

  expect(answer.status).toBe(200);
  await untilStatus(plane, id, 'cancelled');
  expect(processesWith(`sleep\x00${nap}`)).toEqual([]);
  expect((await plane.visit(app.subdomain)).body).toBe('good');
  const { errorMessage, phases } = await prisma().deployment.findUniqueOrThrow({
    where: { id },
    include: { phases: { orderBy: { name: 'asc' } } },
  });
  expect(errorMessage).toBe('Cancelled by Ada: wrong one');
  expect(phases.map(({ status }) => status)).toEqual([
    ...['completed', 'completed', 'completed', 'failed'],
    ...['pending', 'pending', 'pending', 'pending'],
  ]);
});

// The folder used to be made after it was removed.
test('a release that is cancelled while its artifact is unpacked leaves no folder', async () => {
  const app = await createApp(owner);
  const ballast = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`ballast/${i}.txt`, String(i)]));
  const files = { ...appFiles('large'), ...ballast };
  const id = await trigger(owner, app.productionAppId, await pushVersion(owner, app.entityId, files));
  const releases = join(dataFolders(plane.dataDir).apps, app.productionAppId, 'releases');
  await until('the host unpacks the release', () => existsSync(releases) && readdirSync(releases).length > 0);

  await plane.rest('POST', `/api/deploys/${id}/cancel`, { token: owner.token });

  await untilStatus(plane, id, 'cancelled');
  await until('its folder is gone', () => readdirSync(releases).length === 0);
});

test('a running migration command is not cut in half by a cancel, and the next one does not start', async () => {
  const app = await createApp(owner);
  const files = appFiles('migrating', {
    migrate: ['echo begun; sleep 0.6; echo whole > "$DATA_DIR/done"', 'echo never > "$DATA_DIR/never"'],
  });
  const id = await trigger(owner, app.productionAppId, await pushVersion(owner, app.entityId, files));
  await untilLine(plane, id, 'begun');

  await plane.rest('POST', `/api/deploys/${id}/cancel`, { token: owner.token });

  await untilStatus(plane, id, 'cancelled');
  const data = join(dataFolders(plane.dataDir).apps, app.productionAppId, 'data');
  expect(existsSync(join(data, 'done'))).toBe(true);
  expect(existsSync(join(data, 'never'))).toBe(false);
});

test('a deployment that fails after the switch sends the traffic back before it ends', async () => {
  await using own = await startPlane();
  const { prisma: rows } = own.app.database;
  const member = await createOwner(own);
  const app = await createApp(member);
  await deployFiles(own, member, app, appFiles('good'));
  // The gateway refuses a worker that does not know its secret.
  await rows.host.updateMany({ data: { purgeSecret: 'wrong' } });

  const id = await deployFiles(own, member, app, appFiles('bad'), 'failed');

  const { failure } = await rows.deployment.findUniqueOrThrow({ where: { id } });
  expect(failure).toMatchObject({ code: 'PURGE_FAILED', phase: 'cache_invalidation', retryable: true });
  expect((await own.visit(app.subdomain)).body).toBe('good');
  const events = await rows.deploymentEvent.findMany({
    where: { deploymentId: id, type: 'switch' },
    orderBy: { seq: 'asc' },
  });
  expect(events.map(({ message }) => message)).toEqual([
    'Traffic goes to the new release.',
    'Traffic goes back to the release before.',
  ]);
});

test('the gateway answers from its cache until the next deployment purges it', async () => {
  await using own = await startPlane();
  const member = await createOwner(own);
  const app = await createApp(member);
  await deployFiles(own, member, app, appFiles('one'));
  const miss = await own.visit(app.subdomain, '/cached');
  const hit = await own.visit(app.subdomain, '/cached');
  expect([miss.headers['x-cache'], hit.headers['x-cache'], hit.body]).toEqual(['MISS', 'HIT', 'one']);

  const id = await deployFiles(own, member, app, appFiles('two'));

  const after = await own.visit(app.subdomain, '/cached');
  expect([after.headers['x-cache'], after.body]).toEqual(['MISS', 'two']);
  const line = 'Purged 1 cached answer from the gateway.';
  expect(await own.app.database.prisma.logLine.count({ where: { deploymentId: id, message: line } })).toBe(1);
});

test('an unknown subdomain is a 404 and says so', async () => {
  const answer = await plane.visit('nobody');

  expect(answer.status).toBe(404);
  expect(answer.body).toContain('No app serves at');
});
