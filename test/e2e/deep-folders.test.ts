import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dataFolders } from '../../src/config.ts';
import { graphql } from '../kit/graphql.ts';
import { send, startPlane, type Plane } from '../kit/plane.ts';
import { SANDBOX } from '../kit/sandbox.ts';
import {
  appFiles,
  createApp,
  createOwner,
  deployFiles,
  digestOf,
  makePackage,
  type Files,
  type Member,
  type SeededApp,
} from '../kit/seed.ts';
import { until } from '../kit/until.ts';

/** Folders in folders, until no path reaches them: Linux takes 4096 bytes. */
const DIG = `
  const { chdir } = process;
  exports.dig = (count) => {
    const { mkdirSync, writeFileSync } = require('node:fs');
    const name = 'd'.repeat(200);
    for (let i = 0; i < count; i++) {
      writeFileSync('file', 'x');
      mkdirSync(name);
      chdir(name);
    }
  };`;
const digging = (version: string, build: string): Files => ({
  ...appFiles(version, { build: `node -e "const { dig } = require('./dig.cjs'); ${build}"` }),
  'dig.cjs': DIG,
});

let plane: Plane;
let owner: Member;
let app: SeededApp;
const start = async (settings: Parameters<typeof startPlane>[0]) => {
  plane = await startPlane({ workers: 1, ...settings });
  owner = await createOwner(plane);
  app = await createApp(owner);
};
const stop = () => plane[Symbol.asyncDispose]();

/** How a deployment failed, once it left nothing. */
async function failureOf(files: Files) {
  const id = await deployFiles(plane, owner, app, files, 'failed');
  const { workspaces } = dataFolders(plane.dataDir);
  await until('its workspace is gone', () => !existsSync(join(workspaces, id)));
  const query = 'query ($id: ID!) { deployment(id: $id) { failure { code phase message } } }';
  return (await graphql(plane, owner.token, query, { id })).data.deployment.failure;
}

describe('without a sandbox', () => {
  beforeAll(() => start({}));
  afterAll(stop);

  test.each([
    ['of more bytes than a package may have', 'dig(12)'],
    ['that nothing reaches', 'dig(40)'],
  ])('a build that makes paths %s fails with what is wrong, and leaves nothing', async (_what, build) => {
    const failure = await failureOf(digging('deep', build));

    expect(failure).toMatchObject({ code: 'BUILD_FAILED', phase: 'PACKAGE' });
    expect(failure.message).toMatch(/cannot be packed: There is a path that is too long, of more than 2048 bytes/);
    await deployFiles(plane, owner, app, appFiles('flat'));
    expect((await plane.visit(app.subdomain)).body).toBe('flat');
  });

  test('a package of such paths is refused before it becomes a version', async () => {
    const archive = await makePackage({ ...appFiles('deep'), [`${'d'.repeat(200)}/`.repeat(11) + 'file']: 'x' });
    const input = { entityId: app.entityId, version: 'deep', sourceHash: 'abcdef012345' };
    const ask =
      'mutation ($input: RequestVersionUploadInput!) { requestVersionUpload(input: $input) { uploadUrl storagePath } }';
    const { uploadUrl, storagePath } = (await graphql(plane, owner.token, ask, { input })).data.requestVersionUpload;
    await send('PUT', uploadUrl, { body: archive, headers: digestOf(archive) });

    const confirm =
      'mutation ($input: ConfirmVersionUploadInput!) { confirmVersionUpload(input: $input) { replayed } }';
    const confirmed = { ...input, storagePath, fileSizeBytes: archive.length };
    const { codes, messages } = await graphql(plane, owner.token, confirm, { input: confirmed });

    expect(codes).toEqual(['PACKAGE_REJECTED']);
    expect(messages[0]).toMatch(/^There is a path that is too long, of more than 2048 bytes: "d{200}/);
  });

  test('an app that makes such folders in its data and its release is removed all the same', async () => {
    const dug = await createApp(owner);
    const server = `
      const { createServer } = require('node:http');
      const { dig } = require('./dig.cjs');
      const home = process.cwd();
      for (const folder of [process.env.DATA_DIR, home]) { process.chdir(folder); dig(40); }
      process.chdir(home);
      createServer((_request, response) => response.end('deep')).listen(process.env.PORT, '127.0.0.1');`;
    const files = { ...appFiles('deep', { start: 'exec node server.cjs' }), 'server.cjs': server, 'dig.cjs': DIG };
    await deployFiles(plane, owner, dug, files);
    const root = join(dataFolders(plane.dataDir).apps, dug.productionAppId);
    const [first] = readdirSync(join(root, 'releases'));

    await deployFiles(plane, owner, dug, appFiles('flat'));
    await until('the release is gone', () => !existsSync(join(root, 'releases', first!)));
    await plane.rest('DELETE', `/api/production-apps/${dug.productionAppId}`, { token: owner.token });

    await until('the app is gone', () => !existsSync(root));
  });
});

describe.runIf(SANDBOX)('in the sandbox', () => {
  beforeAll(() => start({ sandbox: 'auto', requireSandbox: true }));
  afterAll(stop);

  test.each([
    ['in the package', 'dig(40)', 'PACKAGE', /There is a path that is too long/],
    ['and goes on', 'dig(40); setInterval(() => {}, 1000)', 'BUILD', /it made folders that cannot be read/],
    ['in its home', 'process.chdir(process.env.HOME); dig(40)', null, null],
    ['in /tmp', "process.chdir('/tmp'); dig(40)", null, null],
  ])('a build that makes paths that nothing reaches, %s, leaves nothing', async (_where, build, phase, message) => {
    if (phase === null) {
      const id = await deployFiles(plane, owner, app, digging('dug', build));
      await until('its workspace is gone', () => !existsSync(join(dataFolders(plane.dataDir).workspaces, id)));
    } else {
      const failure = await failureOf(digging('deep', build));
      expect(failure).toMatchObject({ code: 'BUILD_FAILED', phase });
      expect(failure.message).toMatch(message);
    }
    await deployFiles(plane, owner, app, appFiles('flat'));
  });
});
