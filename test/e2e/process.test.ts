import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createApiClient } from '../../src/client/api.ts';
import { dataFolders } from '../../src/config.ts';
import { DeploymentResultDocument, WhoamiDocument } from '../../src/generated/gql/graphql.ts';
import { createRuntimeLogReader } from '../../src/store/runtime-logs.ts';
import { appFolders } from '../../src/targets/app-folders.ts';
import { createFolder } from '../kit/folder.ts';
import { processesWith, uniqueNap } from '../kit/processes.ts';
import { startWindlass, type WindlassProcess } from '../kit/process.ts';
import { send } from '../kit/plane.ts';
import { appFiles, createApp, pushVersion, trigger, type Member } from '../kit/seed.ts';
import { until } from '../kit/until.ts';

const TOKEN = 'wl_a-token-that-is-long-enough-for-tests';

async function ownerOf(windlass: WindlassProcess): Promise<Member & { url: string; gatewayPort: number }> {
  const [, url] = await windlass.untilOutput(/API\s+(http:\S+)\/graphql/);
  const [, gatewayPort] = await windlass.untilOutput(/Apps\s+at port (\d+)/);
  const client = createApiClient({ url: url!, token: TOKEN });
  const { viewer } = await client.request(WhoamiDocument, {});
  const organizationId = viewer.memberships[0]!.organization.id;
  return { url: url!, gatewayPort: Number(gatewayPort), organizationId, userId: viewer.user.id, token: TOKEN, client };
}

test('the first start makes an owner token and shows it once; SIGTERM ends with code 0', async () => {
  using folder = createFolder();
  const env = { WINDLASS_DATA_DIR: folder.path };
  await using first = startWindlass(['serve'], env);
  const [, token] = await first.untilOutput(/(wl_\S+)/);
  const [, url] = await first.untilOutput(/API\s+(http:\S+)\/graphql/);
  const { viewer } = await createApiClient({ url: url!, token: token! }).request(WhoamiDocument, {});
  first.child.kill('SIGTERM');
  expect(await first.exited()).toBe(0);

  await using second = startWindlass(['serve'], env);
  await second.untilOutput(/Windlass runs/);

  expect(viewer.memberships).toHaveLength(1);
  expect(second.output()).not.toContain('wl_');
});

test('a second process on one embedded database is refused, and a kill -9 leaves no lock behind', async () => {
  using folder = createFolder();
  const env = { WINDLASS_DATA_DIR: folder.path, WINDLASS_BOOTSTRAP_TOKEN: TOKEN };
  await using first = startWindlass(['serve'], env);
  await first.untilOutput(/Windlass runs/);

  await using refused = startWindlass(['serve'], env);
  expect(await refused.exited()).toBe(1);
  expect(refused.output()).toMatch(/^windlass: Another Windlass process uses the database in .*WINDLASS_DATA_DIR/);
  first.child.kill('SIGKILL');
  await first.exited();
  await using third = startWindlass(['serve'], env);

  expect((await ownerOf(third)).token).toBe(TOKEN);
});

test('a deployment that a kill -9 interrupts goes on after the next start, and its version serves', async () => {
  const nap = uniqueNap();
  using folder = createFolder();
  const env = { WINDLASS_DATA_DIR: folder.path, WINDLASS_BOOTSTRAP_TOKEN: TOKEN };
  await using first = startWindlass(['serve'], env);
  const owner = await ownerOf(first);
  const app = await createApp(owner);
  // The first attempt hangs, the second one does not.
  const build = `if [ -e ../tried ]; then echo again; else touch ../tried; echo started; sleep ${nap}; fi`;
  const id = await trigger(
    owner,
    app.productionAppId,
    await pushVersion(owner, app.entityId, appFiles('one', { build })),
  );
  await until('the build runs', () => processesWith(`sleep\x00${nap}`).length > 0);

  first.child.kill('SIGKILL');
  await first.exited();
  await using second = startWindlass(['serve'], env);
  const { client, gatewayPort } = await ownerOf(second);

  const deployment = await until('it has completed', async () => {
    const result = await client.request(DeploymentResultDocument, { id });
    return result.deployment?.status === 'COMPLETED' ? result.deployment : null;
  });
  expect(deployment.number).toBe(1);
  expect(processesWith(`sleep\x00${nap}`)).toEqual([]);
  const answer = await send('GET', `http://127.0.0.1:${gatewayPort}/`, {
    headers: { host: `${app.subdomain}.localhost` },
  });
  expect(answer.body).toBe('one');
});

