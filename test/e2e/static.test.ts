import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packProject } from '../../src/cli/pack.ts';
import { dataFolders } from '../../src/config.ts';
import { createMemoryBus } from '../../src/events/bus.ts';
import { ConfirmUploadDocument, RequestUploadDocument } from '../../src/generated/gql/graphql.ts';
import { startHostAgent } from '../../src/host/agent.ts';
import { createFolderStore } from '../../src/packages/folder.ts';
import { loadKeyRing } from '../../src/store/secret-keys.ts';
import { createLog } from '../../src/telemetry.ts';
import { send, startPlane, type Plane } from '../kit/plane.ts';
import { startPoller } from '../kit/poller.ts';
import { appFiles, createApp, createOwner, deployFiles, trigger, untilStatus, type Member } from '../kit/seed.ts';
import { until } from '../kit/until.ts';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

function site(text: string, manifest: Record<string, unknown> = {}) {
  return {
    'public/index.html': text,
    'windlass.json': JSON.stringify({ static: 'public', drain: '100ms', ...manifest }),
  };
}

test('examples/static-site is built and served, with what may be kept for how long', async () => {
  const app = await createApp(owner);
  const packed = await packProject('examples/static-site', join(plane.dataDir, 'static-site.tar.gz'));
  const about = { entityId: app.entityId, version: 'v1', sourceHash: packed.sha256 };
  const { requestVersionUpload } = await owner.client.request(RequestUploadDocument, { input: about });
  await send('PUT', requestVersionUpload.uploadUrl!, { body: readFileSync(packed.file) });
  await owner.client.request(ConfirmUploadDocument, {
    input: { ...about, storagePath: requestVersionUpload.storagePath!, fileSizeBytes: packed.bytes },
  });

  await untilStatus(plane, await trigger(owner, app.productionAppId), 'completed');
  const page = await plane.visit(app.subdomain);
  const assets = [...page.body.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, path]) => path!);
  const [style, picture] = await Promise.all(assets.map((path) => plane.visit(app.subdomain, path)));
  const lost = await plane.visit(app.subdomain, '/lost');

  expect([page.status, page.headers['cache-control'], page.headers['content-type']]).toEqual([
    ...[200, 'no-cache', 'text/html; charset=utf-8'],
  ]);
  expect(assets.length).toBe(2);
  const kept = 'public, max-age=31536000, immutable';
  expect([style!.status, style!.headers['cache-control'], style!.headers['content-type']]).toEqual([
    ...[200, kept, 'text/css; charset=utf-8'],
  ]);
  expect([picture!.status, picture!.headers['cache-control'], picture!.headers['content-type']]).toEqual([
    ...[200, kept, 'image/svg+xml; charset=utf-8'],
  ]);
  expect([lost.status, lost.body.includes('Back to the harbour')]).toEqual([404, true]);
});

test('no request fails while an app turns from a process to files and back', async () => {
  const app = await createApp(owner);
  await deployFiles(plane, owner, app, appFiles('process one'));
  await using poller = startPoller(plane, app.subdomain);

  await deployFiles(plane, owner, app, site('files one'));
  await poller.untilBody('files one');
  await deployFiles(plane, owner, app, site('files two'));
  await poller.untilBody('files two');
  await deployFiles(plane, owner, app, appFiles('process two'));
  await poller.untilBody('process two');
  await poller.stop();

  expect(poller.failures()).toEqual([]);
  expect(poller.versions()).toEqual(['process one', 'files one', 'files two', 'process two']);
});

test('a static release has no process, and its replaced one is removed', async () => {
  const app = await createApp(owner);
  const first = await deployFiles(plane, owner, app, site('one'));
  const { prisma } = plane.app.database;
  const release = await prisma.release.findFirstOrThrow({ where: { deploymentId: first } });

  await deployFiles(plane, owner, app, site('two'));

  expect(release).toMatchObject({ observed: 'healthy', pid: null, port: null });
  await until('the first release is stopped', () =>
    prisma.release.findFirst({ where: { id: release.id, observed: 'stopped' } }),
  );
});

test('a static folder that the build did not make fails the deployment, and the version before serves', async () => {
  const app = await createApp(owner);
  await deployFiles(plane, owner, app, site('good'));

  const id = await deployFiles(plane, owner, app, site('bad', { static: 'dist' }), 'failed');

  const { failure, errorMessage } = await plane.app.database.prisma.deployment.findUniqueOrThrow({ where: { id } });
  expect(failure).toMatchObject({ code: 'START_FAILED', phase: 'service_deploy' });
  expect(errorMessage).toBe('There is no folder "dist" in the built package.');
  expect((await plane.visit(app.subdomain)).body).toBe('good');
});

test('a host agent that starts again serves the files again', async () => {
  await using api = await startPlane();
  const member = await createOwner(api);
  const app = await createApp(member);
  await deployFiles(api, member, app, site('still here'));
  const { prisma } = api.app.database;

  const folders = dataFolders(api.dataDir);
  const again = await startHostAgent({
    prisma,
    bus: createMemoryBus(),
    packages: createFolderStore(folders.packages),
    keyRing: await loadKeyRing({ keys: null, file: folders.secretKey }),
    log: createLog('silent'),
    appsFolder: folders.apps,
    appsDatabaseUrl: null,
    killGraceMs: 500,
    commandPath: '/usr/bin:/bin',
    runtimeLogBytesMax: 1_000_000,
    gateway: { host: '127.0.0.1', port: 0, domain: 'localhost' },
  });

  const headers = { host: `${app.subdomain}.localhost` };
  await until('the new agent serves', async () => {
    const { body } = await send('GET', `http://127.0.0.1:${again.gatewayPort}/`, { headers });
    return body === 'still here';
  });
  await again.stop();
});
