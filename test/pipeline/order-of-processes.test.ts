import { describe, expect, test } from 'vitest';
import { createApiClient } from '../../src/client/api.ts';
import { OPEN_STATUSES } from '../../src/domain/deployment.ts';
import { WhoamiDocument } from '../../src/generated/gql/graphql.ts';
import { openDatabase } from '../../src/store/db.ts';
import { createServerDatabase, SERVER_URL } from '../kit/database.ts';
import { createFolder } from '../kit/folder.ts';
import { startWindlass } from '../kit/process.ts';
import { createApp, pushVersion, trigger, type Member, type SeededApp } from '../kit/seed.ts';
import { until } from '../kit/until.ts';

const TOKEN = 'wl_a-token-that-is-long-enough-for-tests';
const [APPS, TRIGGERS, WORKERS] = [20, 200, 4];

describe.runIf(SERVER_URL)('with separate worker processes', () => {
  test(
    `${TRIGGERS} deployments of ${APPS} apps never overlap in an app and keep their order under ${WORKERS} of them`,
    { timeout: 600_000 },
    async () => {
      await using server = await createServerDatabase();
      using folder = createFolder();
      const env = {
        DATABASE_URL: server.url,
        WINDLASS_DATA_DIR: folder.path,
        WINDLASS_BOOTSTRAP_TOKEN: TOKEN,
        ...(process.env['TEST_REDIS_URL'] ? { REDIS_URL: process.env['TEST_REDIS_URL'] } : {}),
        WINDLASS_REDIS_PREFIX: `windlass-test-${server.url.slice(-32)}:`,
      };
      await using api = startWindlass(['api'], env);
      const [, url] = await api.untilOutput(/API\s+(http:\S+)\/graphql/);
      await using host = startWindlass(['host'], env);
      await host.untilOutput(/Apps\s+at port (\d+)/);
      const client = createApiClient({ url: url!, token: TOKEN });
      const { viewer } = await client.request(WhoamiDocument, {});
      const organizationId = viewer.memberships[0]!.organization.id;
      const owner: Member = { organizationId, userId: viewer.user.id, token: TOKEN, client };
      const apps: SeededApp[] = [];
      for (let i = 0; i < APPS; i += 1) {
        const app = await createApp(owner);
        await pushVersion(owner, app.entityId, { 'a/index.html': 'x', 'windlass.json': '{ "static": "a" }' });
        apps.push(app);
      }

      await using first = startWindlass(['worker'], env);
      await first.untilOutput(/Windlass runs/);
      await using second = startWindlass(['worker'], env);
      await second.untilOutput(/Windlass runs/);
      await using third = startWindlass(['worker'], env);
      await third.untilOutput(/Windlass runs/);
      await using fourth = startWindlass(['worker'], env);
      await fourth.untilOutput(/Windlass runs/);
      const ids: string[] = [];
      for (let i = 0; i < TRIGGERS / APPS; i += 1) {
        ids.push(...(await Promise.all(apps.map(({ productionAppId }) => trigger(owner, productionAppId)))));
      }
      const { prisma, close } = await openDatabase({ url: server.url });
      const open = { id: { in: ids }, status: { in: [...OPEN_STATUSES] } };
      await until('all have ended', async () => (await prisma.deployment.count({ where: open })) === 0, 480_000);
      const rows = await prisma.deployment.findMany({ orderBy: [{ productionAppId: 'asc' }, { number: 'asc' }] });
      await close();

      expect(rows.map(({ status }) => status)).toEqual(Array.from({ length: TRIGGERS }, () => 'completed'));
      const errors = rows.filter((row, index) => {
        const before = rows[index - 1];
        return before?.productionAppId === row.productionAppId && row.startedAt! < before.finishedAt!;
      });
      expect(errors).toEqual([]);
      // Every process had its share.
      expect(new Set(rows.map(({ workerId }) => workerId)).size).toBe(WORKERS);
    },
  );
});