test('what serves goes on serving after a restart, and no process of it outlives a SIGTERM', async () => {
  const nap = uniqueNap();
  using folder = createFolder();
  const env = { WINDLASS_DATA_DIR: folder.path, WINDLASS_BOOTSTRAP_TOKEN: TOKEN };
  await using first = startWindlass(['serve'], env);
  const owner = await ownerOf(first);
  const app = await createApp(owner);
  const files = appFiles('one', { start: `exec node server.mjs marker-${nap}` });
  const id = await trigger(owner, app.productionAppId, await pushVersion(owner, app.entityId, files));
  await until(
    'it has completed',
    async () => (await owner.client.request(DeploymentResultDocument, { id })).deployment?.status === 'COMPLETED',
  );
  // What a kill leaves running is taken over, not started twice.
  first.child.kill('SIGKILL');
  await first.exited();
  const [before] = processesWith(`marker-${nap}`);

  await using second = startWindlass(['serve'], env);
  const { gatewayPort } = await ownerOf(second);
  const host = { host: `${app.subdomain}.localhost` };
  await until(
    'it serves',
    async () => (await send('GET', `http://127.0.0.1:${gatewayPort}/`, { headers: host })).body === 'one',
  );
  expect(processesWith(`marker-${nap}`)).toEqual([before]);
  second.child.kill('SIGTERM');

  expect(await second.exited()).toBe(0);
  expect(processesWith(`marker-${nap}`)).toEqual([]);
});

test('a taken port is said in one clear sentence', async () => {
  using folder = createFolder();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  await using refused = startWindlass(['serve'], { WINDLASS_DATA_DIR: folder.path, WINDLASS_PORT: String(port) });

  expect(await refused.exited()).toBe(1);
  expect(refused.output()).toMatch(
    new RegExp(`^windlass: Port ${port} on 127.0.0.1 is taken by another program. Set WINDLASS_PORT`, 'm'),
  );
  await new Promise((resolve) => server.close(resolve));
});

test.each([
  [
    ['migrate'],
    { DATABASE_URL: 'postgresql://nobody:topsecret@127.0.0.1:1/none' },
    /^windlass: The database cannot be reached: .*ECONNREFUSED.*DATABASE_URL/,
    1,
  ],
  [
    ['demo', '--exit', '--port', 'abc'],
    {},
    /^error: option '--port <port>' .* A port is a number from 0 to 65535\./,
    2,
  ],
  [
    ['demo', '--exit', '--port', '65536'],
    {},
    /^error: option '--port <port>' .* A port is a number from 0 to 65535\./,
    2,
  ],
])('%j with %j is refused in one clear sentence', async (args, env, message, code) => {
  using folder = createFolder();

  await using refused = startWindlass(args, { WINDLASS_DATA_DIR: folder.path, ...env });

  expect(await refused.exited()).toBe(code);
  expect(refused.output()).toMatch(message);
  expect(refused.output().trim().split('\n')).toHaveLength(1);
  expect(refused.output()).not.toContain('topsecret');
});

