import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiClient, type ApiClient } from '../src/client/api.ts';
import { openDatabase, type Database } from '../src/store/db.ts';
import { createServerDatabase, seed, startProcess, type BenchProcess, type Ids } from './fixtures.ts';

export interface PlaneOptions {
  readonly serverUrl: string;
  readonly redisUrl: string;
}

/** Windlass on a database, a data folder and a prefix on Redis of its own. Each part of it is a process. */
export interface BenchPlane {
  readonly api: BenchProcess;
  readonly url: string;
  readonly token: string;
  readonly client: ApiClient;
  readonly database: Database;
  readonly databaseUrl: string;
  readonly redisPrefix: string;
  readonly ids: Ids;
  /** Resolves once it is ready. */
  start(role: 'worker' | 'host', settings?: Record<string, string>): Promise<BenchProcess>;
  /** Another API, whose memory nothing was done with yet. */
  startApi(): Promise<{ readonly api: BenchProcess; readonly url: string }>;
  /** Stops all its processes and removes what they had. */
  close(): Promise<void>;
}

export async function startPlane({ serverUrl, redisUrl }: PlaneOptions): Promise<BenchPlane> {
  const folder = mkdtempSync(join(tmpdir(), 'windlass-bench-'));
  const server = await createServerDatabase(serverUrl);
  const token = `wl_${randomUUID()}`;
  const redisPrefix = `windlass-bench-${randomUUID()}:`;
  const env = {
    DATABASE_URL: server.url,
    REDIS_URL: redisUrl,
    WINDLASS_REDIS_PREFIX: redisPrefix,
    WINDLASS_DATA_DIR: folder,
    WINDLASS_BOOTSTRAP_TOKEN: token,
    WINDLASS_PORT: '0',
    WINDLASS_GATEWAY_PORT: '0',
    WINDLASS_LOG_LEVEL: 'warn',
  };
  const processes: BenchProcess[] = [];
  const launch = (role: string, settings: Record<string, string> = {}) => {
    const launched = startProcess(['dist/main.js', role], { ...env, ...settings });
    processes.push(launched);
    return launched;
  };
  const database = await openDatabase({ url: server.url });
  const close = async () => {
    for (const launched of processes) await launched.stop();
    await database.close();
    await server.drop();
    rmSync(folder, { recursive: true, force: true });
  };
  const startApi = async () => {
    const api = launch('api');
    const [, url] = await api.printed(/API\s+(http:\S+)\/graphql/);
    return { api, url: url! };
  };
  try {
    const { api, url } = await startApi();
    const client = createApiClient({ url, token });
    const ids = await seed(database, client);
    return {
      api,
      url,
      token,
      client,
      database,
      databaseUrl: server.url,
      redisPrefix,
      ids,
      startApi,
      close,
      async start(role, settings) {
        const launched = launch(role, settings);
        await launched.printed(/Windlass runs/);
        return launched;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
