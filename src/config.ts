import { delimiter, join, resolve } from 'node:path';
import { z } from 'zod';
import { duration } from './domain/manifest.ts';
import { readIdentityIssuers, type IdentityIssuer } from './identity-issuers.ts';
import { Secret } from './secret.ts';

export interface Config {
  readonly host: string;
  readonly port: number;
  /** Where callers reach the API, if not at the address it listens on. Without a slash at the end. */
  readonly publicUrl: string | null;
  readonly gatewayPort: number;
  readonly gatewayDomain: string;
  /** Caches before the gateway, which deployments tell to purge. Null: none. */
  readonly cdnPurgeUrl: Secret | null;
  readonly cdnPurgeWebhook: Secret | null;
  /** Where `/metrics` answers; null: nowhere. */
  readonly metrics: { readonly host: string; readonly port: number } | null;
  /** Absolute. Packages, artifacts, workspaces, app data, and the embedded database in `db/`. */
  readonly dataDir: string;
  /** Null: the embedded database. */
  readonly databaseUrl: Secret | null;
  /** Where apps get databases of their own. Null: a SQLite file each. */
  readonly appsDatabaseUrl: Secret | null;
  /** Null: pub/sub in memory. */
  readonly redisUrl: Secret | null;
  /** Before every channel and queue of ours on a shared server. */
  readonly redisPrefix: string;
  /** The keys that seal what apps keep secret, newest first. Null: those of the file. */
  readonly secretKey: Secret | null;
  /** Absolute. Null: the one in the data folder. */
  readonly secretKeyFile: string | null;
  /** Null: made at the first start and printed once. */
  readonly bootstrapToken: Secret | null;
  /** Whose identity tokens are taken beside API tokens. */
  readonly identityIssuers: readonly IdentityIssuer[];
  readonly workers: number;
  /** `auto`: builds are isolated where the machine can do it. */
  readonly sandbox: 'auto' | 'off';
  /** Whether a worker refuses to start when builds cannot be isolated. */
  readonly requireSandbox: boolean;
  /** Absolute. What builds may read beside the system's own folders. */
  readonly sandboxFolders: readonly string[];
  readonly buildMemoryBytesMax: number;
  readonly buildProcessesMax: number;
  readonly buildDiskBytesMax: number;
  /** Variables of this process that name mirrors of package registries. */
  readonly buildMirrors: Readonly<Record<string, string>>;
  /** Hosts that may be fetched from whatever their address is. */
  readonly fetchAllow: readonly string[];
  /** How long fetching a package may take. */
  readonly fetchTimeoutMs: number;
  readonly packageBytesMax: number;
  readonly unpackedBytesMax: number;
  /** How much of what each app prints is kept. */
  readonly runtimeLogBytesMax: number;
  /** Requests in a minute: with one token, and of one address without a token. Null: as many as come. */
  readonly rateLimit: number | null;
  readonly rateLimitAnonymous: number | null;
  /** Wrong tokens of one address in a minute before it may try no other. Null: as many as come. */
  readonly rateLimitFailures: number | null;
  /** Reverse proxies before the API, each of which adds to `X-Forwarded-For`. */
  readonly trustedProxies: number;
  /** Whose pages may call the API, besides its own. */
  readonly allowedOrigins: readonly string[];
  /** How long the head and the body of a request may take; an upload may stand still for so long. */
  readonly requestTimeoutMs: number;
  /** How much output of one deployment is stored. */
  readonly logBytesMax: number;
  /** After this long without progress, whoever does not read what is streamed to them is dropped. */
  readonly streamStallMs: number;
  readonly killGraceMs: number;
  /** Where builds, migrations and apps find programs: the only thing they get of this process's environment. */
  readonly commandPath: string;
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'silent';
}

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const port = z.coerce.number().int().min(0).max(65_535);
const bytes = z.coerce.number().int().min(1);
const address = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[^:\s]+):\d{1,5}$/, 'must be an address such as 127.0.0.1:9464')
  .transform((text) => {
    const end = text.lastIndexOf(':');
    return { host: text.slice(0, end).replaceAll(/[[\]]/g, ''), port: Number(text.slice(end + 1)) };
  })
  .refine(({ port: number }) => number <= 65_535, 'must have a port of at most 65535');
const list = (separator: string, text = '') =>
  z
    .string()
    .default(text)
    .transform((value) => value.split(separator).flatMap((part) => part.trim() || []));
const MIRRORS =
  'npm_config_registry,NPM_CONFIG_REGISTRY,YARN_NPM_REGISTRY_SERVER,PIP_INDEX_URL,PIP_EXTRA_INDEX_URL,UV_DEFAULT_INDEX,GOPROXY,GOSUMDB,NODE_EXTRA_CA_CERTS,SSL_CERT_FILE';
