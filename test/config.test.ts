import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, inspect } from 'node:util';
import { expect, test } from 'vitest';
import { createFolder } from './kit/folder.ts';
import { ConfigError, dataFolders, loadConfig, settings } from '../src/config.ts';
import { Secret } from '../src/secret.ts';

const DEFAULTS = {
  host: '127.0.0.1',
  port: 4000,
  publicUrl: null,
  gatewayPort: 8080,
  gatewayDomain: 'localhost',
  cdnPurgeUrl: null,
  cdnPurgeWebhook: null,
  metrics: null,
  dataDir: join(process.cwd(), '.windlass'),
  databaseUrl: null,
  appsDatabaseUrl: null,
  redisUrl: null,
  redisPrefix: 'windlass:',
  bootstrapToken: null,
  identityIssuers: [],
  secretKey: null,
  secretKeyFile: null,
  workers: 2,
  sandbox: 'auto',
  requireSandbox: false,
  sandboxFolders: [],
  buildMemoryBytesMax: 4 * 1024 * 1024 * 1024,
  buildProcessesMax: 512,
  buildDiskBytesMax: 10 * 1024 * 1024 * 1024,
  buildMirrors: {},
  fetchAllow: [],
  fetchTimeoutMs: 300_000,
  packageBytesMax: 512 * 1024 * 1024,
  logBytesMax: 512 * 1024 * 1024,
  unpackedBytesMax: 4 * 1024 * 1024 * 1024,
  runtimeLogBytesMax: 64 * 1024 * 1024,
  streamStallMs: 60_000,
  rateLimit: 600,
  rateLimitAnonymous: 120,
  rateLimitFailures: 20,
  trustedProxies: 0,
  allowedOrigins: [],
  requestTimeoutMs: 30_000,
  killGraceMs: 5_000,
  commandPath: '/usr/local/bin:/usr/bin:/bin',
  logLevel: 'info',
};

