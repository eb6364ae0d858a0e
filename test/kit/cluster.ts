import { createApiClient } from '../../src/client/api.ts';
import { WhoamiDocument } from '../../src/generated/gql/graphql.ts';
import { openDatabase, type Database } from '../../src/store/db.ts';
import { createFolder } from './folder.ts';
import { send, type Answer } from './plane.ts';
import { startWindlass, type WindlassProcess } from './process.ts';
import { uniqueNap } from './processes.ts';
import type { Member } from './seed.ts';

const COMPILED = ['dist/main.js'];
/** Many processes may start at once. */
const START_MS_MAX = 120_000;
const TOKEN = 'wl_a-token-that-is-long-enough-for-tests';

/** Windlass as separate processes on one PostgreSQL database: an API, a host agent, and as many workers as are started. */
export interface Cluster extends AsyncDisposable {
  readonly url: string;
  readonly gatewayPort: number;
  readonly dataDir: string;
  readonly owner: Member;
  /** A look at the rows that no fault of the processes gets in the way of. */
  readonly database: Database;
  readonly env: Readonly<Record<string, string>>;
  /** Every process that was started, also those that ended. */
  readonly processes: readonly WindlassProcess[];
  start(role: string, env?: Readonly<Record<string, string>>): Promise<WindlassProcess>;
  /** A worker that ends itself where a deployment's reason says: see faulty-worker.mjs. */
  startFaultyWorker(): Promise<WindlassProcess>;
  /** What `windlass doctor` finds. */
  diagnose(): Promise<unknown[]>;
  visit(subdomain: string): Promise<Answer>;
}

export async function startCluster(
  databaseUrl: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<Cluster> {
  const folder = createFolder();
  const redisUrl = process.env['TEST_REDIS_URL'];
  const env = {
    DATABASE_URL: databaseUrl,
    ...(redisUrl ? { REDIS_URL: redisUrl, WINDLASS_REDIS_PREFIX: `windlass-test-${uniqueNap()}:` } : {}),
    WINDLASS_DATA_DIR: folder.path,
    WINDLASS_BOOTSTRAP_TOKEN: TOKEN,
    WINDLASS_KILL_GRACE: '500ms',
    WINDLASS_WORKERS: '1',
    ...settings,
  };
  const processes: WindlassProcess[] = [];
  const run = async (args: readonly string[], more: Readonly<Record<string, string>>, program: readonly string[]) => {
    const started = startWindlass(args, { ...env, ...more }, program);
    processes.push(started);
    await started.untilOutput(/Windlass runs/, START_MS_MAX);
    return started;
  };
  const start = (role: string, more: Readonly<Record<string, string>> = {}) => run([role], more, COMPILED);
  const api = await start('api');
  const host = await start('host');
  const [, url] = await api.untilOutput(/API\s+(http:\S+)\/graphql/);
  const [, gatewayPort] = await host.untilOutput(/Apps\s+at port (\d+)/);
  const client = createApiClient({ url: url!, token: TOKEN });
  const { viewer } = await client.request(WhoamiDocument, {});
  const owner = {
    organizationId: viewer.memberships[0]!.organization.id,
    userId: viewer.user.id,
    token: TOKEN,
    client,
  };
  const database = await openDatabase({ url: databaseUrl });

  return {
    url: url!,
    gatewayPort: Number(gatewayPort),
    dataDir: folder.path,
    owner,
    database,
    env,
    processes,
    start,
    startFaultyWorker: () => run([], {}, ['test/kit/faulty-worker.mjs']),
    async diagnose() {
      await using doctor = startWindlass(['doctor', '--json'], env, COMPILED);
      await doctor.exited();
      return (JSON.parse(doctor.output()) as { violations: unknown[] }).violations;
    },
    visit: (subdomain) =>
      send('GET', `http://127.0.0.1:${gatewayPort}/`, { headers: { host: `${subdomain}.localhost` } }),
    async [Symbol.asyncDispose]() {
      for (const { child } of processes) child.kill('SIGCONT');
      // The host agent last: workers that hand over may wait for it.
      for (const ended of processes.toReversed()) await ended[Symbol.asyncDispose]();
      await database.close();
      folder[Symbol.dispose]();
    },
  };
}
