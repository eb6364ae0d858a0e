import fc from 'fast-check';
import { expect, test } from 'vitest';
import { duration, ManifestError, readManifest, type PackageDescription } from '../../src/domain/manifest.ts';

const LIMITS_MS = {
  orchestrate: 60_000,
  download: 600_000,
  infra: 120_000,
  build: 1_800_000,
  package: 600_000,
  migrate: 1_800_000,
  service_deploy: 600_000,
  cache_invalidation: 120_000,
};
const NOTHING: PackageDescription = {
  windlassJson: null,
  packageJson: null,
  hasLockfile: false,
  hasNodeModules: false,
};

function read(windlass: unknown, packageJson?: unknown, found: Partial<PackageDescription> = {}) {
  return readManifest({
    ...NOTHING,
    windlassJson: windlass === undefined ? null : JSON.stringify(windlass),
    packageJson: packageJson === undefined ? null : JSON.stringify(packageJson),
    ...found,
  });
}

function refusal(description: Partial<PackageDescription>): string {
  try {
    readManifest({ ...NOTHING, ...description });
  } catch (error) {
    expect(error).toBeInstanceOf(ManifestError);
    return (error as ManifestError).message;
  }
  throw new Error('The manifest was not refused.');
}

test('a manifest that only says how to start gets every default', () => {
  expect(read({ start: 'node server.mjs' })).toEqual({
    build: [],
    migrate: [],
    service: { kind: 'process', start: 'node server.mjs' },
    irreversible: false,
    health: { path: '/', timeoutMs: 60_000, watchMs: 60_000 },
    drainMs: 10_000,
    env: {},
    secrets: [],
    purge: { paths: [], surrogateKeys: [] },
    limitsMs: LIMITS_MS,
  });
});

test('a full manifest is read word for word', () => {
  const manifest = read({
    $schema: 'https://example.com/windlass.schema.json',
    build: ['make', 'make assets'],
    migrate: 'make migrate',
    irreversible: true,
    start: 'exec ./server',
    health: { path: '/healthz', timeout: '2m', watch: '0s' },
    drain: '250ms',
    env: { NODE_ENV: 'production', _Under: '' },
    secrets: ['MAIL_TOKEN'],
    purge: ['/', '/static/*'],
    surrogateKeys: ['news', 'post-1'],
    timeouts: { build: '1h', cache_invalidation: '5s' },
  });

  expect(manifest).toEqual({
    build: ['make', 'make assets'],
    migrate: ['make migrate'],
    service: { kind: 'process', start: 'exec ./server' },
    irreversible: true,
    health: { path: '/healthz', timeoutMs: 120_000, watchMs: 0 },
    drainMs: 250,
    env: { NODE_ENV: 'production', _Under: '' },
    secrets: ['MAIL_TOKEN'],
    purge: { paths: ['/', '/static/*'], surrogateKeys: ['news', 'post-1'] },
    limitsMs: { ...LIMITS_MS, build: 3_600_000, cache_invalidation: 5_000 },
  });
});

test('a part of a health check keeps the defaults of its other parts', () => {
  const MINUTE = { timeoutMs: 60_000, watchMs: 60_000 };
  expect(read({ start: 'x', health: {} }).health).toEqual({ path: '/', ...MINUTE });
  expect(read({ start: 'x', health: { timeout: '1s' } }).health).toEqual({ path: '/', ...MINUTE, timeoutMs: 1_000 });
  expect(read({ start: 'x', health: { path: '/up' } }).health).toEqual({ path: '/up', ...MINUTE });
});

const SCRIPTS = { start: 'node .', build: 'tsc', migrate: 'node migrate.js', test: 'vitest' };
const DEPENDENCIES = { express: '^5' };

test.each([
  ['all of its scripts', { scripts: SCRIPTS }, {}, { build: ['npm run build'], migrate: ['npm run migrate'] }],
  ['a start script alone', { scripts: { start: 'node .' } }, {}, { build: [], migrate: [] }],
  [
    'dependencies and a lockfile',
    { scripts: SCRIPTS, dependencies: DEPENDENCIES },
    { hasLockfile: true },
    { build: ['npm ci', 'npm run build'], migrate: ['npm run migrate'] },
  ],
  [
    'dependencies without a lockfile',
    { scripts: { start: 'node .' }, dependencies: DEPENDENCIES },
    {},
    { build: ['npm install'], migrate: [] },
  ],
  [
    'development dependencies alone',
    { scripts: { start: 'node .' }, devDependencies: DEPENDENCIES },
    { hasLockfile: true },
    { build: ['npm ci'], migrate: [] },
  ],
  [
    'dependencies that it brings along',
    { scripts: SCRIPTS, dependencies: DEPENDENCIES },
    { hasLockfile: true, hasNodeModules: true },
    { build: ['npm run build'], migrate: ['npm run migrate'] },
  ],
  [
    'a lockfile and no dependencies',
    { scripts: { start: 'node .' }, dependencies: {}, devDependencies: {} },
    { hasLockfile: true },
    { build: [], migrate: [] },
  ],
])('a package.json with %s is enough', (_what, packageJson, found, commands) => {
  expect(read(undefined, packageJson, found)).toEqual({ ...read({ start: 'npm start' }), ...commands });
});

