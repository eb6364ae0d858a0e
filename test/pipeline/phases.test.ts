import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PhaseFailure } from '../../src/domain/errors.ts';
import { build } from '../../src/pipeline/phases/build.ts';
import { download } from '../../src/pipeline/phases/download.ts';
import { migrate } from '../../src/pipeline/phases/migrate.ts';
import { orchestrate } from '../../src/pipeline/phases/orchestrate.ts';
import { packagePhase } from '../../src/pipeline/phases/package.ts';
import { startPhase, startPhaseIn } from '../kit/phase.ts';
import { appFiles, makePackage } from '../kit/seed.ts';

/** What a phase failed with. */
async function failureOf(done: Promise<unknown>): Promise<PhaseFailure> {
  const reason = await done.then(
    () => null,
    (error: unknown) => error,
  );
  expect(reason).toBeInstanceOf(PhaseFailure);
  return reason as PhaseFailure;
}

test('orchestrate refuses a version whose package is gone from the store', async () => {
  await using phase = await startPhase({
    name: 'orchestrate',
    async run(context) {
      await context.packages.remove(context.version.packageKey);
      return orchestrate.run(context);
    },
  });

  expect((await failureOf(phase.done)).code).toBe('PACKAGE_INVALID');
});

test('download unpacks the package and reads its manifest', async () => {
  await using phase = await startPhase(download, { archive: await makePackage(appFiles('one', { build: 'make' })) });

  const { outputs } = await phase.done;

  expect(outputs!.manifest).toMatchObject({
    build: ['make'],
    service: { kind: 'process', start: 'exec node server.mjs' },
    drainMs: 100,
  });
  expect(existsSync(join(phase.workspace, 'source', 'server.mjs'))).toBe(true);
});

test('download fails when the store has another file than was pushed', async () => {
  await using phase = await startPhase(download, {
    archive: await makePackage(appFiles('one')),
    claimedSha256: 'f'.repeat(64),
  });

  const failure = await failureOf(phase.done);

  expect([failure.code, failure.message]).toEqual([
    'PACKAGE_INVALID',
    'The package in the store is not the one that was pushed: its SHA-256 differs.',
  ]);
});

test('a package that cannot be read from the store fails download with what may help', async () => {
  await using phase = await startPhase({
    name: 'download',
    async run(context) {
      await context.packages.remove(context.version.packageKey);
      return download.run(context);
    },
  });

  expect(await failureOf(phase.done)).toMatchObject({
    code: 'DOWNLOAD_FAILED',
    message: 'The package could not be read from the store (ENOENT).',
    retryable: true,
  });
});

test('download writes nothing outside of the workspace, whatever the package says', async () => {
  await using phase = await startPhase(download, {
    archive: await makePackage({ ...appFiles('one'), '../../evil': 'x' }),
  });

  expect((await failureOf(phase.done)).code).toBe('PACKAGE_INVALID');
  expect(existsSync(join(phase.workspace, '..', 'evil'))).toBe(false);
});

test('download fails with the reason when the manifest is wrong', async () => {
  const files = { 'windlass.json': JSON.stringify({ start: 'x', health: { timeout: 'soon' } }) };
  await using phase = await startPhase(download, { archive: await makePackage(files) });

  const failure = await failureOf(phase.done);

  expect(failure.code).toBe('MANIFEST_INVALID');
  expect(failure.message).toContain('health.timeout: must be a duration');
});

test('download is safe to repeat over what an attempt before it left', async () => {
  const archive = await makePackage(appFiles('one'));
  await using phase = await startPhase(
    {
      name: 'download',
      async run(context) {
        const source = join(context.outputs.workspace!, 'source');
        await mkdir(source, { recursive: true });
        await writeFile(join(source, 'left-over'), 'x');
        return download.run(context);
      },
    },
    { archive },
  );

  await phase.done;

  expect(existsSync(join(phase.workspace, 'source', 'left-over'))).toBe(false);
});

test('build streams the output of its commands in order and leaves what they made', async () => {
  const manifest = { build: ['echo one', 'echo two > made; echo three'] };
  await using phase = await startPhaseIn(build, {}, { manifest });

  await phase.done;

  expect(phase.lines).toEqual(['$ echo one', 'one', '$ echo two > made; echo three', 'three']);
  expect(readFileSync(join(phase.workspace, 'source', 'made'), 'utf8')).toBe('two\n');
});

