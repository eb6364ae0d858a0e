import { describe, expect, test } from 'vitest';
import { createApiClient } from '../../src/client/api.ts';
import { followDeployment } from '../../src/client/follow.ts';
import { DeploymentResultDocument, WhoamiDocument } from '../../src/generated/gql/graphql.ts';
import WebSocket from 'ws';
import { createServerDatabase, SERVER_URL } from '../kit/database.ts';
import { createFolder } from '../kit/folder.ts';
import { startWindlass } from '../kit/process.ts';
import { processesWith, uniqueNap } from '../kit/processes.ts';
import { appFiles, createApp, pushVersion, trigger, type Member } from '../kit/seed.ts';
import { send } from '../kit/plane.ts';
import { until } from '../kit/until.ts';

const TOKEN = 'wl_a-token-that-is-long-enough-for-tests';
/** The lease is 10 s; the rest is a slow machine's. */
const TAKE_OVER_MS = 40_000;

describe.runIf(SERVER_URL && process.env['TEST_REDIS_URL'])('separate processes on PostgreSQL and Redis', () => {
  test(
    'an api shows what a worker does, and another worker goes on after a kill -9 of the first',
    { timeout: 120_000 },
    async () => {
      await using database = await createServerDatabase();
      using folder = createFolder();
      const env = {
        DATABASE_URL: database.url,
        REDIS_URL: process.env['TEST_REDIS_URL']!,
        WINDLASS_REDIS_PREFIX: `windlass-test-${uniqueNap()}:`,
        WINDLASS_DATA_DIR: folder.path,
        WINDLASS_BOOTSTRAP_TOKEN: TOKEN,
      };
      await using api = startWindlass(['api'], env);
      await using host = startWindlass(['host'], env);
      await using first = startWindlass(['worker'], env);
      const [, url] = await api.untilOutput(/API\s+(http:\S+)\/graphql/);
      const [, gatewayPort] = await host.untilOutput(/Apps\s+at port (\d+)/);
      await first.untilOutput(/Windlass runs/);
      const client = createApiClient({ url: url!, token: TOKEN });
      const { viewer } = await client.request(WhoamiDocument, {});
      const owner: Member = {
        organizationId: viewer.memberships[0]!.organization.id,
        userId: viewer.user.id,
        token: TOKEN,
        client,
      };
      const app = await createApp(owner);
      const nap = uniqueNap();
      const build = `if [ -e ../tried ]; then echo again; else touch ../tried; echo started; sleep ${nap}; fi`;
      const id = await trigger(
        owner,
        app.productionAppId,
        await pushVersion(owner, app.entityId, appFiles('one', { build })),
      );
      await until('the build runs', () => processesWith(`sleep\0${nap}`).length > 0);
      await using second = startWindlass(['worker'], env);
      await second.untilOutput(/Windlass runs/);

      first.child.kill('SIGKILL');
      const messages: string[] = [];
      for await (const event of followDeployment({
        url: url!,
        token: TOKEN,
        deploymentId: id,
        webSocketImpl: WebSocket,
      })) {
        if (event.__typename === 'DeploymentLogBatch') messages.push(...event.lines.map(({ message }) => message));
      }

      const { deployment } = await client.request(DeploymentResultDocument, { id });
      expect(deployment?.status).toBe('COMPLETED');
      expect(messages).toContainEqual(
        expect.stringMatching(/^A new worker took over, as run 2 of the deployment: prc_\S+\. prc_\S+ was lost\.$/),
      );
      expect(messages.filter((message) => message.startsWith('Unpacked'))).toHaveLength(1);
      expect(processesWith(`sleep\0${nap}`)).toEqual([]);
      expect(deployment!.durationMs!).toBeLessThan(TAKE_OVER_MS);
      const answer = await send('GET', `http://127.0.0.1:${gatewayPort}/`, {
        headers: { host: `${app.subdomain}.localhost` },
      });
      expect(answer.body).toBe('one');
    },
  );
});
