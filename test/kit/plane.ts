import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { expect } from 'vitest';
import { startApp, type App } from '../../src/app.ts';
import { ROLES, type Role } from '../../src/domain/process.ts';
import { createApiClient, type ApiClient } from '../../src/client/api.ts';
import { loadConfig, type Config } from '../../src/config.ts';
import { Secret } from '../../src/secret.ts';
import { createLog, type Log } from '../../src/telemetry.ts';
import { createServerDatabase, databaseImage, SERVER_URL } from './database.ts';
import { createFolder } from './folder.ts';
import { expectNoSecret, expectSecretKept } from './sentinel.ts';
import { until } from './until.ts';
import { isGroupAlive } from '../../src/targets/process-group.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

/** A whole control plane on free ports, with a database and folders of its own. */
export interface Plane extends AsyncDisposable {
  readonly url: string;
  readonly gatewayPort: number;
  readonly dataDir: string;
  readonly config: Config;
  readonly app: App;
  client(token: string): ApiClient;
  /** A REST call, with what came back whatever it is. */
  rest(
    method: string,
    path: string,
    options?: { token?: string; body?: unknown; headers?: Record<string, string> },
  ): Promise<Answer>;
  /** A request of a browser to an app. */
  visit(subdomain: string, path?: string, headers?: Record<string, string>): Promise<Answer>;
}

export async function startPlane(
  options: Partial<Config> & { roles?: readonly Role[]; log?: Log } = {},
): Promise<Plane> {
  const folder = createFolder();
  const server = SERVER_URL === null ? null : await createServerDatabase();
  const redisUrl = process.env['TEST_REDIS_URL'];
  const { roles = ROLES, log = createLog(process.env['TEST_LOG_LEVEL'] ?? 'silent'), ...settings } = options;
  const config: Config = {
    ...loadConfig({ PATH: process.env['PATH'] }),
    port: 0,
    gatewayPort: 0,
    metrics: { host: '127.0.0.1', port: 0 },
    dataDir: folder.path,
    databaseUrl: server && new Secret(server.url),
    redisUrl: redisUrl ? new Secret(redisUrl) : null,
    redisPrefix: `windlass-test-${randomUUID()}:`,
    killGraceMs: 500,
    // Tests hold builds from outside, and look at what they do. Those of the sandbox have one.
    sandbox: 'off',
    rateLimit: null,
    rateLimitAnonymous: null,
    rateLimitFailures: null,
    ...settings,
  };
  const app = await startApp(config, { roles, log, databaseImage: server ? undefined : databaseImage() });
  const url = app.url ?? '';
  const gatewayPort = app.gatewayPort ?? 0;

  return {
    url,
    gatewayPort,
    dataDir: folder.path,
    config,
    app,
    client: (token) => createApiClient({ url, token }),
    rest: (method, path, { token, body, headers = {} } = {}) =>
      send(method, `${url}${path}`, {
        headers: {
          ...(token ? { authorization: `Bearer ${token}` } : {}),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
      }),
    visit: (subdomain, path = '/', headers = {}) =>
      send('GET', `http://127.0.0.1:${gatewayPort}${path}`, {
        headers: { host: `${subdomain}.${config.gatewayDomain}`, ...headers },
      }),
    async [Symbol.asyncDispose]() {
      const releases = await app.database.prisma.release.findMany({ where: { pid: { not: null } } });
      try {
        await expectSecretKept(app.database, folder.path);
        expectNoSecret('the metrics', (await send('GET', app.metricsUrl!, {})).body);
      } finally {
        await app.stop();
      }
      for (const { pid } of releases)
        await until(`the app ${pid} is gone`, () => !isGroupAlive({ leader: pid, marker: null }));
      await server?.[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

export function send(
  method: string,
  url: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: string | Buffer },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = httpRequest(url, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        });
      });
    });
    call.on('error', reject);
    call.end(body);
  });
}

/** The error code of a refused call. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error, 'the call was not refused').toHaveProperty('code');
  return (error as { code: string }).code;
}
