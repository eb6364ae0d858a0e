import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CreateEntityDocument } from '../../src/generated/gql/graphql.ts';
import { createCaller, type Ended } from '../kit/caller.ts';
import { createGate } from '../kit/gate.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import {
  appFiles,
  createApp,
  createOwner,
  deployFiles,
  pushVersion,
  trigger,
  untilPhase,
  type Member,
} from '../kit/seed.ts';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

const lines = ({ stdout }: Ended) => stdout.split('\n').filter((line) => line !== '');
const objects = (ended: Ended) => lines(ended).map((line) => JSON.parse(line) as Record<string, unknown>);

test('login keeps a token that the server knows, for the user alone, and every later command uses it', async () => {
  using caller = createCaller(plane, null);
  const file = join(caller.configHome, 'windlass', 'credentials.json');

  const wrong = await caller.run(['login', '--url', plane.url], { input: 'wl_of-nobody-but-long-enough-to-be-one' });
  const isKept = existsSync(file);
  const right = await caller.run(['login', '--url', `${plane.url}/`], { input: `${owner.token}\n` });
  const whoami = await caller.run(['whoami', '--json']);
  const modes = [file, join(file, '..')].map((path) => statSync(path).mode & 0o777);
  const logout = await caller.run(['logout']);
  const after = await caller.run(['whoami']);

  expect([wrong.code, isKept]).toEqual([4, false]);
  expect(right.code, right.stderr).toBe(0);
  expect(objects(whoami)).toMatchObject([{ type: 'viewer', url: plane.url, user: { id: owner.userId } }]);
  expect(modes).toEqual([0o600, 0o700]);
  expect(logout.code).toBe(0);
  expect(after.code).toBe(4);
  expect(readFileSync(file, 'utf8')).not.toContain(owner.token);
  for (const { stdout, stderr } of [wrong, right, whoami, logout, after]) {
    expect(stdout + stderr).not.toMatch(/wl_of-nobody|wl_[A-Za-z0-9_-]{30}/);
  }
});

test('a broken credentials file is refused without a word of what is in it', async () => {
  using caller = createCaller(plane, null);
  mkdirSync(join(caller.configHome, 'windlass'), { recursive: true });
  writeFileSync(join(caller.configHome, 'windlass', 'credentials.json'), '{"tokens": {"x": "wl_a-secret"');

  const { code, stderr } = await caller.run(['whoami', '--url', plane.url]);

  expect(code).toBe(4);
  expect(stderr).toContain('windlass login');
  expect(stderr).not.toContain('wl_a-secret');
});

test('a linked folder cannot choose by itself who gets the token of the environment', async () => {
  using caller = createCaller(plane, null);
  mkdirSync(join(caller.folder, '.windlass'));
  const app = { id: 'app_1', subdomain: 'x' };
  const project = { url: plane.url, organization: 'o', entity: { id: 'ent_1', slug: 'x' }, app };
  writeFileSync(join(caller.folder, '.windlass', 'project.json'), JSON.stringify(project));

  const alone = await caller.run(['whoami'], { env: { WINDLASS_TOKEN: owner.token } });
  const both = await caller.run(['whoami'], { env: { WINDLASS_TOKEN: owner.token, WINDLASS_URL: plane.url } });

  expect([alone.code, both.code]).toEqual([2, 0]);
  expect(alone.stderr).toContain(`Set WINDLASS_URL=${plane.url}`);
});

test('init makes an app and links the folder; what follows needs no name', async () => {
  const subdomain = `made-${owner.organizationId.slice(-6)}`;
  using caller = createCaller(plane, owner, { 'server.mjs': appFiles('one')['server.mjs']! });

  const missing = await caller.run(['init', '--app', subdomain]);
  const made = await caller.run(['init', '--app', subdomain, '--create', '--json']);
  const again = await caller.run(['init', '--app', subdomain]);
  const deployed = await caller.run(['deploy', '--quiet']);
  const opened = await caller.run(['open']);
  const page = await caller.run(['open', '--page']);

  expect(missing.code, missing.stderr).toBe(6);
  expect([made.code, again.code], made.stderr + again.stderr).toEqual([0, 0]);
  const project = JSON.parse(readFileSync(join(caller.folder, '.windlass', 'project.json'), 'utf8')) as object;
  expect(objects(made)).toEqual([{ type: 'project', ...project }]);
  expect(JSON.parse(readFileSync(join(caller.folder, 'windlass.json'), 'utf8'))).toEqual({ start: 'node server.mjs' });
  expect(deployed.code, deployed.stderr).toBe(0);
  expect(lines(opened)).toEqual(lines(deployed));
  expect(lines(page)).toEqual([`${plane.url}/apps/${subdomain}`]);
});