test('what windlass.json says goes before the scripts, and an empty list means nothing at all', () => {
  const packageJson = { scripts: SCRIPTS, dependencies: DEPENDENCIES };

  expect(read({ start: 'a', build: 'b', migrate: ['c', 'd'] }, packageJson)).toMatchObject({
    build: ['b'],
    migrate: ['c', 'd'],
    service: { kind: 'process', start: 'a' },
  });
  expect(read({ build: [], migrate: [] }, packageJson)).toMatchObject({
    build: [],
    migrate: [],
    service: { kind: 'process', start: 'npm start' },
  });
});

test('a static app names its folder and needs no start command, whatever package.json says', () => {
  const packageJson = { scripts: SCRIPTS };

  expect(read({ static: 'dist/..a' }).service).toEqual({ kind: 'static', folder: 'dist/..a', fallback: null });
  expect(read({ static: '.', fallback: 'index.html' }, packageJson)).toMatchObject({
    build: ['npm run build'],
    service: { kind: 'static', folder: '.', fallback: 'index.html' },
  });
});

test.each([
  [{ start: 'x', static: 'dist' }, 'windlass.json has both "start" and "static": keep one.'],
  [{ start: 'x', fallback: 'a' }, 'windlass.json has a "fallback" without "static": only a static app has one.'],
])('the manifest %j is refused, because its keys contradict each other', (file, message) => {
  expect(refusal({ windlassJson: JSON.stringify(file) })).toBe(message);
});

test.each([
  ['no file at all', {}],
  ['an empty windlass.json', { windlassJson: '{}' }],
  ['scripts without start', { packageJson: '{"scripts":{"build":"tsc"}}' }],
  ['an empty start script', { packageJson: '{"scripts":{"start":""}}' }],
])('%s is refused with what to add', (_what, description) => {
  expect(refusal(description)).toBe(
    'Nothing says how to start the app: add "start" or "static" to windlass.json, or a "start" script to package.json.',
  );
});

test.each([
  ['windlass.json', { windlassJson: '{"env":{"PASSWORD":hunter2}}' }],
  ['windlass.json', { windlassJson: '' }],
  ['windlass.json', { windlassJson: '\u{feff}hunter2' }],
  ['package.json', { packageJson: 'hunter2' }],
  ['package.json', { windlassJson: '{"start":"x"}', packageJson: '{"scripts":{"start":"hunter2"' }],
])('a %s that is not JSON is refused without quoting it: %j', (file, description) => {
  expect(refusal(description)).toBe(`${file} is not JSON.`);
});

test.each([
  ['{"scripts":{"start":1}}'],
  ['{"scripts":["start"]}'],
  ['{"dependencies":"express"}'],
  ['{"devDependencies":{"a":{}}}'],
  ['[]'],
  ['null'],
])('the package.json %s is refused', (packageJson) => {
  expect(refusal({ windlassJson: '{"start":"x"}', packageJson })).toBe(
    'package.json is not valid: its scripts and dependencies must map names to texts.',
  );
});

const NOT_INSIDE = 'must be a relative path without ".." and backslashes';
const NOT_A_DURATION = 'must be a duration such as "500ms", "30s", "10m" or "1h"';