function problemsOf(environment: Record<string, string>): string {
  try {
    loadConfig(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
  throw new Error('The settings were not refused.');
}

test('an empty environment gives every setting its default', () => {
  expect(loadConfig({})).toEqual(DEFAULTS);
});

test('an empty text is as good as no setting, for every key', () => {
  const empty = Object.fromEntries(Object.keys(settings.shape).map((key) => [key, '']));

  expect(loadConfig(empty)).toEqual(DEFAULTS);
});

test('an empty text in the environment leaves the default that the caller gives', () => {
  const config = loadConfig({ WINDLASS_PORT: '', WINDLASS_HOST: 'db' }, { WINDLASS_PORT: '5000', WINDLASS_HOST: 'x' });

  expect(config).toEqual({ ...DEFAULTS, port: 5000, host: 'db' });
});

test('every setting is read from its key', () => {
  const { databaseUrl, appsDatabaseUrl, redisUrl, bootstrapToken, cdnPurgeUrl, cdnPurgeWebhook, secretKey, ...config } =
    loadConfig({
      WINDLASS_HOST: '0.0.0.0',
      WINDLASS_PORT: '1',
      WINDLASS_PUBLIC_URL: 'https://windlass.example.com',
      WINDLASS_GATEWAY_PORT: '0',
      WINDLASS_GATEWAY_DOMAIN: 'Apps.Example.com',
      WINDLASS_CDN_PURGE_URL: 'http://varnish:6081/base',
      WINDLASS_CDN_PURGE_WEBHOOK: 'https://example.com/purge?key=1',
      WINDLASS_DATA_DIR: '/var/lib/windlass',
      DATABASE_URL: 'postgres://me@db/windlass',
      WINDLASS_APPS_DATABASE_URL: 'postgresql://admin@apps/postgres',
      REDIS_URL: 'rediss://cache:6379',
      WINDLASS_REDIS_PREFIX: 'mine:',
      WINDLASS_BOOTSTRAP_TOKEN: 't'.repeat(32),
      WINDLASS_SECRET_KEY: `${'0'.repeat(64)},${'A'.repeat(43)}=`,
      WINDLASS_SECRET_KEY_FILE: '/run/secrets/windlass',
      WINDLASS_WORKERS: '64',
      WINDLASS_SANDBOX: 'off',
      WINDLASS_REQUIRE_SANDBOX: '1',
      WINDLASS_SANDBOX_FOLDERS: '/nix/store:/opt/tools',
      WINDLASS_BUILD_MEMORY_BYTES_MAX: '100000000',
      WINDLASS_BUILD_PROCESSES_MAX: '20',
      WINDLASS_BUILD_DISK_BYTES_MAX: '4',
      WINDLASS_BUILD_VARIABLES: 'MIRROR, OTHER',
      WINDLASS_FETCH_ALLOW: 'packages.internal, 127.0.0.1',
      WINDLASS_FETCH_TIMEOUT: '10s',
      MIRROR: 'https://mirror.example.com',
      WINDLASS_PACKAGE_BYTES_MAX: '1',
      WINDLASS_LOG_BYTES_MAX: '3',
      WINDLASS_UNPACKED_BYTES_MAX: '2',
      WINDLASS_RUNTIME_LOG_BYTES_MAX: '3',
      WINDLASS_STREAM_STALL: '5s',
      WINDLASS_RATE_LIMIT: '5',
      WINDLASS_RATE_LIMIT_ANONYMOUS: '4',
      WINDLASS_RATE_LIMIT_FAILURES: '0',
      WINDLASS_TRUSTED_PROXIES: '1',
      WINDLASS_ALLOWED_ORIGINS: 'https://a.example, http://B.example:3000',
      WINDLASS_REQUEST_TIMEOUT: '2s',
      WINDLASS_KILL_GRACE: '250ms',
      WINDLASS_METRICS: '[::1]:9464',
      PATH: '/opt/bin',
      WINDLASS_LOG_LEVEL: 'debug',
      UNRELATED: 'ignored',
    });

  expect(config).toEqual({
    host: '0.0.0.0',
    identityIssuers: [],
    port: 1,
    publicUrl: 'https://windlass.example.com',
    gatewayPort: 0,
    gatewayDomain: 'apps.example.com',
    dataDir: '/var/lib/windlass',
    redisPrefix: 'mine:',
    secretKeyFile: '/run/secrets/windlass',
    workers: 64,
    sandbox: 'off',
    requireSandbox: true,
    sandboxFolders: ['/nix/store', '/opt/tools'],
    buildMemoryBytesMax: 100_000_000,
    buildProcessesMax: 20,
    buildDiskBytesMax: 4,
    buildMirrors: { MIRROR: 'https://mirror.example.com' },
    fetchAllow: ['packages.internal', '127.0.0.1'],
    fetchTimeoutMs: 10_000,
    packageBytesMax: 1,
    logBytesMax: 3,
    unpackedBytesMax: 2,
    runtimeLogBytesMax: 3,
    streamStallMs: 5_000,
    rateLimit: 5,
    rateLimitAnonymous: 4,
    rateLimitFailures: null,
    trustedProxies: 1,
    allowedOrigins: ['https://a.example', 'http://b.example:3000'],
    metrics: { host: '::1', port: 9464 },
    requestTimeoutMs: 2_000,
    killGraceMs: 250,
    commandPath: '/opt/bin',
    logLevel: 'debug',
  });
  expect(
    [databaseUrl, appsDatabaseUrl, redisUrl, bootstrapToken, cdnPurgeUrl, cdnPurgeWebhook, secretKey].map((secret) =>
      secret?.reveal(),
    ),
  ).toEqual([
    'postgres://me@db/windlass',
    'postgresql://admin@apps/postgres',
    'rediss://cache:6379',
    't'.repeat(32),
    'http://varnish:6081/base',
    'https://example.com/purge?key=1',
    `${'0'.repeat(64)},${'A'.repeat(43)}=`,
  ]);
});

test('all problems are reported at once, each beside its key', () => {
  const problems = problemsOf({
    WINDLASS_PORT: '65536',
    WINDLASS_GATEWAY_PORT: 'http',
    DATABASE_URL: 'mysql://root:hunter2@db',
    REDIS_URL: 'localhost:6379',
    WINDLASS_BOOTSTRAP_TOKEN: 'hunter2',
    WINDLASS_WORKERS: '0',
    WINDLASS_KILL_GRACE: '5 seconds',
    WINDLASS_METRICS: '9464',
    WINDLASS_LOG_LEVEL: 'loud',
  });

  const lines = problems.split('\n');
  expect(lines[0]).toBe('The settings are not valid:');
  expect(lines.slice(1).map((line) => /^ {2}([A-Z_]+): ./.exec(line)?.[1])).toEqual([
    'WINDLASS_PORT',
    'WINDLASS_GATEWAY_PORT',
    'DATABASE_URL',
    'REDIS_URL',
    'WINDLASS_BOOTSTRAP_TOKEN',
    'WINDLASS_WORKERS',
    'WINDLASS_METRICS',
    'WINDLASS_KILL_GRACE',
    'WINDLASS_LOG_LEVEL',
  ]);
});

test('a secret that is not valid is not quoted in the problem', () => {
  const problems = problemsOf({ DATABASE_URL: 'mysql://root:hunter2@db', WINDLASS_BOOTSTRAP_TOKEN: 'hunter2' });

  expect(problems).not.toContain('hunter2');
});

test.each([
  ['WINDLASS_PORT', '-1'],
  ['WINDLASS_PORT', '80.5'],
  ['WINDLASS_RATE_LIMIT', '-1'],
  ['WINDLASS_TRUSTED_PROXIES', '11'],
  ['WINDLASS_REQUEST_TIMEOUT', '0s'],
  ['WINDLASS_ALLOWED_ORIGINS', 'example.com'],
  ['WINDLASS_ALLOWED_ORIGINS', 'https://example.com/'],
  ['WINDLASS_ALLOWED_ORIGINS', 'https://a.example,'],
  ['WINDLASS_PUBLIC_URL', 'windlass.example.com'],
  ['WINDLASS_PUBLIC_URL', 'https://example.com/windlass'],
  ['WINDLASS_CDN_PURGE_URL', 'varnish:6081'],
  ['WINDLASS_CDN_PURGE_URL', 'http://varnish:6081/?path='],
  ['WINDLASS_CDN_PURGE_WEBHOOK', 'ftp://example.com'],
  ['WINDLASS_WORKERS', '65'],
  ['WINDLASS_WORKERS', 'two'],
  ['WINDLASS_PACKAGE_BYTES_MAX', '0'],
  ['WINDLASS_PACKAGE_BYTES_MAX', '2147483648'],
  ['WINDLASS_LOG_BYTES_MAX', '0'],
  ['WINDLASS_UNPACKED_BYTES_MAX', '1GB'],
  ['WINDLASS_BOOTSTRAP_TOKEN', 't'.repeat(31)],
  ['WINDLASS_SECRET_KEY', 'correct horse battery staple'],
  ['WINDLASS_SECRET_KEY', `${'0'.repeat(64)},`],
  ['WINDLASS_BOOTSTRAP_TOKEN', `${'t'.repeat(32)} t`],
])('%s=%s is refused', (key, value) => {
  expect(problemsOf({ [key]: value })).toContain(`${key}: `);
});

test.each([
  ['String()', (secret: Secret) => String(secret)],
  ['a concatenation', (secret: Secret) => ['', secret].join('')],
  ['JSON', (secret: Secret) => JSON.stringify({ url: secret })],
  ['the inspector', (secret: Secret) => inspect({ url: secret }, { showHidden: true, depth: null })],
  ['the console', (secret: Secret) => format('%s %o %O %j', secret, secret, secret, secret)],
  ['its own keys', (secret: Secret) => JSON.stringify(Object.entries(Object.getOwnPropertyDescriptors(secret)))],
  ['an error', (secret: Secret) => inspect(new Error('wrong', { cause: secret }))],
])('a secret does not print itself in %s', (_where, print) => {
  const printed = print(new Secret('hunter2'));

  expect(printed).not.toContain('hunter2');
});

test('everything lies in a folder of its own below the data folder', () => {
  expect(dataFolders('/data')).toEqual({
    database: '/data/db',
    packages: '/data/packages',
    workspaces: '/data/workspaces',
    apps: '/data/apps',
    secretKey: '/data/secret.key',
  });
});

test('a file of identity issuers that cannot be used is refused, with what is wrong in it', () => {
  using folder = createFolder();
  const file = join(folder.path, 'issuers.json');
  const issuer = {
    issuer: 'https://ci.example.com',
    audience: 'windlass',
    jwksUrl: 'https://ci.example.com/keys',
    algorithms: ['RS256'],
    rules: [{ when: { sub: 'shop' }, userId: 'usr_1' }],
  };
  const signIn = { name: 'Acme', clientId: 'windlass' };
  const problemWith = (changed: object) => {
    writeFileSync(file, JSON.stringify([{ ...issuer, ...changed }]));
    return problemsOf({ WINDLASS_IDENTITY_ISSUERS: file });
  };

  expect(problemsOf({ WINDLASS_IDENTITY_ISSUERS: join(folder.path, 'none.json') })).toContain('ENOENT');
  expect(problemWith({ algorithms: ['none'] })).toContain('algorithms');
  expect(problemWith({ algorithms: ['HS256'] })).toContain('algorithms');
  expect(problemWith({ jwksUrl: 'http://ci.example.com/keys' })).toContain('jwksUrl');
  expect(problemWith({ audience: undefined })).toContain('audience must be given where there is no signIn');
  expect(problemWith({ rules: [{ when: {}, userId: 'usr_1' }] })).toContain('must name a claim');
  expect(problemWith({ signIn: { name: 'Acme' } })).toContain('signIn.clientId');
  expect(problemWith({ signIn, issuer: 'http://ci.example.com' })).toContain('issuer must be a URL with https');
  expect(problemWith({ signIn: { ...signIn, clientSecretFile: 'none.secret' } })).toContain('ENOENT');
  writeFileSync(join(folder.path, 'empty.secret'), '\n');
  expect(problemWith({ signIn: { ...signIn, clientSecretFile: 'empty.secret' } })).toContain('empty.secret is empty');
  writeFileSync(file, JSON.stringify([issuer, issuer]));
  expect(problemsOf({ WINDLASS_IDENTITY_ISSUERS: file })).toContain('must name each issuer once');
  writeFileSync(file, JSON.stringify([issuer]));
  expect(loadConfig({ WINDLASS_IDENTITY_ISSUERS: file }).identityIssuers).toMatchObject([issuer]);
});

test('a client secret is read from beside the file that names it, and is never printed', () => {
  using folder = createFolder();
  const file = join(folder.path, 'issuers.json');
  const issuer = {
    issuer: 'https://id.example.com',
    jwksUrl: 'https://id.example.com/keys',
    algorithms: ['RS256'],
    rules: [],
    signIn: { name: 'Acme', clientId: 'windlass', clientSecretFile: 'acme.secret', scopes: ['email', 'openid'] },
  };
  writeFileSync(join(folder.path, 'acme.secret'), 'very secret\n');
  writeFileSync(file, JSON.stringify([issuer]));

  const [loaded] = loadConfig({ WINDLASS_IDENTITY_ISSUERS: file }).identityIssuers;

  expect(loaded!.audience).toBe(null);
  expect(loaded!.signIn!.clientSecret!.reveal()).toBe('very secret');
  expect(JSON.parse(JSON.stringify(loaded!.signIn))).toEqual({
    name: 'Acme',
    clientId: 'windlass',
    scopes: ['openid', 'email'],
    clientSecret: '[redacted]',
  });
});

test('the files of identity issuers in docs/security.md can be used as they are', () => {
  using folder = createFolder();
  const file = join(folder.path, 'issuers.json');
  writeFileSync(join(folder.path, 'acme.secret'), 'secret');
  const examples = [...readFileSync('docs/security.md', 'utf8').matchAll(/```json\n(\[[^]*?\n\])\n```/g)];

  const loaded = examples.map(([, example]) => {
    writeFileSync(file, example!);
    return loadConfig({ WINDLASS_IDENTITY_ISSUERS: file }).identityIssuers.map(({ signIn }) => signIn?.name ?? null);
  });

  expect(loaded).toEqual([[null], ['Acme']]);
});
