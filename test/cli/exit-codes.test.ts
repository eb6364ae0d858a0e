import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXIT_CODES, exitOfRefusal, REFUSALS_WITH_EXIT } from '../../src/cli/caller/exit-codes.ts';
import { ERROR_STATUS } from '../../src/domain/errors.ts';
import { createCaller } from '../kit/caller.ts';
import { createFolder } from '../kit/folder.ts';
import { createGate } from '../kit/gate.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { appFiles, createApp, createMember, createOwner, deployFiles, pushVersion, type Member } from '../kit/seed.ts';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

/** Where nobody listens. */
async function closedAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}`;
}

test('every refusal of the server has an exit code, and no other has one of its own', () => {
  expect(REFUSALS_WITH_EXIT.toSorted()).toEqual(Object.keys(ERROR_STATUS).toSorted());
  expect(exitOfRefusal('SOMETHING_NEW')).toBe('server');
});

test('no two ends of a command have the same code', () => {
  const codes = Object.values(EXIT_CODES).map(({ code }) => code);

  expect(new Set(codes).size).toBe(codes.length);
});

test('0: a deployment that has completed; its address alone is on standard output', async () => {
  const app = await createApp(owner);
  using caller = createCaller(plane, owner, appFiles('one'));

  const { code, stdout, stderr } = await caller.run(['deploy', app.subdomain]);

  expect(code, stderr).toBe(0);
  expect(stdout).toBe(`http://${app.subdomain}.localhost:${plane.gatewayPort}/\n`);
  expect((await plane.visit(app.subdomain)).body).toBe('one');
});

test('1: a deployment that has failed', async () => {
  const app = await createApp(owner);
  using caller = createCaller(plane, owner, appFiles('one', { build: 'echo sorry; exit 3' }));

  const { code, stdout, stderr } = await caller.run(['deploy', app.subdomain]);

  expect(code, stderr).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toContain('failed in build');
});

test.each([
  [['deploy', '--overlap', 'whatever'], /Allowed choices are queue/],
  [['deploy'], /No app was named.*\n.*windlass init/],
  [['deploy', '--version', 'x', '--active'], /exclude each other/],
  [['deplyo'], /Did you mean deploy\?/],
  [['deploy', '--timeout', 'soon'], /such as 90s, 10m or 1h/],
  [['init'], /Add --app/],
  [['status', 'nonsense'], /no deployment.*\n.*@latest/],
  [['api', '{ nothing }'], /GRAPHQL_VALIDATION_FAILED/],
  [['api', '/tmp'], /\/tmp cannot be read: EISDIR/],
  [['logs', '--since', 'yesterday'], /no time.*\n.*10m, 1h/],
])('2: %j is not valid, and the answer says what is', async (args, message) => {
  using caller = createCaller(plane, owner);

  const { code, stderr } = await caller.run(args);

  expect(code, stderr).toBe(2);
  expect(stderr).toMatch(message);
});

test('3: a server that cannot be reached', async () => {
  const url = await closedAddress();
  using caller = createCaller({ url }, owner);

  const { code, stderr } = await caller.run(['whoami']);

  expect(code).toBe(3);
  expect(stderr).toContain(`windlass: ${url} cannot be reached (ECONNREFUSED).`);
});

test('3: a server that is something else than Windlass', async () => {
  using caller = createCaller({ url: `http://127.0.0.1:${plane.gatewayPort}` }, owner);

  const { code, stderr } = await caller.run(['whoami']);

  expect(code, stderr).toBe(3);
  expect(stderr).toMatch(/not as Windlass does\.\n.*--url, WINDLASS_URL/);
});

test.each(['wl_of\nnobody', 'wl_töken'])(
  '4: the token %j, which no header can carry, and is not repeated',
  async (token) => {
    using caller = createCaller(plane, { token });

    const { code, stdout, stderr } = await caller.run(['whoami']);

    expect(code, stderr).toBe(4);
    expect(stdout + stderr).not.toContain(token.slice(-4));
  },
);

