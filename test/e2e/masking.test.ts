import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApiClient } from '../../src/client/api.ts';
import { dataFolders } from '../../src/config.ts';
import { Secret } from '../../src/secret.ts';
import { WhoamiDocument } from '../../src/generated/gql/graphql.ts';
import { openDatabase } from '../../src/store/db.ts';
import { dropAppDatabase } from '../../src/targets/app-database.ts';
import { loadAppEnvironment, saveAppEnvironment } from '../../src/targets/app-environment.ts';
import { createServerDatabase, SERVER_URL } from '../kit/database.ts';
import { createFolder } from '../kit/folder.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { startWindlass } from '../kit/process.ts';
import { uniqueNap } from '../kit/processes.ts';
import {
  appFiles,
  createApp,
  createOwner,
  deployFiles,
  pushVersion,
  trigger,
  type Files,
  type Member,
  type SeededApp,
} from '../kit/seed.ts';
import { until } from '../kit/until.ts';

/** A password that no encoding leaves as it is. */
const PASSWORD = 'p"ä\\s/w+o r%d&1?';
const TOKEN = 'wl_a-token-that-is-long-enough-for-tests';

/** Prints a database's URL and its password in every way that logs know. */
const LEAK = `
  export function leak(url) {
    const password = decodeURIComponent(new URL(url).password);
    for (const text of [url, password]) {
      const base64 = Buffer.from(text).toString('base64');
      console.log('raw ' + text + '.');
      console.error('base64 ' + base64);
      console.log('basic ' + Buffer.from('user:' + text + ':end').toString('base64url'));
      console.log(base64.replaceAll(/.{20}/g, '$&\\n'));
      console.log('url ' + encodeURIComponent(text), new URLSearchParams({ text }).toString());
      console.log(JSON.stringify({ text, inner: JSON.stringify({ text }) }));
      console.log('half \\x1b[31m' + text.slice(0, 7) + '\\x1b[0m' + text.slice(7));
      console.log('10%\\r' + text);
      console.error('hex ' + Buffer.from(text).toString('hex'));
      console.log('.'.repeat(16 * 1024 - 10) + text);
      process.stdout.write(text.slice(0, 5));
      process.stdout.write(text.slice(5) + '\\n');
    }
  }
`;

