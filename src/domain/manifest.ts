import { z } from 'zod';
import { PHASES, type PhaseName } from './deployment.ts';
import { nameProblem, VARIABLES_MAX } from './environment.ts';

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const DURATION = /^(\d{1,9})(ms|s|m|h)$/;

/** A duration such as `30s`, in milliseconds. */
export const duration = z
  .string()
  .regex(DURATION, 'must be a duration such as "500ms", "30s", "10m" or "1h"')
  .transform((text) => {
    const [, amount, unit] = DURATION.exec(text)!;
    return Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
  });

const command = z.string().min(1, 'must not be empty').max(8_192);
const commands = z
  .union([command.transform((one) => [one]), z.array(command).max(50)], 'must be one command, or a list of at most 50')
  .describe('One shell command, or several that run in order.');
const path = z.string().max(2_048).startsWith('/', 'must start with "/"');
const insidePath = z
  .string()
  .max(2_048)
  .regex(/^(?!\/)(?!(?:.*\/)?\.\.(?:\/|$))[^\\\0]+$/, 'must be a relative path without ".." and backslashes');
const surrogateKey = z
  .string()
  .max(256)
  .regex(/^[\x21-\x7e]+$/, 'must be printable characters without spaces');

const DEFAULT_LIMITS_MS: Record<PhaseName, number> = {
  orchestrate: 60_000,
  download: 600_000,
  infra: 120_000,
  build: 1_800_000,
  package: 600_000,
  migrate: 1_800_000,
  service_deploy: 600_000,
  cache_invalidation: 120_000,
};

/** The text of `windlass.json`, as its author writes it. */
export const manifestFile = z
  .strictObject({
    $schema: z.string().optional().describe('Where editors find this schema.'),
    build: commands.optional().describe('Builds the app, in the unpacked package.'),
    migrate: commands.optional().describe("Brings the app's database up to date. Runs once per artifact."),
    irreversible: z
      .boolean()
      .optional()
      .describe('The release before cannot work with the database as "migrate" leaves it: no rollback to before it.'),
    start: command
      .optional()
      .describe('Starts the app. It must listen on 127.0.0.1 at the port in the environment variable PORT.'),
    static: insidePath
      .optional()
      .describe('The folder whose files the gateway serves, after the build. In place of "start": no process runs.'),
    fallback: insidePath
      .optional()
      .describe('Of a static app: the file in its folder that is served for pages that do not exist.'),
    health: z
      .strictObject({
        path: path.default('/').describe('Answers with a status below 400 once the app can take traffic.'),
        timeout: duration.optional().describe('How long a new release may take until it is healthy. Default: 60s.'),
        watch: duration
          .optional()
          .describe(
            'When a release turns unhealthy within this time after it took the traffic, Windlass rolls back by itself. "0s": never. Default: 60s.',
          ),
      })
      .optional()
      .describe('How Windlass finds out that a new release is ready.'),
    drain: duration.optional().describe('How long a replaced release may finish its open requests. Default: 10s.'),
    env: z
      .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be names of environment variables'), z.string())
      .optional()
      .describe('Plain settings for build, migrate and start. Not for secrets.'),
    secrets: z
      .array(z.string().refine((name) => nameProblem(name) === null, 'must be names of variables that an app can have'))
      .max(VARIABLES_MAX)
      .optional()
      .describe('Variables that the production app must have. A deployment to one that lacks some fails at once.'),
    purge: z
      .array(path)
      .max(100)
      .optional()
      .describe('Paths to purge from caches. Default: all, unless "surrogateKeys" names some.'),
    surrogateKeys: z
      .array(surrogateKey)
      .max(100)
      .optional()
      .describe('Surrogate keys to purge from caches: whatever was answered with one of them.'),
    timeouts: z
      .strictObject(Object.fromEntries(PHASES.map((phase) => [phase, duration.optional()])))
      .optional()
      .describe('The time limit of each phase.'),
  })
  .meta({ id: 'WindlassManifest', title: 'Windlass manifest', description: 'How to build, migrate and start an app.' });

/** How a release answers: by a process of its own, or by the gateway from a folder of its files. */
export type Service =
  | { readonly kind: 'process'; readonly start: string }
  | { readonly kind: 'static'; readonly folder: string; readonly fallback: string | null };