test('a token is taken without the end of its line, as a secret of a CI system may have one', async () => {
  using caller = createCaller(plane, { token: `${owner.token}\n` });

  expect((await caller.run(['whoami'])).code).toBe(0);
});

test('`cancel --no-wait` says what it did, and leaves', async () => {
  using gate = createGate();
  const app = await createApp(owner);
  using caller = createCaller(plane, owner, appFiles('one', { build: gate.command }));
  const made = await caller.run(['deploy', app.subdomain, '--no-wait']);

  const { code, stdout, stderr } = await caller.run(['cancel', made.stdout.trim(), '--no-wait']);

  expect([code, stdout]).toEqual([0, made.stdout]);
  expect(stderr).toMatch(/^Deployment 1 was asked to stop[^\n]*\n$/);
});

test('4: nobody is signed in, or with a token that is not valid; both say how to sign in', async () => {
  using nobody = createCaller(plane, null);
  using stranger = createCaller(plane, { token: 'wl_not-a-token-of-anybody-at-all-here' });

  const [first, second] = await Promise.all([nobody.run(['status']), stranger.run(['status'])]);

  expect([first.code, second.code]).toEqual([4, 4]);
  for (const { stderr } of [first, second]) expect(stderr).toContain('windlass login');
  expect(second.stderr).not.toContain('wl_not-a-token');
});

test('5: a member who may not deploy', async () => {
  const app = await createApp(owner);
  await pushVersion(owner, app.entityId, appFiles('one'));
  const reader = await createMember(plane, owner.organizationId, []);
  using caller = createCaller(plane, reader);

  const { code, stderr } = await caller.run(['deploy', app.subdomain, '--active']);

  expect(code, stderr).toBe(5);
  expect(stderr).toContain('entities:deploy');
});

test.each([
  [['status', 'dep_01k00000000000000000000000']],
  [['deploy', 'no-such-app', '--active']],
  [['open', 'nope']],
])('6: %j names what is not there', async (args) => {
  using caller = createCaller(plane, owner);

  const { code, stderr } = await caller.run(args);

  expect(code, stderr).toBe(6);
});

test('7: a deployment that has ended cannot be cancelled', async () => {
  const app = await createApp(owner);
  const id = await deployFiles(plane, owner, app, appFiles('one'));
  using caller = createCaller(plane, owner);

  const { code, stderr } = await caller.run(['cancel', id]);

  expect(code, stderr).toBe(7);
  expect(stderr).toContain('windlass status');
});

test('8: the time is over, and the deployment goes on', async () => {
  using gate = createGate();
  const app = await createApp(owner);
  using caller = createCaller(plane, owner, appFiles('one', { build: gate.command }));

  const { code, stderr } = await caller.run(['deploy', app.subdomain, '--timeout', '2s']);
  const [id] = /dep_[0-9a-z]{26}/.exec(stderr)!;
  const open = await caller.run(['status', id, '--json']);
  gate.open();
  const watched = await caller.run(['watch', id]);

  expect(code, stderr).toBe(8);
  expect(stderr).toContain(`windlass watch ${id}`);
  expect(JSON.parse(open.stdout)).toMatchObject({ status: 'in_progress' });
  expect(watched.code, watched.stderr).toBe(0);
});

test('9: a deployment that somebody else has cancelled; 0 for who cancelled it', async () => {
  using gate = createGate();
  const app = await createApp(owner);
  using caller = createCaller(plane, owner, appFiles('one', { build: gate.command }));
  const deploying = caller.start(['deploy', app.subdomain]);
  await deploying.untilOutput(/● build/);

  const cancelling = await caller.run(['cancel', '@latest', '--app', app.subdomain, '--reason', 'never mind']);
  const { code, stderr } = await deploying.ended();

  expect(cancelling.code, cancelling.stderr).toBe(0);
  expect(code, stderr).toBe(9);
  expect(stderr).toContain('was cancelled in build');
});

