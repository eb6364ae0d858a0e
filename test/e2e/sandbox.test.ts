import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packProject } from '../../src/cli/pack.ts';
import { Secret } from '../../src/secret.ts';
import { dropAppDatabase } from '../../src/targets/app-database.ts';
import { SERVER_URL } from '../kit/database.ts';
import { createFolder } from '../kit/folder.ts';
import { startPlane } from '../kit/plane.ts';
import { startWindlass } from '../kit/process.ts';
import { SANDBOX } from '../kit/sandbox.ts';
import { appFiles, createApp, createOwner, deployFiles, pushArchive, trigger, untilStatus } from '../kit/seed.ts';

describe.runIf(SANDBOX)('with builds in the sandbox', () => {
  test('examples/hello is built, migrated and served, again and again on the same database', async () => {
    await using plane = await startPlane({ sandbox: 'auto', requireSandbox: true });
    const owner = await createOwner(plane);
    const app = await createApp(owner);
    const packed = await packProject('examples/hello', join(plane.dataDir, 'hello.tar.gz'));
    const versionId = await pushArchive(owner, app.entityId, readFileSync(packed.file));

    const first = await trigger(owner, app.productionAppId, versionId);
    await untilStatus(plane, first, 'completed');
    // The app has written to its database with the rights of the host since.
    expect((await plane.visit(app.subdomain)).status).toBe(200);
    await plane.app.database.prisma.appliedMigration.deleteMany();
    const second = await trigger(owner, app.productionAppId, versionId);
    await untilStatus(plane, second, 'completed');

    const where = { deploymentId: { in: [first, second] }, stream: 'stdout' as const, phase: 'migrate' as const };
    const lines = await plane.app.database.prisma.logLine.findMany({ where, orderBy: { deploymentId: 'asc' } });
    expect(lines.map(({ message }) => message).join('\n')).toMatch(/: applied\.[^]*: applied before\./);
    expect((await plane.visit(app.subdomain)).status).toBe(200);
  });

  test.runIf(SERVER_URL)('a migration reaches its database on a PostgreSQL server', async () => {
    await using plane = await startPlane({ sandbox: 'auto', appsDatabaseUrl: new Secret(SERVER_URL!) });
    const owner = await createOwner(plane);
    const app = await createApp(owner);
    const packed = await packProject('examples/api-with-postgres', join(plane.dataDir, 'example.tar.gz'));
    const versionId = await pushArchive(owner, app.entityId, readFileSync(packed.file));

    try {
      await untilStatus(plane, await trigger(owner, app.productionAppId, versionId), 'completed');

      expect((await plane.visit(app.subdomain, '/notes')).body).toBe('[]\n');
    } finally {
      await dropAppDatabase(SERVER_URL!, app.productionAppId);
    }
  });

  test('a build reaches the network only when its app may, and the log says what it printed', async () => {
    await using plane = await startPlane({ sandbox: 'auto' });
    const owner = await createOwner(plane);
    const app = await createApp(owner);
    const files = appFiles('one', { build: 'echo "proxy: ${HTTPS_PROXY-none}"' });

    const without = await deployFiles(plane, owner, app, files);
    await plane.rest('PATCH', `/api/production-apps/${app.productionAppId}`, {
      token: owner.token,
      body: { buildNetwork: true },
    });
    const having = await deployFiles(plane, owner, app, files);

    const said = (deploymentId: string) =>
      plane.app.database.prisma.logLine.findFirst({ where: { deploymentId, message: { startsWith: 'proxy:' } } });
    expect((await said(without))?.message).toBe('proxy: none');
    expect((await said(having))?.message).toBe('proxy: http://127.0.0.1:3128');
  });
});

test('a worker that must isolate builds and cannot does not start, and says why', async () => {
  using folder = createFolder();
  await using windlass = startWindlass(['serve'], {
    WINDLASS_DATA_DIR: folder.path,
    WINDLASS_SANDBOX: 'off',
    WINDLASS_REQUIRE_SANDBOX: '1',
  });

  expect(await windlass.exited()).toBe(1);
  expect(windlass.output()).toContain('windlass: WINDLASS_SANDBOX is off.');
});

test('a worker that does not isolate builds says so at its start, loudly', async () => {
  using folder = createFolder();
  await using windlass = startWindlass(['serve'], { WINDLASS_DATA_DIR: folder.path, WINDLASS_SANDBOX: 'off' });

  await windlass.untilOutput(/"level":40.*BUILDS ARE NOT ISOLATED/);
});
