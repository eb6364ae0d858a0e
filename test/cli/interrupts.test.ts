import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCaller } from '../kit/caller.ts';
import { createGate } from '../kit/gate.ts';
import { startHttpProxy } from '../kit/http-proxy.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { appFiles, createApp, createOwner, type Member } from '../kit/seed.ts';
import { until } from '../kit/until.ts';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  // A build that does not hear SIGTERM is there long enough for the third Ctrl-C.
  plane = await startPlane({ killGraceMs: 20_000 });
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

const CTRL_C = '\u0003';
const SHOW_CURSOR = '\u001B[?25h';

/** A deployment that waits in its build, and the command that follows it. */
async function startDeploy({
  build,
  args = [],
  terminal = false,
}: {
  build: string;
  args?: string[];
  terminal?: boolean;
}) {
  const app = await createApp(owner);
  const caller = createCaller(plane, owner, appFiles('one', { build }));
  const deploying = caller.start(['deploy', app.subdomain, ...args], { terminal });
  await deploying.untilOutput(/● build/);
  return {
    caller,
    deploying,
    deployment: () =>
      plane.app.database.prisma.deployment.findFirstOrThrow({ where: { productionAppId: app.productionAppId } }),
    [Symbol.dispose]: () => caller[Symbol.dispose](),
  };
}

test('where nobody can be asked, the first Ctrl-C cancels, and the command waits for the end', async () => {
  using gate = createGate();
  using started = await startDeploy({ build: gate.command });

  started.deploying.child.kill('SIGINT');
  const { code, stderr } = await started.deploying.ended();

  expect(code, stderr).toBe(9);
  expect(stderr).toContain('Cancelling.');
  expect(await started.deployment()).toMatchObject({ status: 'cancelled' });
});

test('SIGTERM, by which CI systems end a job, does the same', async () => {
  using gate = createGate();
  using started = await startDeploy({ build: gate.command });

  started.deploying.child.kill('SIGTERM');
  const { code, stderr } = await started.deploying.ended();

  expect(code, stderr).toBe(9);
});

/** A deployment that is there, while the command that makes it has no answer yet. */
async function startMaking(build: string) {
  const app = await createApp(owner);
  const held: (() => void)[] = [];
  const proxy = await startHttpProxy(plane.url, ({ body, relay }) =>
    body.includes('triggerDeployment') ? held.push(relay) : relay(),
  );
  const caller = createCaller(proxy, owner, appFiles('one', { build }));
  const deploying = caller.start(['deploy', app.subdomain]);
  await until('the server has answered', () => held.length > 0);
  return {
    deploying,
    answer: () => held.forEach((relay) => relay()),
    deployment: () =>
      plane.app.database.prisma.deployment.findFirstOrThrow({ where: { productionAppId: app.productionAppId } }),
    async [Symbol.asyncDispose]() {
      caller[Symbol.dispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

test('SIGTERM while the deployment is being made cancels it as soon as it is there', async () => {
  using gate = createGate();
  await using making = await startMaking(gate.command);
  const { child, untilOutput, ended } = making.deploying;

  child.kill('SIGTERM');
  await untilOutput(/is just being made/);
  making.answer();
  const { code, stderr } = await ended();

  expect(code, stderr).toBe(9);
  expect(await making.deployment()).toMatchObject({ status: 'cancelled' });
});

test('the second Ctrl-C does not wait for a server that does not answer, and says that the deployment may be there', async () => {
  await using making = await startMaking('true');
  const { child, untilOutput, ended } = making.deploying;

  child.kill('SIGINT');
  await untilOutput(/is just being made/);
  child.kill('SIGINT');
  const { code, stderr } = await ended();

  expect(code, stderr).toBe(130);
  expect(stderr).toContain('It may be there');
  await until('it has ended', async () => (await making.deployment()).status === 'completed');
});

test('the third Ctrl-C leaves at once, though the deployment has not stopped yet', async () => {
  using gate = createGate();
  using started = await startDeploy({ build: `trap "" TERM; ${gate.command}` });
  const { child, untilOutput, ended } = started.deploying;

  child.kill('SIGINT');
  await untilOutput(/Cancelling\./);
  child.kill('SIGINT');
  await untilOutput(/It is being cancelled\./);
  child.kill('SIGINT');
  const { code, stderr } = await ended();

  expect(code, stderr).toBe(130);
  expect(await started.deployment()).toMatchObject({ status: 'in_progress' });
  gate.open();
  await until('it has ended', async () => (await started.deployment()).status !== 'in_progress');
});

test('watching never cancels where nobody can be asked', async () => {
  using gate = createGate();
  using started = await startDeploy({ build: gate.command, args: ['--on-interrupt', 'detach'] });
  started.deploying.child.kill('SIGINT');
  await started.deploying.ended();
  const watching = started.caller.start(['watch', (await started.deployment()).id]);
  await watching.untilOutput(/● build/);

  watching.child.kill('SIGINT');
  const { code } = await watching.ended();

  expect(code).toBe(130);
  expect(await started.deployment()).toMatchObject({ status: 'in_progress' });
});

test.each([
  ['d', 130, 'in_progress'],
  ['c', 9, 'cancelled'],
  [CTRL_C, 9, 'cancelled'],
])(
  'on a terminal, Ctrl-C asks first; %j then ends with %i, and the deployment is %s',
  async (key, expected, status) => {
    using gate = createGate();
    using started = await startDeploy({ build: gate.command, terminal: true });
    const { child, untilOutput, ended, stdout } = started.deploying;

    child.stdin!.write(CTRL_C);
    await untilOutput(/Detach \(d\)/);
    expect(await started.deployment()).toMatchObject({ status: 'in_progress' });
    child.stdin!.write(key);
    const { code } = await ended();

    expect(code, stdout()).toBe(expected);
    expect(await started.deployment()).toMatchObject({ status });
    expect(stdout().lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(stdout().lastIndexOf('Detach (d)'));
  },
);

test('a question is shown also with --quiet, on a terminal', async () => {
  using gate = createGate();
  const app = await createApp(owner);
  using caller = createCaller(plane, owner, appFiles('one', { build: gate.command }));
  const deploying = caller.start(['deploy', app.subdomain, '--quiet'], { terminal: true });
  await until('it builds', () =>
    plane.app.database.prisma.deploymentPhase.findFirst({
      where: { name: 'build', status: 'in_progress', deployment: { productionAppId: app.productionAppId } },
    }),
  );

  deploying.child.stdin!.write(CTRL_C);
  await deploying.untilOutput(/Detach \(d\)/);
  deploying.child.stdin!.write('d');

  expect((await deploying.ended()).code).toBe(130);
});

test('on a terminal, any other key goes on, and the next Ctrl-C asks again', async () => {
  using gate = createGate();
  using started = await startDeploy({ build: gate.command, terminal: true });
  const { child, untilOutput, ended, stdout } = started.deploying;

  child.stdin!.write(CTRL_C);
  await untilOutput(/Detach \(d\)/);
  child.stdin!.write('x');
  await untilOutput(/Detach \(d\)[^]*build {2}\d/);
  gate.open();
  const { code } = await ended();

  expect(code, stdout()).toBe(0);
});