test('`cancel --json` says the exit code that it has, whether it was in time or not', async () => {
  using gate = createGate();
  const app = await createApp(owner);
  using caller = createCaller(plane, owner, appFiles('one', { build: `trap "" TERM; ${gate.command}` }));
  const made = await caller.run(['deploy', app.subdomain, '--no-wait']);
  const id = made.stdout.trim();

  const { code, stdout, stderr } = await caller.run(['cancel', id, '--json']);

  expect(code, stderr).toBe(0);
  const result = JSON.parse(stdout.trim().split('\n').at(-1)!) as unknown;
  expect(result).toMatchObject({ type: 'result', id, status: 'cancelled', exitCode: 0 });
});

test('10: the deployment was made, and how it ends cannot be learnt', async () => {
  using gate = createGate();
  const app = await createApp(owner);
  const { createApiToken } = (
    await owner.client.send('mutation { createApiToken(input: { name: "ci" }) { secret token { id } } }', {})
  ).data as { createApiToken: { secret: string; token: { id: string } } };
  using caller = createCaller(plane, { token: createApiToken.secret }, appFiles('one', { build: gate.command }));
  const deploying = caller.start(['deploy', app.subdomain]);
  await deploying.untilOutput(/● build/);

  await owner.client.send(
    `mutation { revokeApiToken(input: { tokenId: "${createApiToken.token.id}" }) { token { id } } }`,
    {},
  );
  const { code, stderr } = await deploying.ended();

  expect(code, stderr).toBe(10);
  expect(stderr).toMatch(/dep_[0-9a-z]{26} ends cannot be learnt.*\n.*windlass status dep_/);
});

test('70: this machine does not let the program work', async () => {
  const app = await createApp(owner);
  using caller = createCaller(plane, owner, appFiles('one'));
  using folder = createFolder();
  // So long that no folder fits into it any more whose name is not short.
  let place = folder.path;
  while (place.length < 3_800) place = join(place, 'x'.repeat(200));
  place = join(place, 'y'.repeat(4_079 - place.length));
  mkdirSync(place, { recursive: true });

  const { code, stderr } = await caller.run(['push', app.subdomain], { env: { TMPDIR: place } });

  expect(code, stderr).toBe(70);
  expect(stderr).toMatch(/^windlass: ENAMETOOLONG: name too long, mkdtemp [^\n]+\n$/);
});

test.each([
  ['deploy --json', 0, 'true'],
  ['deploy --json', 1, 'exit 3'],
  ['deploy', 1, 'exit 3'],
])('`windlass %s`, whose output nobody reads any more, ends with %i all the same', async (command, expected, build) => {
  using gate = createGate();
  const app = await createApp(owner);
  using caller = createCaller(plane, owner, appFiles('one', { build: [gate.command, build] }));
  const deploying = caller.start([...command.split(' '), app.subdomain]);
  await deploying.untilOutput(/build/);

  deploying.child.stdout!.destroy();
  deploying.child.stderr!.destroy();
  gate.open();

  expect((await deploying.ended()).code).toBe(expected);
});

test('130: who detaches leaves the deployment as it is', async () => {
  using gate = createGate();
  const app = await createApp(owner);
  using caller = createCaller(plane, owner, appFiles('one', { build: gate.command }));
  const deploying = caller.start(['deploy', app.subdomain, '--on-interrupt', 'detach']);
  await deploying.untilOutput(/● build/);

  deploying.child.kill('SIGINT');
  const { code, stderr } = await deploying.ended();
  const status = await caller.run(['status', '--app', app.subdomain, '--json']);

  expect(code, stderr).toBe(130);
  expect(JSON.parse(status.stdout)).toMatchObject({ status: 'in_progress', cancellation: null });
});

test('`windlass help exit-codes` lists them all', async () => {
  using caller = createCaller(plane, null);

  const { code, stdout } = await caller.run(['help', 'exit-codes']);

  expect(code).toBe(0);
  for (const end of Object.values(EXIT_CODES))
    expect(stdout).toContain(`${String(end.code).padStart(5)}  ${end.meaning}`);
});