test('init makes an app of an entity that has none yet, named or of the same name', async () => {
  const member = await createOwner(plane);
  using caller = createCaller(plane, member);
  const ids = await Promise.all(
    ['lonely', 'twin'].map(async (slug) => {
      const input = { organizationId: member.organizationId, name: slug, slug: `${slug}-${member.userId.slice(-6)}` };
      return [
        input.slug,
        (await member.client.request(CreateEntityDocument, { input })).createEntity.entity.id,
      ] as const;
    }),
  );
  const [[lonely, lonelyId], [twin, twinId]] = ids as [(typeof ids)[number], (typeof ids)[number]];
  const init = (...args: string[]) => caller.run(['init', '--create', '--json', ...args]);

  const bySlug = await init('--app', `a-${lonely}`, '--entity', lonely);
  const byId = await init('--app', `b-${lonely}`, '--entity', lonelyId);
  const byName = await init('--app', twin);
  const missing = await init('--app', `c-${lonely}`, '--entity', 'ent_01k00000000000000000000000');

  expect(objects(bySlug)).toMatchObject([{ entity: { id: lonelyId, slug: lonely } }]);
  expect(objects(byId)).toMatchObject([{ entity: { id: lonelyId, slug: lonely } }]);
  expect(objects(byName)).toMatchObject([{ entity: { id: twinId, slug: twin } }]);
  expect(missing.code, missing.stderr).toBe(6);
});

test('init leaves nothing behind where the app cannot be made', async () => {
  const member = await createOwner(plane);
  const { subdomain } = await createApp(owner);
  using caller = createCaller(plane, member);

  const taken = await caller.run(['init', '--app', subdomain, '--create']);
  const invalid = await caller.run(['init', '--app', 'Not_A_Name', '--create']);

  expect([taken.code, invalid.code], taken.stderr + invalid.stderr).toEqual([7, 2]);
  const { organizationId } = member;
  expect(await plane.app.database.prisma.entity.count({ where: { organizationId } })).toBe(0);
  expect(existsSync(join(caller.folder, '.windlass'))).toBe(false);
});

test('what cannot be written is said in a sentence, with how to do without', async () => {
  using caller = createCaller(plane, owner);
  const { subdomain } = await createApp(owner);
  // A file where a folder must be: also root cannot write there.
  writeFileSync(join(caller.folder, 'file'), '');
  writeFileSync(join(caller.folder, '.windlass'), '');

  const init = await caller.run(['init', '--app', subdomain]);
  const env = { XDG_CONFIG_HOME: join(caller.folder, 'file') };
  const login = await caller.run(['login', '--url', plane.url], { input: owner.token, env });

  expect([init.code, login.code]).toEqual([2, 2]);
  expect(init.stderr).toMatch(/project\.json cannot be written: /);
  expect(login.stderr).toMatch(/credentials\.json cannot be written: .*\n.*WINDLASS_TOKEN/);
});

test('push makes a version once; deploy ships it by its name, and what was deployed is the active version', async () => {
  const app = await createApp(owner);
  using caller = createCaller(plane, owner, appFiles('one'));

  const first = await caller.run(['push', app.subdomain, '--as', '1.0.0']);
  const second = await caller.run(['push', app.subdomain, '--as', '1.0.1', '--json']);
  const shipped = await caller.run(['deploy', app.subdomain, '--version', '1.0.0', '--json']);
  writeFileSync(join(caller.folder, 'new.txt'), 'something else');
  const next = await caller.run(['deploy', app.subdomain, '--quiet']);
  const versions = await caller.run(['versions', app.subdomain]);

  expect(lines(first)).toEqual(['1.0.0']);
  expect(objects(second)).toMatchObject([{ type: 'version', version: '1.0.0', wasThere: true }]);
  expect(objects(shipped).at(-1)).toMatchObject({ type: 'result', status: 'completed', version: { version: '1.0.0' } });
  expect(next.code, next.stderr).toBe(0);
  const table = lines(versions).map((line) => line.split('\t'));
  expect(table.map(([version, active]) => [version!.slice(0, 6), active])).toEqual([
    ['0.0.0-', 'active'],
    ['1.0.0', ''],
  ]);
});