test('build gives commands the manifest settings and nothing of the server', async () => {
  process.env['WINDLASS_TEST_SECRET'] = 'secret';
  await using phase = await startPhaseIn(build, {}, { manifest: { build: ['env'], env: { GREETING: 'hello' } } });

  await phase.done;

  delete process.env['WINDLASS_TEST_SECRET'];
  const names = phase.lines.slice(1).map((line) => line.split('=')[0]);
  expect(phase.lines).toContain('GREETING=hello');
  expect(names.filter((name) => !['_', 'SHLVL', 'OLDPWD'].includes(name!)).toSorted()).toEqual(
    ['CI', 'GREETING', 'HOME', 'LANG', 'PATH', 'PWD', 'WINDLASS_PROCESS_MARKER'].toSorted(),
  );
});

test('a build command that is killed says by which signal', async () => {
  await using phase = await startPhaseIn(build, {}, { manifest: { build: ['kill -KILL $$'] } });

  expect(await failureOf(phase.done)).toMatchObject({ code: 'BUILD_FAILED', exitCode: null, signal: 'SIGKILL' });
});

test('the same build makes the same artifact, under the name of its hash, once', async () => {
  const files = { 'server.mjs': 'x', 'package.json': '{}' };
  await using first = await startPhaseIn(packagePhase, files);
  await using second = await startPhaseIn(packagePhase, files);

  const [a, b] = [(await first.done).outputs!, (await second.done).outputs!];

  expect(a).toEqual(b);
  expect(a.artifactKey).toBe(`artifacts/${a.artifactSha256}.tar.gz`);
  expect(await first.packages.has(a.artifactKey!)).toBe(true);
});

test('a build that links to what is outside cannot be packed', async () => {
  await using phase = await startPhaseIn(
    {
      name: 'package',
      async run(context) {
        symlinkSync('/etc/passwd', join(context.outputs.workspace!, 'source', 'link'));
        return packagePhase.run(context);
      },
    },
    { 'server.mjs': 'x' },
  );

  const failure = await failureOf(phase.done);

  expect([failure.code, failure.message]).toEqual([
    'BUILD_FAILED',
    'The build\'s result cannot be packed: "link" is a link that leaves the folder: "/etc/passwd".',
  ]);
});

test('migrate stops at the first command that fails, names it, and does not record the artifact', async () => {
  await using phase = await startPhaseIn(migrate, {}, { manifest: { migrate: ['echo one', 'exit 3', 'echo never'] } });

  const failure = await failureOf(phase.done);

  expect([failure.code, failure.message, failure.exitCode]).toEqual([
    'MIGRATION_FAILED',
    '`exit 3` exited with code 3.',
    3,
  ]);
  expect(phase.lines).toEqual(['$ echo one', 'one', '$ exit 3']);
  expect(phase.migrated.size).toBe(0);
});

test('a cancel waits for the end of a running migration command; a forced one does not', async () => {
  const manifest = { migrate: ['echo begun; sleep 0.3; echo whole', 'echo never'] };
  await using gentle = await startPhaseIn(migrate, {}, { manifest });
  await using forced = await startPhaseIn(migrate, {}, { manifest });
  await Promise.all([gentle.untilLine(/^begun$/), forced.untilLine(/^begun$/)]);

  gentle.cancel();
  forced.cancelHard();

  await expect(gentle.done).rejects.toThrow('cancelled');
  await expect(forced.done).rejects.toThrow('cancelled by force');
  expect(gentle.lines.slice(1)).toEqual(['begun', 'whole']);
  expect(forced.lines.slice(1)).toEqual(['begun']);
});

// `done` settles only when every process that holds the output pipe is gone, so a `sleep` that outlived its shell would
// time this test out.
test('a cancel of a build ends the command and everything it started', async () => {
  await using phase = await startPhaseIn(build, {}, { manifest: { build: ['sleep 60 & echo started; wait'] } });
  await phase.untilLine(/^started$/);

  phase.cancel();

  await expect(phase.done).rejects.toThrow('cancelled');
});
