import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createApiClient } from '../../src/client/api.ts';
import { dataFolders } from '../../src/config.ts';
import { DeploymentResultDocument, WhoamiDocument } from '../../src/generated/gql/graphql.ts';
import { openDatabase } from '../../src/store/db.ts';
import { createFolder } from '../kit/folder.ts';
import { startWindlass } from '../kit/process.ts';
import { appFiles, createApp, pushVersion, trigger } from '../kit/seed.ts';
import { until } from '../kit/until.ts';

const TOKEN = 'wl_a-token-that-is-long-enough-for-tests';

test(
  'the doctor finds nothing after a deployment, finds what is planted, and leaves a database that runs alone',
  { timeout: 180_000 },
  async () => {
    using folder = createFolder();
    const env = { WINDLASS_DATA_DIR: folder.path, WINDLASS_BOOTSTRAP_TOKEN: TOKEN };
    await using serve = startWindlass(['serve'], env);
    const [, url] = await serve.untilOutput(/API\s+(http:\S+)\/graphql/, 120_000);
    const client = createApiClient({ url: url!, token: TOKEN });
    const { viewer } = await client.request(WhoamiDocument, {});
    const organizationId = viewer.memberships[0]!.organization.id;
    const owner = { organizationId, userId: viewer.user.id, token: TOKEN, client };
    const app = await createApp(owner);
    const id = await trigger(owner, app.productionAppId, await pushVersion(owner, app.entityId, appFiles('one')));
    await until(
      'it has completed',
      async () => (await client.request(DeploymentResultDocument, { id })).deployment?.status === 'COMPLETED',
    );
    const examine = async () => {
      await using doctor = startWindlass(['doctor', '--json'], env);
      const exitCode = await doctor.exited();
      return { exitCode, output: doctor.output() };
    };
    const rulesOf = (output: string) =>
      (JSON.parse(output) as { violations: { rule: string }[] }).violations.map(({ rule }) => rule).toSorted();

    const refused = await examine();
    serve.child.kill('SIGTERM');
    await serve.exited();
    // Its app stopped with it: the rows say so, and no host is there to start it again.
    const healthy = await examine();
    const { database: databaseFolder, workspaces } = dataFolders(folder.path);
    const database = await openDatabase({ folder: databaseFolder });
    await database.pool.query('delete from log_lines where deployment_id = $1 and seq = 2', [id]);
    await database.pool.query(
      `delete from deployment_events where deployment_id = $1 and type = 'status' and status = 'in_progress'`,
      [id],
    );
    await database.pool.query('update production_apps set live_release_id = null where id = $1', [app.productionAppId]);
    await database.close();
    mkdirSync(join(workspaces, 'dep_nobody'), { recursive: true });
    const ill = await examine();

    expect(refused).toMatchObject({ exitCode: 1, output: expect.stringContaining('Another Windlass process uses') });
    expect(healthy.exitCode, healthy.output).toBe(0);
    expect(ill.exitCode).toBe(1);
    expect(rulesOf(ill.output)).toEqual([
      ...['completed-serves', 'gapless-log', 'no-ownerless-folder', 'ownerless-release', 'status-transitions'],
    ]);
  },
);