test.each([
  [[], 'the file: Invalid input: expected object, received array'],
  [null, 'the file: Invalid input: expected object, received null'],
  ['start', 'the file: Invalid input: expected object, received string'],
  [{ start: '' }, 'start: must not be empty'],
  [{ start: ['a'] }, 'start: Invalid input: expected string, received array'],
  [{ start: 'x'.repeat(8_193) }, 'start: Too big: expected string to have <=8192 characters'],
  [{ build: 7 }, 'build: must be one command, or a list of at most 50'],
  [{ build: [''] }, 'build.0: must not be empty'],
  [{ build: Array.from({ length: 51 }, () => 'true') }, 'build: must be one command, or a list of at most 50'],
  [{ migrate: null }, 'migrate: must be one command, or a list of at most 50'],
  [{ health: '/up' }, 'health: Invalid input: expected object, received string'],
  [{ health: { path: 'up' } }, 'health.path: must start with "/"'],
  [{ health: { timeout: 30 } }, 'health.timeout: Invalid input: expected string, received number'],
  [{ health: { retries: 3 } }, 'health: Unrecognized key: "retries"'],
  [{ drain: '10' }, `drain: ${NOT_A_DURATION}`],
  [{ env: { 'A B': 'x' } }, 'env.A B: must be names of environment variables'],
  [{ env: { '1A': 'x' } }, 'env.1A: must be names of environment variables'],
  [{ env: { A: 1 } }, 'env.A: Invalid input: expected string, received number'],
  [{ purge: ['static'] }, 'purge.0: must start with "/"'],
  [{ purge: Array.from({ length: 101 }, () => '/') }, 'purge: Too big: expected array to have <=100 items'],
  [{ surrogateKeys: ['a b'] }, 'surrogateKeys.0: must be printable characters without spaces'],
  [{ static: '/srv' }, `static: ${NOT_INSIDE}`],
  [{ static: 'a/../b' }, `static: ${NOT_INSIDE}`],
  [{ static: '..' }, `static: ${NOT_INSIDE}`],
  [{ static: 'a\\b' }, `static: ${NOT_INSIDE}`],
  [{ static: '' }, `static: ${NOT_INSIDE}`],
  [{ static: 'a', fallback: '/index.html' }, `fallback: ${NOT_INSIDE}`],
  [{ timeouts: { build: '1d' } }, `timeouts.build: ${NOT_A_DURATION}`],
  [{ timeouts: { deploy: '1s' } }, 'timeouts: Unrecognized key: "deploy"'],
  [{ strat: 'x' }, 'the file: Unrecognized key: "strat"'],
])('the manifest %j is refused, naming the place and the problem', (file, problem) => {
  expect(refusal({ windlassJson: JSON.stringify(file) })).toBe(`windlass.json is not valid: ${problem}.`);
});

test('all problems of a manifest are named at once', () => {
  const file = { start: '', drain: '1d', purge: ['a'] };

  expect(refusal({ windlassJson: JSON.stringify(file) })).toBe(
    `windlass.json is not valid: start: must not be empty; drain: ${NOT_A_DURATION}; purge.0: must start with "/".`,
  );
});

test.each([
  ['0ms', 0],
  ['500ms', 500],
  ['30s', 30_000],
  ['10m', 600_000],
  ['1h', 3_600_000],
  ['007s', 7_000],
])('the duration %s is %i ms', (text, ms) => {
  expect(duration.parse(text)).toBe(ms);
});

test.each([
  '',
  '5',
  's',
  '5S',
  '5 s',
  ' 5s',
  '5s ',
  '5s\n',
  '-5s',
  '1.5s',
  '1e3s',
  '5sec',
  '1d',
  '1h30m',
  '9999999999s',
  '٣s',
])('the duration %j is refused', (text) => {
  expect(duration.safeParse(text).success).toBe(false);
});

test('any whole number of any unit is a duration of that many milliseconds', () => {
  const unit = fc.constantFrom(
    ['ms', 1] as const,
    ['s', 1_000] as const,
    ['m', 60_000] as const,
    ['h', 3_600_000] as const,
  );

  fc.assert(
    fc.property(fc.integer({ min: 0, max: 999_999_999 }), unit, (amount, [name, ms]) => {
      expect(duration.parse(`${amount}${name}`)).toBe(amount * ms);
    }),
  );
});

test('whatever the files hold, the answer is a manifest or a ManifestError, and never another error', () => {
  const text = fc.oneof(
    fc.constant(null),
    fc.string(),
    fc.json(),
    fc
      .record(
        {
          start: fc.oneof(fc.string(), fc.jsonValue()),
          build: fc.jsonValue(),
          health: fc.jsonValue(),
          env: fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.jsonValue())),
          scripts: fc.dictionary(fc.constantFrom('start', 'build', '__proto__'), fc.string()),
          dependencies: fc.jsonValue(),
        },
        { requiredKeys: [] },
      )
      .map((file) => JSON.stringify(file)),
  );

  fc.assert(
    fc.property(text, text, fc.boolean(), fc.boolean(), (windlassJson, packageJson, hasLockfile, hasNodeModules) => {
      try {
        const manifest = readManifest({ windlassJson, packageJson, hasLockfile, hasNodeModules });
        expect(manifest.service).not.toEqual({ kind: 'process', start: '' });
      } catch (error) {
        expect(error).toBeInstanceOf(ManifestError);
      }
    }),
    { numRuns: 500 },
  );
});