/** What the pipeline works with: the manifest with every default filled in. */
export interface Manifest {
  readonly build: readonly string[];
  readonly migrate: readonly string[];
  readonly service: Service;
  /** The release before cannot work with the database as the migrations leave it. */
  readonly irreversible: boolean;
  readonly health: { readonly path: string; readonly timeoutMs: number; readonly watchMs: number };
  readonly drainMs: number;
  readonly env: Readonly<Record<string, string>>;
  /** Variables that the app must have. */
  readonly secrets: readonly string[];
  /** With no path and no key: everything. */
  readonly purge: { readonly paths: readonly string[]; readonly surrogateKeys: readonly string[] };
  readonly limitsMs: Readonly<Record<PhaseName, number>>;
}

/** What a package says of itself: the text of each file, or null where it has none. */
export interface PackageDescription {
  readonly windlassJson: string | null;
  readonly packageJson: string | null;
  readonly hasLockfile: boolean;
  readonly hasNodeModules: boolean;
}

/** The package at fault; the message is a full sentence that names the file and what is wrong in it. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
}

/**
 * Reads how to build, migrate and start a package from `windlass.json`; what that leaves out comes from the scripts of
 * `package.json`. Throws ManifestError.
 */
export function readManifest(description: PackageDescription): Manifest {
  const scripts = scriptsOf(description);
  const file = description.windlassJson === null ? {} : parseManifest(description.windlassJson);
  return {
    build: file.build ?? [...installCommands(description), ...(scripts.build ? ['npm run build'] : [])],
    migrate: file.migrate ?? (scripts.migrate ? ['npm run migrate'] : []),
    service: serviceOf(file, scripts),
    irreversible: file.irreversible ?? false,
    health: {
      path: file.health?.path ?? '/',
      timeoutMs: file.health?.timeout ?? 60_000,
      watchMs: file.health?.watch ?? 60_000,
    },
    drainMs: file.drain ?? 10_000,
    env: file.env ?? {},
    secrets: file.secrets ?? [],
    purge: { paths: file.purge ?? [], surrogateKeys: file.surrogateKeys ?? [] },
    limitsMs: { ...DEFAULT_LIMITS_MS, ...definedOnly(file.timeouts ?? {}) },
  };
}

function serviceOf(file: z.output<typeof manifestFile>, scripts: Record<string, string | undefined>): Service {
  if (file.static !== undefined) {
    if (file.start !== undefined) throw new ManifestError('windlass.json has both "start" and "static": keep one.');
    return { kind: 'static', folder: file.static, fallback: file.fallback ?? null };
  }
  if (file.fallback !== undefined) {
    throw new ManifestError('windlass.json has a "fallback" without "static": only a static app has one.');
  }
  const start = file.start ?? (scripts['start'] && 'npm start');
  if (start) return { kind: 'process', start };
  throw new ManifestError(
    'Nothing says how to start the app: add "start" or "static" to windlass.json, or a "start" script to package.json.',
  );
}

function parseManifest(text: string): z.output<typeof manifestFile> {
  const parsed = manifestFile.safeParse(parseJson('windlass.json', text));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the file'}: ${problemOf(issue)}`);
  throw new ManifestError(`windlass.json is not valid: ${problems.join('; ')}.`);
}

/** Of a key, Zod's own message says only that it is wrong; what is wrong with it lies one level below. */
function problemOf(issue: z.core.$ZodIssue): string {
  return (issue.code === 'invalid_key' && issue.issues[0]?.message) || issue.message;
}

const packageFile = z.looseObject({
  scripts: z.record(z.string(), z.string()).optional(),
  dependencies: z.record(z.string(), z.string()).optional(),
  devDependencies: z.record(z.string(), z.string()).optional(),
});

function parsePackageFile(text: string): z.output<typeof packageFile> {
  const parsed = packageFile.safeParse(parseJson('package.json', text));
  if (parsed.success) return parsed.data;
  throw new ManifestError('package.json is not valid: its scripts and dependencies must map names to texts.');
}

function scriptsOf({ packageJson }: PackageDescription): Record<string, string | undefined> {
  return packageJson === null ? {} : (parsePackageFile(packageJson).scripts ?? {});
}

/** A package that brings its node_modules, or that depends on nothing, has nothing to install. */
function installCommands({ packageJson, hasLockfile, hasNodeModules }: PackageDescription): string[] {
  if (packageJson === null || hasNodeModules) return [];
  const { dependencies = {}, devDependencies = {} } = parsePackageFile(packageJson);
  if (Object.keys({ ...dependencies, ...devDependencies }).length === 0) return [];
  return [hasLockfile ? 'npm ci' : 'npm install'];
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // V8's message quotes the input, which may hold a secret.
    throw new ManifestError(`${file} is not JSON.`, { cause });
  }
}

function definedOnly<T>(record: Record<string, T | undefined>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Record<string, T>;
}