test('the demo ships the example, shows its phases and places, and leaves with code 0; again in the same folder, too', async () => {
  using folder = createFolder();
  const env = { WINDLASS_DATA_DIR: folder.path };

  await using first = startWindlass(['demo', '--exit', '--port', '0'], env);
  expect(await first.exited(), first.output()).toBe(0);
  await using second = startWindlass(['demo', '--exit', '--port', '0'], env);
  expect(await second.exited(), second.output()).toBe(0);

  const phases = [...first.output().matchAll(/^● (\S+)$/gm)].map(([, phase]) => phase);
  expect(phases).toEqual([
    ...['orchestrate', 'download', 'infra', 'build', 'package', 'migrate', 'service_deploy', 'cache_invalidation'],
  ]);
  expect(first.output()).toMatch(/✔ Completed in .* s, and the app answers\./);
  expect(first.output()).toMatch(/The app\s+http:\/\/hello\.localhost:\d+\//);
  expect(first.output()).toMatch(/GraphiQL\s+http:\/\/127\.0\.0\.1:\d+\/graphql/);
  expect(second.output()).toContain('Deployment 2');
});

test('the demo leaves with code 1 and says why when the example cannot be shipped', async () => {
  using folder = createFolder();

  await using demo = startWindlass(['demo', '--exit', '--port', '0'], {
    WINDLASS_DATA_DIR: folder.path,
    WINDLASS_UNPACKED_BYTES_MAX: '1000',
  });

  expect(await demo.exited()).toBe(1);
  expect(demo.output()).toContain('The archive unpacks to more than 1000 bytes.');
});

test('settings that are not valid are all said at once', async () => {
  await using refused = startWindlass(['serve'], { WINDLASS_PORT: 'x', DATABASE_URL: 'mysql://x' });

  expect(await refused.exited()).toBe(1);
  expect(refused.output()).toMatch(/WINDLASS_PORT: .*\n.*DATABASE_URL: must be a URL/);
});

test('what an app prints while its host is killed again and again is in its log once, whole and in order', async () => {
  using folder = createFolder();
  const env = { WINDLASS_DATA_DIR: folder.path, WINDLASS_BOOTSTRAP_TOKEN: TOKEN };
  await using first = startWindlass(['serve'], env);
  const owner = await ownerOf(first);
  const app = await createApp(owner);
  const files = {
    ...appFiles('one'),
    'server.mjs': `
      import { createServer } from 'node:http';
      createServer((request, response) => response.end('one')).listen(process.env.PORT, '127.0.0.1');
      let n = 0;
      setInterval(() => {
        for (let i = 0; i < 20; i += 1) console.log('n' + (n += 1));
        console.error('e' + n);
      }, 5);
    `,
  };
  const id = await trigger(owner, app.productionAppId, await pushVersion(owner, app.entityId, files));
  await until(
    'it has completed',
    async () => (await owner.client.request(DeploymentResultDocument, { id })).deployment?.status === 'COMPLETED',
  );
  const reader = createRuntimeLogReader(() => appFolders(dataFolders(folder.path).apps, app.productionAppId).logs);
  const countNow = async () => (await reader.bounds('')).lastSeq;

  first.child.kill('SIGKILL');
  for (let kills = 0; kills < 3; kills += 1) {
    const before = await countNow();
    const again = startWindlass(['serve'], env);
    await until('more is stored', async () => (await countNow()) > before + 500);
    again.child.kill('SIGKILL');
    await again.exited();
  }
  await using last = startWindlass(['serve'], env);
  await last.untilOutput(/Windlass runs/);
  const seen = await countNow();
  await until('more is stored', async () => (await countNow()) > seen + 500);
  last.child.kill('SIGTERM');
  await last.exited();

  const lines = await reader.read('', { limit: Infinity });
  for (const [stream, initial, step] of [
    ['stdout', 'n', 1],
    ['stderr', 'e', 20],
  ] as const) {
    const printed = lines.filter((line) => line.stream === stream).map(({ message }) => message);
    expect(printed).toEqual(printed.map((_message, i) => `${initial}${(i + 1) * step}`));
    expect(printed.length).toBeGreaterThan(50);
  }
  expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_line, i) => i + 1));
});
