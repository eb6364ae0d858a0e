import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createId } from '../../src/domain/ids.ts';
import { createKeyRing, KEY_BYTES } from '../../src/domain/sealing.ts';
import { createMemoryBus } from '../../src/events/bus.ts';
import { removeWorkspace } from '../../src/pipeline/fence.ts';
import { openQueue, type Queue } from '../../src/pipeline/queue.ts';
import { reconcile, startReconciler, type ReconcilerDeps } from '../../src/pipeline/reconciler.ts';
import type { Database } from '../../src/store/db.ts';
import { failDeployment } from '../../src/store/deployments.ts';
import { createLog } from '../../src/telemetry.ts';
import { createDatabase, urlOf } from '../kit/database.ts';
import { createFolder } from '../kit/folder.ts';
import { createRows, insertClaimed, insertLiveRelease, insertPending, type Rows } from '../store/rows.ts';

const folder = createFolder();
const log = createLog('silent');
let database: Database & AsyncDisposable;
let queue: Queue;
let deps: ReconcilerDeps;
beforeAll(async () => {
  database = await createDatabase();
  queue = await openQueue(database, await urlOf(database), log);
  const folders = { workspacesFolder: join(folder.path, 'workspaces'), packagesFolder: join(folder.path, 'packages') };
  const keyRing = createKeyRing([randomBytes(KEY_BYTES)]);
  deps = { prisma: database.prisma, bus: createMemoryBus(), queue, keyRing, log, ...folders };
});
afterAll(async () => {
  await queue.close();
  await database[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const FAILURE = {
  code: 'BUILD_FAILED',
  phase: 'build',
  message: 'No.',
  exitCode: 1,
  signal: null,
  retryable: false,
  hint: null,
  firstSeq: null,
  lastSeq: null,
} as const;

function makeFile(name: string, hoursOld: number): string {
  const file = join(deps.packagesFolder, name);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, 'x');
  const at = new Date(Date.now() - hoursOld * 3_600_000);
  utimesSync(file, at, at);
  return file;
}

function insertUpload({ organizationId, userId }: Rows, expiresAt: Date, receivedKey: string) {
  const id = createId('Upload');
  const data = { id, organizationId, entityId: 'ent', version: 'v', sourceHash: 'h', secretHash: 's' };
  return database.prisma.upload.create({
    data: { ...data, storagePath: `uploads/${id}`, createdById: userId, expiresAt, receivedKey },
  });
}

test('an app with open work and no ticket gets one, and one with a ticket gets no other', async () => {
  const [lost, sent] = [await createRows(database.prisma), await createRows(database.prisma)];
  await insertPending(database.prisma, lost);
  await insertPending(database.prisma, sent);
  await database.prisma.$transaction((tx) => queue.sendTicket(tx, sent.productionAppId));
  const apps = [lost.productionAppId, sent.productionAppId];
  const before = await queue.findWithoutTicket(apps);

  await reconcile(deps);
  await reconcile(deps);

  expect(before).toEqual([lost.productionAppId]);
  const { rows } = await database.pool.query<{ count: number }>(
    'select count(*)::int as count from pgboss.job where singleton_key = any($1) group by singleton_key',
    [apps],
  );
  expect(rows).toEqual([{ count: 1 }, { count: 1 }]);
});

test('a workspace goes when no deployment is open for it, and stays as long as one is', async () => {
  const { deploymentId } = await insertClaimed(database.prisma, await createRows(database.prisma));
  const [open, stale] = [deploymentId, createId('Deployment')].map((id) => join(deps.workspacesFolder, id, '1'));
  for (const workspace of [open!, stale!]) mkdirSync(workspace, { recursive: true });

  await reconcile(deps);

  expect([existsSync(open!), existsSync(stale!)]).toEqual([true, false]);
});

test('a workspace that cannot be removed keeps nothing else from being mended', async () => {
  const [deep, stale] = [createId('Deployment'), createId('Deployment')].toSorted();
  for (const id of [deep!, stale!]) mkdirSync(join(deps.workspacesFolder, id, '1'), { recursive: true });
  // Deeper than a path can say.
  const dig = `for (let i = 0; i < 40; i++) { fs.mkdirSync('d'.repeat(200)); process.chdir('d'.repeat(200)); }`;
  execFileSync(process.execPath, ['-e', dig], { cwd: join(deps.workspacesFolder, deep!, '1') });
  const unfinished = makeFile('unfinished/beside-deep', 3);

  const reconciler = await startReconciler(deps);
  await reconciler.stop();

  expect(existsSync(join(deps.workspacesFolder, stale!))).toBe(false);
  expect(existsSync(unfinished)).toBe(false);
  execFileSync('rm', ['-rf', join(deps.workspacesFolder, deep!)]);
});

test('a folder is removed although a build took all rights over it away', async () => {
  const isRoot = process.getuid!() === 0;
  if (isRoot) process.seteuid!(65_534);
  try {
    using own = createFolder();
    const closed = join(own.path, 'dep', '1');
    mkdirSync(join(closed, 'cache', 'module'), { recursive: true });
    writeFileSync(join(closed, 'cache', 'module', 'file'), 'x', { mode: 0o400 });
    chmodSync(join(closed, 'cache', 'module'), 0o500);
    chmodSync(join(closed, 'cache'), 0);

    await removeWorkspace(own.path, 'dep');

    expect(existsSync(join(own.path, 'dep'))).toBe(false);
  } finally {
    if (isRoot) process.seteuid!(0);
  }
});

test('uploads that expired an hour ago go with their files; what is named, or new, stays', async () => {
  const rows = await createRows(database.prisma);
  const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000);
  const expired = await insertUpload(rows, hoursAgo(2), 'packages/expired.tar.gz');
  const usable = await insertUpload(rows, hoursAgo(0.5), 'packages/usable.tar.gz');
  const gone = ['packages/expired.tar.gz', 'packages/unnamed.tar.gz', 'unfinished/old'].map((name) =>
    makeFile(name, 3),
  );
  const kept = [
    makeFile('packages/usable.tar.gz', 3),
    makeFile('packages/new.tar.gz', 0),
    makeFile('unfinished/new', 0),
  ];
  // The version of the rows names this one.
  kept.push(makeFile('packages/a', 3));

  await reconcile(deps);

  expect(gone.map((file) => existsSync(file))).toEqual([false, false, false]);
  expect(kept.map((file) => existsSync(file))).toEqual([true, true, true, true]);
  const left = await database.prisma.upload.findMany({ where: { id: { in: [expired.id, usable.id] } } });
  expect(left.map(({ id }) => id)).toEqual([usable.id]);
});

test('a release that nothing owns is to stop, unless a deployment of its app may still give it the traffic back', async () => {
  const rows = await createRows(database.prisma);
  const first = await insertClaimed(database.prisma, rows);
  const old = await insertLiveRelease(database.prisma, rows, first.deploymentId);
  await failDeployment(database.prisma, first, 'failed', FAILURE);
  const second = await insertClaimed(database.prisma, rows);
  await insertLiveRelease(database.prisma, rows, second.deploymentId);
  const wanted = async () => (await database.prisma.release.findUniqueOrThrow({ where: { id: old } })).wanted;

  await reconcile(deps);
  const during = await wanted();
  await failDeployment(database.prisma, second, 'failed', FAILURE);
  await reconcile(deps);

  expect([during, await wanted()]).toEqual(['running', 'stopped']);
});