test('the same idempotency key makes one deployment', async () => {
  const app = await createApp(owner);
  using caller = createCaller(plane, owner, appFiles('one'));
  const args = ['deploy', app.subdomain, '--idempotency-key', 'job-1', '--json'];

  const [first, second] = [await caller.run(args), await caller.run(args)];

  const [one, two] = [objects(first).at(-1)!, objects(second).at(-1)!];
  expect(two).toMatchObject({ id: one['id'], number: 1, status: 'completed' });
});

test('a deployment is named by the beginning of its id, its number, its page and @latest', async () => {
  const app = await createApp(owner);
  const id = await deployFiles(plane, owner, app, appFiles('one'));
  const latest = await deployFiles(plane, owner, app, appFiles('two'));
  using caller = createCaller(plane, owner);
  const find = async (text: string) => {
    const [status] = objects(await caller.run(['status', text, '--app', app.subdomain, '--json']));
    return status!['id'];
  };

  expect(await find(id)).toBe(id);
  expect(await find(id.slice(0, -4))).toBe(id);
  expect(await find('1')).toBe(id);
  expect(await find(`${plane.url}/deployments/${id}?phase=build#L3`)).toBe(id);
  expect(await find('@latest')).toBe(latest);
  const ambiguous = await caller.run(['status', 'dep_0', '--app', app.subdomain]);
  expect([ambiguous.code, ambiguous.stderr.includes(id)]).toEqual([2, true]);
});

test('an app is named by its subdomain, its id, its page and its address', async () => {
  const app = await createApp(owner);
  using caller = createCaller(plane, owner);
  const address = `http://${app.subdomain}.localhost:${plane.gatewayPort}/`;

  for (const name of [app.subdomain, app.productionAppId, `${plane.url}/apps/${app.subdomain}`, address]) {
    expect(lines(await caller.run(['open', name])), name).toEqual([address]);
  }
});

test('retry ships again what failed, and rollback goes back to what served', async () => {
  const app = await createApp(owner);
  const [one, two] = [
    await deployFiles(plane, owner, app, appFiles('one')),
    await deployFiles(plane, owner, app, appFiles('two')),
  ];
  const failed = await deployFiles(plane, owner, app, appFiles('three', { build: 'exit 1' }), 'failed');
  using caller = createCaller(plane, owner);

  const retried = await caller.run(['retry', failed, '--json']);
  const plan = await caller.run(['rollback', app.subdomain, '--plan', '--json']);
  const shown = await caller.run(['rollback', app.subdomain, '--plan']);
  const back = await caller.run(['rollback', app.subdomain, '--json', '--reason', 'three is bad']);
  const forth = await caller.run(['rollback', app.subdomain, '--to', two, '--no-wait']);
  const watched = await caller.run(['watch', lines(forth)[0]!, '--quiet']);

  expect([retried.code, back.code, forth.code, watched.code]).toEqual([1, 0, 0, 0]);
  expect(objects(plan)).toMatchObject([{ type: 'plan', source: { id: one, number: 1 } }]);
  expect(objects(plan)[0]!['phases']).toHaveLength(8);
  expect([shown.code, lines(shown).length]).toEqual([0, 8]);
  expect(shown.stderr).toContain('would go back to deployment 1');
  expect(objects(back).at(-1)).toMatchObject({ status: 'completed' });
  const [status] = objects(await caller.run(['status', String(objects(back).at(-1)!['id']), '--json']));
  expect(status).toMatchObject({ trigger: 'rollback', reason: 'three is bad', source: { id: one } });
  expect((await plane.visit(app.subdomain)).body).toBe('two');
});

