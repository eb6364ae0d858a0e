import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { packProject } from '../../src/cli/pack.ts';
import { dataFolders } from '../../src/config.ts';
import { Secret } from '../../src/secret.ts';
import { dropAppDatabase } from '../../src/targets/app-database.ts';
import { SERVER_URL } from '../kit/database.ts';
import { until } from '../kit/until.ts';
import { send, startPlane } from '../kit/plane.ts';
import { appFiles, createApp, createOwner, deployFiles, pushArchive, trigger, untilStatus } from '../kit/seed.ts';

describe.runIf(SERVER_URL)('apps with databases on a PostgreSQL server', () => {
  test('examples/api-with-postgres gets a database and a role of its own, keeps them over versions, and loses them when it is deleted', async () => {
    await using plane = await startPlane({ appsDatabaseUrl: new Secret(SERVER_URL!) });
    const owner = await createOwner(plane);
    const app = await createApp(owner);
    const packed = await packProject('examples/api-with-postgres', join(plane.dataDir, 'example.tar.gz'));
    const versionId = await pushArchive(owner, app.entityId, readFileSync(packed.file));
    const notes = { headers: { host: `${app.subdomain}.localhost` } };
    const url = `http://127.0.0.1:${plane.gatewayPort}/notes`;

    try {
      await untilStatus(plane, await trigger(owner, app.productionAppId, versionId), 'completed');
      await send('POST', url, { ...notes, body: 'remember' });
      await untilStatus(plane, await trigger(owner, app.productionAppId, versionId), 'completed');
      const answer = await send('GET', url, notes);

      expect(JSON.parse(answer.body)).toMatchObject([{ id: '1', text: 'remember' }]);
      const { prisma } = plane.app.database;
      const { DATABASE_URL } = JSON.parse(
        readFileSync(join(dataFolders(plane.dataDir).apps, app.productionAppId, 'environment.json'), 'utf8'),
      ) as { DATABASE_URL: string };
      const { password } = new URL(DATABASE_URL);
      const stored = JSON.stringify([
        await prisma.release.findMany(),
        await prisma.deploymentPhase.findMany(),
        await prisma.logLine.findMany(),
      ]);
      expect(stored).not.toContain(password);
      // The role of one app may not look into another one's database.
      const foreign = new URL(DATABASE_URL);
      foreign.pathname = '/postgres';
      const client = new pg.Client({ connectionString: foreign.href });
      await client.connect();
      await expect(client.query('create database stolen')).rejects.toThrow(/permission denied/);
      await client.end();
      await plane.rest('DELETE', `/api/production-apps/${app.productionAppId}`, { token: owner.token });
      await until('its database is gone', async () => !(await databaseExists(app.productionAppId)));
    } finally {
      await dropAppDatabase(SERVER_URL!, app.productionAppId);
    }
  });

  test('a server of apps that does not answer fails infra with what to look at', async () => {
    await using plane = await startPlane({ appsDatabaseUrl: new Secret('postgresql://nobody@127.0.0.1:1/none') });
    const owner = await createOwner(plane);
    const app = await createApp(owner);

    const id = await deployFiles(plane, owner, app, appFiles('one'), 'failed');

    const { failure } = await plane.app.database.prisma.deployment.findUniqueOrThrow({ where: { id } });
    expect(failure).toMatchObject({ code: 'INFRA_FAILED', phase: 'infra', retryable: true });
    expect((failure as { hint: string }).hint).toContain('WINDLASS_APPS_DATABASE_URL');
  });
});

async function databaseExists(name: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: SERVER_URL! });
  await client.connect();
  const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
  await client.end();
  return rowCount === 1;
}
