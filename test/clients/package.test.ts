import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createFolder } from '../kit/folder.ts';
import { startPlane } from '../kit/plane.ts';
import { appFiles, createApp, createOwner, deployFiles } from '../kit/seed.ts';

const TSC = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');

const folder = createFolder();
const project = join(folder.path, 'project');
const installed = join(project, 'node_modules', 'windlass');

/** A project that has the package as it is published, and beside it only what the client may need. */
beforeAll(() => {
  mkdirSync(installed, { recursive: true });
  cpSync('package.json', join(installed, 'package.json'));
  run(TSC, ['-p', 'tsconfig.build.json', '--outDir', join(installed, 'dist')], process.cwd());
  for (const name of ['graphql-ws', 'graphql']) {
    symlinkSync(join(process.cwd(), 'node_modules', name), join(project, 'node_modules', name));
  }
  writeFileSync(join(project, 'package.json'), JSON.stringify({ type: 'module' }));
});
afterAll(() => folder[Symbol.dispose]());

function run(script: string, args: readonly string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { cwd, encoding: 'utf8' });
  expect(status, stdout + stderr).toBe(0);
}

test('windlass/client loads its own files and graphql-ws, and nothing that a browser has not', () => {
  const packages = new Set<string>();
  const seen = new Set<string>();
  (function visit(file: string): void {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(file, 'utf8');
    expect(text).not.toMatch(/\b(process|Buffer|require)\b[.(]/);
    for (const [, from] of text.matchAll(/^(?:import|export)\b[^;]*?\bfrom ['"]([^'"]+)['"]/gm)) {
      if (from!.startsWith('.')) visit(join(dirname(file), from!));
      else packages.add(from!);
    }
  })(join(installed, 'dist', 'client', 'index.js'));

  expect([...packages]).toEqual(['graphql-ws']);
  const folders = [...seen].map((file) => dirname(file).slice(join(installed, 'dist').length + 1));
  expect([...new Set(folders)].toSorted()).toEqual(['client', 'generated/gql']);
});

test('windlass/client has types that a strict project can use', () => {
  writeFileSync(
    join(project, 'typed.ts'),
    `
    import { ApiError, followDeployment, followDeploymentEvents, followDeploymentState } from 'windlass/client';
    const options = { url: 'http://127.0.0.1:4000', token: async () => 'x', deploymentId: 'dep_x' };
    for await (const event of followDeployment({ ...options, filter: { phases: ['BUILD'] }, transport: 'sse' })) {
      const text: string = event.__typename === 'DeploymentLogEnd' ? event.status : event.lines[0]!.message;
      // @ts-expect-error: an end has no lines.
      if (event.__typename === 'DeploymentLogEnd') event.lines;
      // @ts-expect-error: not any.
      const wrong: number = event.cursor;
    }
    for await (const { seq, type } of followDeploymentEvents({ ...options, after: '3' })) type === 'SWITCH' && seq > 1;
    for await (const { phases } of followDeploymentState(options)) phases[0]!.status === 'IN_PROGRESS';
    new ApiError('NOT_FOUND', 'x').code;
    // @ts-expect-error: there is no such transport.
    followDeployment({ ...options, transport: 'pigeon' });
    `,
  );
  const compilerOptions = { strict: true, module: 'nodenext', target: 'es2022', lib: ['es2022', 'dom'], noEmit: true };
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...compilerOptions, types: [], skipLibCheck: true }, files: ['typed.ts'] }),
  );

  run(TSC, ['-p', '.'], project);
});

test("the README's lines follow a deployment to its end", async () => {
  await using plane = await startPlane();
  const owner = await createOwner(plane);
  const id = await deployFiles(plane, owner, await createApp(owner), appFiles('one', { build: 'echo hello' }));
  const [, code] = /## Follow a deployment\n[^]*?```js\n([^]*?)```/.exec(readFileSync('README.md', 'utf8'))!;
  const script = join(project, 'follow.js');
  writeFileSync(script, code!.replace('http://127.0.0.1:4000', plane.url));

  const { stdout } = await promisify(execFile)(process.execPath, [script, owner.token, id], { cwd: project });

  expect(code!.trim().split('\n').length).toBeLessThanOrEqual(10);
  expect(stdout).toContain('BUILD hello');
  expect(stdout).toMatch(/COMPLETED, \d+ lines\n$/);
});