test('a folder that is linked to an app of another server is as good as one that is not linked', async () => {
  const app = await createApp(owner);
  const id = await deployFiles(plane, owner, app, appFiles('one'));
  using caller = createCaller(plane, owner);
  const link = {
    url: 'https://elsewhere.example.com',
    organization: 'acme',
    entity: { id: app.entityId, slug: 'shop' },
    app: { id: 'app_01k00000000000000000000000', subdomain: 'shop' },
  };
  mkdirSync(join(caller.folder, '.windlass'));
  writeFileSync(join(caller.folder, '.windlass/project.json'), JSON.stringify(link));

  const [status, versions] = [await caller.run(['status', id, '--json']), await caller.run(['versions'])];

  expect([status.code, objects(status)[0]!['id']]).toEqual([0, id]);
  expect([versions.code, versions.stderr]).toEqual([2, expect.stringContaining('not linked to one on')]);
});

test('what deploy has pushed is not active before it serves, and not with --no-activate', async () => {
  const app = await createApp(owner);
  using caller = createCaller(plane, owner, appFiles('one', { build: 'exit 1' }));
  const activeVersion = async () =>
    (await plane.app.database.prisma.entity.findUniqueOrThrow({ where: { id: app.entityId } })).activeVersionId;

  expect((await caller.run(['deploy', app.subdomain])).code).toBe(1);
  expect(await activeVersion()).toBeNull();
  writeFileSync(join(caller.folder, 'windlass.json'), appFiles('one')['windlass.json'] as string);
  expect((await caller.run(['deploy', app.subdomain, '--no-activate'])).code).toBe(0);
  expect(await activeVersion()).toBeNull();
  expect((await caller.run(['deploy', app.subdomain])).code).toBe(0);
  expect(await activeVersion()).not.toBeNull();
});

test('redeploy ships the version of a deployment once more, unless a newer one has completed', async () => {
  const app = await createApp(owner);
  const first = await deployFiles(plane, owner, app, appFiles('one'));
  using caller = createCaller(plane, owner);

  const again = await caller.run(['redeploy', '--app', app.subdomain, '--json', '--reason', 'new variables']);
  const refused = await caller.run(['redeploy', first]);

  expect(again.code, again.stderr).toBe(0);
  const { id } = objects(again).at(-1)!;
  const [status] = objects(await caller.run(['status', String(id), '--json']));
  expect(status).toMatchObject({ trigger: 'redeploy', reason: 'new variables', number: 2, source: { id: first } });
  expect([refused.code, refused.stderr]).toEqual([7, expect.stringContaining('newer')]);
});

test('lists are aligned on a terminal, separated by tabs in a pipe, and JSON for programs', async () => {
  const app = await createApp(owner);
  const ids = [
    await deployFiles(plane, owner, app, appFiles('one')),
    await deployFiles(plane, owner, app, appFiles('two', { build: 'exit 1' }), 'failed'),
  ];
  using caller = createCaller(plane, owner);
  const args = ['deployments', app.subdomain];

  const piped = await caller.run(args);
  const shown = await caller.run(args, { terminal: true, env: { NO_COLOR: '1' } });
  const json = await caller.run([...args, '--json', '--status', 'failed']);
  const limited = await caller.run([...args, '--limit', '1']);
  const apps = await caller.run(['apps', '--json', '--limit', '100']);

  expect(lines(piped).map((line) => line.split('\t').slice(0, 4))).toEqual([
    [ids[1], app.subdomain, '2', 'failed'],
    [ids[0], app.subdomain, '1', 'live'],
  ]);
  const [head, ...rows] = lines(shown).map((line) => line.trimEnd());
  expect(head).toMatch(/^ID +APP +NO +STATUS/);
  expect(rows.map((row) => row.indexOf(app.subdomain))).toEqual([head!.indexOf('APP'), head!.indexOf('APP')]);
  expect(objects(json)).toMatchObject([{ id: ids[1], status: 'failed', trigger: 'manual' }]);
  expect(lines(limited)).toHaveLength(1);
  expect(objects(apps)).toContainEqual(expect.objectContaining({ subdomain: app.subdomain, health: 'healthy' }));
});