describe.runIf(SERVER_URL)('the password of an app', () => {
  let plane: Plane;
  let owner: Member;
  beforeAll(async () => {
    plane = await startPlane({ appsDatabaseUrl: new Secret(SERVER_URL!) });
    owner = await createOwner(plane);
  });
  afterAll(() => plane[Symbol.asyncDispose]());

  /** An app whose database exists before its first deployment, with the password that the test wants. */
  async function createAppWithPassword(): Promise<SeededApp & AsyncDisposable> {
    const app = await createApp(owner);
    const url = new URL(SERVER_URL!);
    url.username = app.productionAppId;
    url.password = encodeURIComponent(PASSWORD);
    url.pathname = `/${app.productionAppId}`;
    await saveAppEnvironment(join(dataFolders(plane.dataDir).apps, app.productionAppId), { DATABASE_URL: url.href });
    return { ...app, ...dropAtEnd(app) };
  }

  /** All that is stored of a deployment as text. The outputs of phases hold the package's own manifest. */
  async function storedOf(id: string): Promise<{ all: string; lines: string[] }> {
    const { prisma } = plane.app.database;
    const { errorMessage, failure } = await prisma.deployment.findUniqueOrThrow({ where: { id } });
    const where = { deploymentId: id };
    const lines = (await prisma.logLine.findMany({ where, orderBy: { seq: 'asc' } })).map(({ message }) => message);
    const events = (await prisma.deploymentEvent.findMany({ where })).map(({ message }) => message);
    const phases = await prisma.deploymentPhase.findMany({ where, select: { skipReason: true, errorMessage: true } });
    const texts = phases.flatMap((phase) => [phase.skipReason, phase.errorMessage]);
    const said = failure as { message: string; hint: string | null } | null;
    return { all: [errorMessage, said?.message, said?.hint, ...lines, ...events, ...texts].join('\n'), lines };
  }

  function expectNoSecret(text: string): void {
    const plain = text.replaceAll('\u001b[31m', '').replaceAll('\u001b[0m', '');
    const base64 = ['', 'x', 'xx'].map((before) =>
      Buffer.from(before + PASSWORD)
        .toString('base64')
        .slice(4, -4),
    );
    const pieces = [0, 8, 16].map((at) =>
      Buffer.from(PASSWORD)
        .toString('base64')
        .slice(at, at + 8),
    );
    for (const secret of [
      PASSWORD,
      PASSWORD.slice(0, 9),
      PASSWORD.slice(-9),
      encodeURIComponent(PASSWORD),
      JSON.stringify(PASSWORD).slice(1, -1),
      Buffer.from(PASSWORD).toString('hex'),
      ...base64,
      ...pieces,
    ]) {
      expect(plain).not.toContain(secret);
    }
  }

  const failing = (command: string): Files => ({
    ...appFiles('one', { migrate: command }),
    'leak.mjs': LEAK,
    'migrate.mjs': `import { leak } from './leak.mjs'; leak(process.env.DATABASE_URL); process.exitCode = Number(process.argv[2]);`,
  });

  test('is in nothing that a deployment stores when its migration prints it and fails, and the rest of the output is', async () => {
    await using app = await createAppWithPassword();

    const id = await deployFiles(plane, owner, app, failing('node migrate.mjs 3'), 'failed');

    const { all, lines } = await storedOf(id);
    expectNoSecret(all);
    expect(lines).toEqual(
      expect.arrayContaining(['raw ***.', 'base64 ***', 'half \u001b[31m***\u001b[0m', 'hex ***', '***']),
    );
    expect(lines).toContain('{"text":"***","inner":"{\\"text\\":\\"***\\"}"}');
    expect(lines).toContain('.'.repeat(16 * 1024 - 10));
    expect(all).toContain('`node migrate.mjs 3` exited with code 3.');
  });

  test('is in no failure when it is part of the command that fails', async () => {
    await using app = await createAppWithPassword();

    const id = await deployFiles(plane, owner, app, failing(`node migrate.mjs 3 '${PASSWORD}'`), 'failed');

    expectNoSecret((await storedOf(id)).all);
    const { errorMessage, failure } = await plane.app.database.prisma.deployment.findUniqueOrThrow({ where: { id } });
    expect(errorMessage).toBe("`node migrate.mjs 3 '***'` exited with code 3.");
    expect(failure).toMatchObject({ message: errorMessage, hint: expect.stringContaining("'***'") as string });
  });

  test('is in no line when a build finds it on the disk, or when a release prints it and does not start', async () => {
    await using app = await createAppWithPassword();
    const files = {
      ...appFiles('one', { build: 'node build.mjs', start: 'node start.mjs' }),
      'leak.mjs': LEAK,
      'build.mjs': `
        import { readFileSync } from 'node:fs';
        import { leak } from './leak.mjs';
        leak(JSON.parse(readFileSync('../../../../apps/${app.productionAppId}/environment.json', 'utf8')).DATABASE_URL);`,
      'start.mjs': `import { leak } from './leak.mjs'; leak(process.env.DATABASE_URL); process.exitCode = 1;`,
    };

    const id = await deployFiles(plane, owner, app, files, 'failed');

    const { all, lines } = await storedOf(id);
    expectNoSecret(all);
    expect(lines.filter((line) => line === 'hex ***')).toHaveLength(4);
  });

  test('that its first deployment makes is masked in that deployment, and its SQLite path is not', async () => {
    const app = await createApp(owner);
    await using _database = dropAtEnd(app);
    await using plain = await startPlane();
    const other = await createOwner(plain);
    const files = appFiles('one', { migrate: 'echo "url: $DATABASE_URL"' });

    const id = await deployFiles(plane, owner, app, files);
    const inFile = await deployFiles(plain, other, await createApp(other), files);

    expect((await storedOf(id)).lines).toContain('url: ***');
    const lines = await plain.app.database.prisma.logLine.findMany({ where: { deploymentId: inFile } });
    expect(lines.map(({ message }) => message).join('\n')).toMatch(/url: file:\/.*\/app\.db/);
  });

  test('is masked by the worker that takes a deployment over after a kill -9', async () => {
    const nap = uniqueNap();
    using folder = createFolder();
    await using database = await createServerDatabase();
    const env = {
      DATABASE_URL: database.url,
      WINDLASS_APPS_DATABASE_URL: SERVER_URL!,
      WINDLASS_DATA_DIR: folder.path,
      WINDLASS_BOOTSTRAP_TOKEN: TOKEN,
    };
    await using first = startWindlass(['serve'], env);
    const member = await ownerOf((await first.untilOutput(/API\s+(http:\S+)\/graphql/))[1]!);
    const app = await createApp(member);
    await using _database = dropAtEnd(app);
    const migrate = `echo "url $DATABASE_URL"; if [ ! -e ../tried ]; then touch ../tried; sleep ${nap}; fi`;
    const versionId = await pushVersion(member, app.entityId, appFiles('one', { migrate }));
    const id = await trigger(member, app.productionAppId, versionId);
    const { prisma, close } = await openDatabase({ url: database.url });
    const shown = { deploymentId: id, message: 'url ***' };
    await until('the migration runs', () => prisma.logLine.findFirst({ where: shown }));

    first.child.kill('SIGKILL');
    await first.exited();
    await using second = startWindlass(['serve'], env);
    await second.untilOutput(/Windlass runs/);

    await until('it has completed', () => prisma.deployment.findFirst({ where: { id, status: 'completed' } }));
    const lines = (await prisma.logLine.findMany({ where: { deploymentId: id } })).map(({ message }) => message);
    await close();
    const root = join(dataFolders(folder.path).apps, app.productionAppId);
    const { DATABASE_URL } = await loadAppEnvironment(root);
    expect(lines.filter((line) => line === 'url ***')).toHaveLength(2);
    expect(lines.join('\n')).not.toContain(new URL(DATABASE_URL!).password);
  });
});

function dropAtEnd({ productionAppId }: SeededApp): AsyncDisposable {
  return { [Symbol.asyncDispose]: () => dropAppDatabase(SERVER_URL!, productionAppId) };
}

async function ownerOf(url: string): Promise<Member> {
  const client = createApiClient({ url, token: TOKEN });
  const { viewer } = await client.request(WhoamiDocument, {});
  return { organizationId: viewer.memberships[0]!.organization.id, userId: viewer.user.id, token: TOKEN, client };
}