/** A number of requests; `0` for no limit. */
const requests = z.coerce
  .number()
  .int()
  .min(0)
  .transform((limit) => (limit === 0 ? null : limit));
const origins = z
  .string()
  .regex(
    /^(\*|https?:\/\/[^/,\s]+(\s*,\s*https?:\/\/[^/,\s]+)*)$/,
    'must be origins such as https://example.com, with commas between them, or *',
  )
  .transform((text) => text.toLowerCase().split(/\s*,\s*/));
const secret = (scheme: RegExp, example: string) =>
  z
    .string()
    .regex(scheme, `must be a URL such as ${example}`)
    .transform((value) => new Secret(value));

/** Every setting, with its default. docs/configuration.md explains each; a test keeps the two equal. */
export const settings = z.object({
  WINDLASS_HOST: z.string().default('127.0.0.1'),
  WINDLASS_PORT: port.default(4000),
  WINDLASS_PUBLIC_URL: z
    .string()
    .regex(/^https?:\/\/[^/]+$/, 'must be a URL without a path, such as https://windlass.example.com')
    .optional(),
  WINDLASS_GATEWAY_PORT: port.default(8080),
  WINDLASS_GATEWAY_DOMAIN: z.string().toLowerCase().default('localhost'),
  WINDLASS_CDN_PURGE_URL: secret(/^https?:\/\/[^/?#]+[^?#]*$/, 'http://cache.example.com:6081').optional(),
  WINDLASS_CDN_PURGE_WEBHOOK: secret(/^https?:\/\/[^/]+/, 'https://example.com/purge').optional(),
  WINDLASS_DATA_DIR: z.string().default('.windlass'),
  DATABASE_URL: secret(/^postgres(ql)?:\/\//, 'postgresql://user@host/database').optional(),
  WINDLASS_APPS_DATABASE_URL: secret(/^postgres(ql)?:\/\//, 'postgresql://user@host/postgres').optional(),
  REDIS_URL: secret(/^rediss?:\/\//, 'redis://host:6379').optional(),
  WINDLASS_REDIS_PREFIX: z.string().default('windlass:'),
  WINDLASS_BOOTSTRAP_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]{32,}$/, 'must be at least 32 printable characters without spaces')
    .transform((value) => new Secret(value))
    .optional(),
  WINDLASS_IDENTITY_ISSUERS: z.string().transform(readIdentityIssuers).default([]),
  WINDLASS_SECRET_KEY: z
    .string()
    .regex(
      /^(?:[0-9a-fA-F]{64}|[\w+/-]{43}=?)(?:,(?:[0-9a-fA-F]{64}|[\w+/-]{43}=?))*$/,
      'must be keys of 32 bytes, in base64 or hexadecimal, with commas between them',
    )
    .transform((value) => new Secret(value))
    .optional(),
  WINDLASS_SECRET_KEY_FILE: z.string().optional(),
  WINDLASS_WORKERS: z.coerce.number().int().min(1).max(64).default(2),
  WINDLASS_SANDBOX: z.enum(['auto', 'off']).default('auto'),
  WINDLASS_REQUIRE_SANDBOX: z.enum(['0', '1']).default('0'),
  WINDLASS_SANDBOX_FOLDERS: list(delimiter),
  WINDLASS_BUILD_MEMORY_BYTES_MAX: bytes.min(64 * 1024 * 1024).default(4 * 1024 * 1024 * 1024),
  WINDLASS_BUILD_PROCESSES_MAX: z.coerce.number().int().min(16).default(512),
  WINDLASS_BUILD_DISK_BYTES_MAX: bytes.default(10 * 1024 * 1024 * 1024),
  WINDLASS_BUILD_VARIABLES: list(',', MIRRORS),
  WINDLASS_FETCH_ALLOW: list(','),
  WINDLASS_FETCH_TIMEOUT: duration.default(300_000),
  // GraphQL's numbers, in which callers say how large a file is, have 32 bits.
  WINDLASS_PACKAGE_BYTES_MAX: bytes.max(2 ** 31 - 1).default(512 * 1024 * 1024),
  WINDLASS_UNPACKED_BYTES_MAX: bytes.default(4 * 1024 * 1024 * 1024),
  WINDLASS_RUNTIME_LOG_BYTES_MAX: bytes.default(64 * 1024 * 1024),
  WINDLASS_LOG_BYTES_MAX: bytes.default(512 * 1024 * 1024),
  WINDLASS_STREAM_STALL: duration.default(60_000),
  WINDLASS_RATE_LIMIT: requests.default(600),
  WINDLASS_RATE_LIMIT_ANONYMOUS: requests.default(120),
  WINDLASS_RATE_LIMIT_FAILURES: requests.default(20),
  WINDLASS_TRUSTED_PROXIES: z.coerce.number().int().min(0).max(10).default(0),
  WINDLASS_ALLOWED_ORIGINS: origins.optional(),
  WINDLASS_REQUEST_TIMEOUT: duration.refine((ms) => ms >= 1_000, 'must be at least 1s').default(30_000),
  WINDLASS_METRICS: address.optional(),
  WINDLASS_KILL_GRACE: duration.default(5_000),
  PATH: z.string().default('/usr/local/bin:/usr/bin:/bin'),
  WINDLASS_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']).default('info'),
});

/** Reads the settings from an environment. An empty text is as good as none. All problems are reported at once. */
export function loadConfig(
  environment: Record<string, string | undefined> = process.env,
  defaults: Record<string, string> = {},
): Config {
  const given = {
    ...defaults,
    ...Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== '' && value !== undefined)),
  };
  const parsed = settings.safeParse(given);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
    throw new ConfigError(`The settings are not valid:\n${problems.join('\n')}`);
  }
  const { data } = parsed;
  return {
    host: data.WINDLASS_HOST,
    port: data.WINDLASS_PORT,
    publicUrl: data.WINDLASS_PUBLIC_URL ?? null,
    gatewayPort: data.WINDLASS_GATEWAY_PORT,
    gatewayDomain: data.WINDLASS_GATEWAY_DOMAIN,
    cdnPurgeUrl: data.WINDLASS_CDN_PURGE_URL ?? null,
    cdnPurgeWebhook: data.WINDLASS_CDN_PURGE_WEBHOOK ?? null,
    metrics: data.WINDLASS_METRICS ?? null,
    dataDir: resolve(data.WINDLASS_DATA_DIR),
    databaseUrl: data.DATABASE_URL ?? null,
    appsDatabaseUrl: data.WINDLASS_APPS_DATABASE_URL ?? null,
    redisUrl: data.REDIS_URL ?? null,
    redisPrefix: data.WINDLASS_REDIS_PREFIX,
    bootstrapToken: data.WINDLASS_BOOTSTRAP_TOKEN ?? null,
    identityIssuers: data.WINDLASS_IDENTITY_ISSUERS,
    secretKey: data.WINDLASS_SECRET_KEY ?? null,
    secretKeyFile: data.WINDLASS_SECRET_KEY_FILE === undefined ? null : resolve(data.WINDLASS_SECRET_KEY_FILE),
    workers: data.WINDLASS_WORKERS,
    sandbox: data.WINDLASS_SANDBOX,
    requireSandbox: data.WINDLASS_REQUIRE_SANDBOX === '1',
    sandboxFolders: data.WINDLASS_SANDBOX_FOLDERS.map((folder) => resolve(folder)),
    buildMemoryBytesMax: data.WINDLASS_BUILD_MEMORY_BYTES_MAX,
    buildProcessesMax: data.WINDLASS_BUILD_PROCESSES_MAX,
    buildDiskBytesMax: data.WINDLASS_BUILD_DISK_BYTES_MAX,
    buildMirrors: pick(given, data.WINDLASS_BUILD_VARIABLES),
    fetchAllow: data.WINDLASS_FETCH_ALLOW,
    fetchTimeoutMs: data.WINDLASS_FETCH_TIMEOUT,
    packageBytesMax: data.WINDLASS_PACKAGE_BYTES_MAX,
    unpackedBytesMax: data.WINDLASS_UNPACKED_BYTES_MAX,
    runtimeLogBytesMax: data.WINDLASS_RUNTIME_LOG_BYTES_MAX,
    logBytesMax: data.WINDLASS_LOG_BYTES_MAX,
    streamStallMs: data.WINDLASS_STREAM_STALL,
    rateLimit: data.WINDLASS_RATE_LIMIT,
    rateLimitAnonymous: data.WINDLASS_RATE_LIMIT_ANONYMOUS,
    rateLimitFailures: data.WINDLASS_RATE_LIMIT_FAILURES,
    trustedProxies: data.WINDLASS_TRUSTED_PROXIES,
    allowedOrigins: data.WINDLASS_ALLOWED_ORIGINS ?? [],
    requestTimeoutMs: data.WINDLASS_REQUEST_TIMEOUT,
    killGraceMs: data.WINDLASS_KILL_GRACE,
    commandPath: data.PATH,
    logLevel: data.WINDLASS_LOG_LEVEL,
  };
}

function pick(environment: Record<string, string | undefined>, names: readonly string[]): Record<string, string> {
  const found = names.map((name) => [name, environment[name]]).filter(([, value]) => value !== undefined);
  return Object.fromEntries(found) as Record<string, string>;
}

/** Where each kind of file lives below the data folder. */
export function dataFolders(dataDir: string) {
  return {
    database: join(dataDir, 'db'),
    packages: join(dataDir, 'packages'),
    workspaces: join(dataDir, 'workspaces'),
    apps: join(dataDir, 'apps'),
    /** A file: the key that is made when none is given. */
    secretKey: join(dataDir, 'secret.key'),
  };
}