test('logs prints what was asked for: phases, streams, texts, and what comes after a line', async () => {
  const app = await createApp(owner);
  const build = 'echo one; echo two >&2; echo three';
  const id = await deployFiles(plane, owner, app, appFiles('one', { build }));
  using caller = createCaller(plane, owner);
  const logs = async (...args: string[]) => lines(await caller.run(['logs', id, ...args]));

  const all = await logs('--phase', 'build');
  const printed = await logs('--phase', 'build', '--stream', 'stdout', '--stream', 'stderr');
  const json = objects(await caller.run(['logs', id, '--grep', 'two', '--stream', 'stderr', '--json']));

  expect(all).toEqual([`$ ${build}`, ...printed]);
  expect(printed.toSorted()).toEqual(['one', 'three', 'two']);
  expect(json).toMatchObject([{ message: 'two', phase: 'build', stream: 'stderr' }]);
  expect(await logs('--after', String(json[0]!['seq']), '--grep', 'two')).toEqual([]);
  expect(await logs('--since', '2100-01-01T00:00:00Z')).toEqual([]);
  expect(await logs('--since', '1h', '--follow', '--grep', 'three', '--stream', 'stdout')).toEqual(['three']);
});

test('logs --runtime --follow prints what the app prints, as it prints it', async () => {
  const app = await createApp(owner);
  const files = appFiles('one');
  const server = `${files['server.mjs'] as string}\nconsole.log('ready to serve');`;
  await deployFiles(plane, owner, app, { ...files, 'server.mjs': server });
  using caller = createCaller(plane, owner);

  const following = caller.start(['logs', '--runtime', '--follow', '--app', app.subdomain, '--grep', 'ready']);
  await following.untilOutput(/^ready to serve$/m);
  following.child.kill('SIGINT');
  const { code } = await following.ended();

  expect(code).toBe('SIGINT');
});

test('watch shows a deployment that is under way from its first line, and says how many wait before one', async () => {
  using gate = createGate();
  const app = await createApp(owner);
  const version = await pushVersion(owner, app.entityId, appFiles('one', { build: gate.command }));
  const first = await trigger(owner, app.productionAppId, version);
  await trigger(owner, app.productionAppId, version);
  const third = await trigger(owner, app.productionAppId, version);
  await untilPhase(plane, first, 'build');
  using caller = createCaller(plane, owner);

  const waiting = caller.start(['watch', third]);
  await waiting.untilOutput(/Waiting: 1 before it\./);
  gate.open();
  const watched = await caller.run(['watch', first]);
  const { code, stderr } = await waiting.ended();

  expect(watched.code, watched.stderr).toBe(0);
  expect(watched.stderr).toMatch(/● orchestrate\n[^]*✔ cache_invalidation/);
  expect(code, stderr).toBe(0);
});

test('api sends any GraphQL: variables of all kinds, a file, standard input', async () => {
  const app = await createApp(owner);
  using caller = createCaller(plane, owner);
  const query =
    'query ($id: ID, $first: Int!) { productionApp(id: $id) { subdomain deployments(first: $first) { nodes { id } } } }';
  writeFileSync(join(caller.folder, 'query.graphql'), query);
  const data = { productionApp: { subdomain: app.subdomain, deployments: { nodes: [] } } };
  const fields = ['-f', `id=${app.productionAppId}`, '-F', 'first=5'];

  const inline = await caller.run(['api', ...fields, query]);
  const file = await caller.run(['api', 'query.graphql', ...fields]);
  const piped = await caller.run(['api', '-', '--var-json', JSON.stringify({ id: app.productionAppId, first: 5 })], {
    input: query,
  });
  const refused = await caller.run([
    'api',
    'mutation { deleteProductionApp(input: { id: "app_x" }) { productionApp { id } } }',
  ]);

  for (const ended of [inline, file, piped]) expect(objects(ended), ended.stderr).toEqual([data]);
  expect([refused.code, refused.stdout]).toEqual([6, '']);
});

test('a command for callers loads nothing of the server', async () => {
  using caller = createCaller(plane, owner);

  const { code, stderr } = await caller.run(['whoami'], { env: { NODE_DEBUG: 'esm', NODE_OPTIONS: '' } });

  expect(code, stderr.slice(-500)).toBe(0);
  expect(stderr).not.toMatch(/node_modules\/(?:@prisma|pg-boss|@electric-sql|graphql-yoga|ioredis)\//);
});
