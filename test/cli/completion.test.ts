import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCaller, PROGRAM, type CallerKit } from '../kit/caller.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { appFiles, createApp, createOwner, deployFiles, pushVersion, type Member } from '../kit/seed.ts';
import { HAS_TERMINAL, KEYS } from '../kit/terminal.ts';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

/** What is offered in place of the last word. */
async function offered(caller: CallerKit, ...typed: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await caller.run(['__complete', '--', ...typed]);
  expect([code, stderr]).toEqual([0, '']);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t')[0]!);
}

test('commands, their options and the values of those are offered', async () => {
  using caller = createCaller(plane, null);
  const help = (await caller.run(['--help'])).stdout;
  const commands = [...help.matchAll(/^ {2}([a-z]+) .*[a-z]/gm)].map(([, name]) => name!);

  expect(commands.length).toBeGreaterThan(20);
  expect(await offered(caller, '')).toEqual(commands);
  expect(await offered(caller, 'dep')).toEqual(['deploy', 'deployments']);
  expect(await offered(caller, 'token', '')).toEqual(expect.arrayContaining(['create', 'list', 'revoke']));
  expect(await offered(caller, 'deploy', '--over')).toEqual(['--overlap']);
  expect(await offered(caller, 'deploy', 'shop', '--overlap', 'q')).toEqual(['queue', 'queue-latest']);
  // As Bash splits `--overlap=q`.
  expect(await offered(caller, 'deploy', '--overlap', '=', 'q')).toEqual(['queue', 'queue-latest']);
  expect(await offered(caller, 'completion', '')).toEqual(['bash', 'zsh', 'fish']);
  expect(await offered(caller, 'help', 'ex')).toEqual(['exit-codes']);
});

test('apps, versions and deployments are offered where they may stand, as their server names them', async () => {
  const member = await createOwner(plane);
  const [app, other] = [await createApp(member), await createApp(member)];
  const id = await deployFiles(plane, member, app, appFiles('one'));
  await pushVersion(member, other.entityId, appFiles('two'));
  const versions = await plane.app.database.prisma.version.findMany({ where: { entityId: app.entityId } });
  using caller = createCaller(plane, member);

  expect(await offered(caller, 'deploy', '')).toEqual([other.subdomain, app.subdomain]);
  expect(await offered(caller, 'open', app.subdomain.slice(0, -1))).toContain(app.subdomain);
  expect(await offered(caller, 'status', '--app', other.subdomain, '')).toEqual([]);
  expect(await offered(caller, 'status', '--app', '')).toEqual([other.subdomain, app.subdomain]);
  expect(await offered(caller, 'cancel', 'dep_')).toEqual([id]);
  expect(await offered(caller, 'deploy', app.subdomain, '--version', '')).toEqual(versions.map((row) => row.version));
  // One app is enough.
  expect(await offered(caller, 'deploy', app.subdomain, '')).toEqual([]);
});

test('where nobody is signed in, or no server answers, nothing is said and nothing offered', async () => {
  using stranger = createCaller(plane, null);
  using lost = createCaller({ url: 'http://127.0.0.1:1' }, owner);

  expect(await offered(stranger, 'deploy', '')).toEqual([]);
  expect(await offered(lost, 'deploy', '')).toEqual([]);
});

/** How each shell is started without the files of whoever runs the tests, and takes the script. */
const SHELLS = {
  bash: { command: ['bash', '--norc', '--noprofile', '-i'], load: 'source <(windlass completion bash)' },
  zsh: {
    command: ['zsh', '-f', '-i'],
    load: 'autoload -Uz compinit; compinit -u -D; source <(windlass completion zsh)',
  },
  fish: { command: ['fish', '--no-config', '-i'], load: 'windlass completion fish | source' },
} as const;

describe.each(Object.keys(SHELLS) as (keyof typeof SHELLS)[])('%s', (shell) => {
  const isThere = spawnSync(shell, ['-c', 'exit 7']).status === 7;
  if (!isThere) console.error(`\n!!! THE TESTS OF COMPLETION IN ${shell} ARE SKIPPED: it is not installed here.\n`);

  test.runIf(HAS_TERMINAL && isThere)('completes what is typed when Tab is pressed', async () => {
    const member = await createOwner(plane);
    const app = await createApp(member);
    using caller = createCaller(plane, member);
    const bin = join(caller.folder, 'bin');
    mkdirSync(bin);
    const program = join(bin, 'windlass');
    writeFileSync(program, `#!/bin/sh\nexec ${PROGRAM.map((word) => `'${word}'`).join(' ')} "$@"\n`);
    chmodSync(program, 0o755);
    const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}` };
    const { command, load } = SHELLS[shell];

    const session = caller.start([], { terminal: true, program: command, env });
    const type = (keys: string) => session.child.stdin!.write(keys);
    // In two parts, so that it is not found in what was typed; after a space, so that fish does not suggest it again.
    type(` ${load}; echo 'rea''dy'${KEYS.enter}`);
    await session.untilScreen(/^ready\n[^]*[#$%>]\n$/m);
    type(`windlass complet${KEYS.tab}`);
    await session.untilScreen(/windlass completion$/m);
    type(`fi${KEYS.tab}`);
    await session.untilScreen(/windlass completion fish/);
    type(`${KEYS.ctrlU}windlass deploy --over${KEYS.tab}`);
    await session.untilScreen(/windlass deploy --overlap$/m);
    type(`canc${KEYS.tab}`);
    await session.untilScreen(/windlass deploy --overlap cancel-running/);
    type(`${KEYS.ctrlU}windlass open a${KEYS.tab}`);
    await session.untilScreen(new RegExp(`windlass open ${app.subdomain}`));
    type(`${KEYS.ctrlU}exit${KEYS.enter}`);
    await session.ended();
  });
});
