import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCaller } from '../kit/caller.ts';
import { expectGolden, screenOf } from '../kit/golden.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { appFiles, createApp, createOwner, deployFiles, type Member } from '../kit/seed.ts';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

const ESCAPE = '\u001B';
/** A build that colours a line, and tries to write where it must not. */
const BUILD = [
  'printf "\\033[32mgreen\\033[0m as grass\\n"',
  'printf "\\033]0;a title\\007and \\033[2Ja screen\\n"',
  'echo "::error::not from the runner"',
];
const GOOD = BUILD;
const BAD = [...BUILD, 'echo working; echo "error: no such module" >&2; exit 3'];

/** How a deployment is called, and where its words go. */
const PLACES = {
  pipe: { args: [], options: {} },
  quiet: { args: ['--quiet'], options: {} },
  json: { args: ['--json'], options: {} },
  ci: { args: [], options: { env: { CI: 'true', FORCE_COLOR: '1' } } },
  'github-actions': { args: [], options: { env: { CI: 'true', GITHUB_ACTIONS: 'true' } } },
  terminal: { args: [], options: { terminal: true } },
  'terminal-no-color': { args: [], options: { terminal: true, env: { NO_COLOR: '1' } } },
} as const;

async function deploy(place: keyof typeof PLACES, build: readonly string[]) {
  const app = await createApp(owner);
  // Something serves already, and there is something to go back to.
  for (const version of ['first', 'second']) await deployFiles(plane, owner, app, appFiles(version));
  // Of its own, so that no artifact of another test stands for it.
  using caller = createCaller(plane, owner, appFiles(`third by ${place}, ${build.length}`, { build }));
  const { args, options } = PLACES[place];
  return await caller.run(['deploy', app.subdomain, '--reason', 'because', ...args], options);
}

test.each(['pipe', 'quiet', 'json', 'ci', 'github-actions'] as const)(
  'a deployment that completes, by %s, is told as it should be and without escape codes',
  async (place) => {
    const { code, stdout, stderr } = await deploy(place, GOOD);

    expect(code, stderr).toBe(0);
    // In JSON they are escaped, as the log has them.
    expect(stdout + stderr).not.toContain(ESCAPE);
    expectGolden(`completed-${place}.txt`, `--- stdout\n${stdout}--- stderr\n${stderr}`);
  },
);

test.each(['pipe', 'quiet', 'json', 'github-actions'] as const)(
  'a deployment that fails, by %s, says where, why, what serves and what to do',
  async (place) => {
    const { code, stdout, stderr } = await deploy(place, BAD);

    expect(code, stderr).toBe(1);
    expect(stdout + stderr).not.toContain(ESCAPE);
    expectGolden(`failed-${place}.txt`, `--- stdout\n${stdout}--- stderr\n${stderr}`);
  },
);

test.each([
  ['completed', GOOD, 0],
  ['failed', BAD, 1],
] as const)(
  'on a terminal, a deployment that has %s leaves its story, colours and a visible cursor',
  async (end, files, expected) => {
    const { code, stdout } = await deploy('terminal', files);

    expect(code, stdout).toBe(expected);
    expect(stdout).toContain(`${ESCAPE}[32mgreen${ESCAPE}[0m as grass`);
    expect(stdout).not.toContain(`${ESCAPE}]`);
    expect(stdout).not.toContain(`${ESCAPE}[2J`);
    // The line that is drawn anew was there, and the cursor is back.
    expect(stdout).toContain(`\r${ESCAPE}[J`);
    expect(stdout.lastIndexOf(`${ESCAPE}[?25h`)).toBeGreaterThan(stdout.lastIndexOf(`${ESCAPE}[?25l`));
    expectGolden(`${end}-terminal.txt`, await screenOf(stdout));
  },
);

test('NO_COLOR takes all colours from a terminal, those of the log too', async () => {
  const { code, stdout } = await deploy('terminal-no-color', GOOD);

  expect(code, stdout).toBe(0);
  expect(stdout).toContain('green as grass');
  expect(stdout).not.toMatch(new RegExp(`${ESCAPE}\\[[0-9;]*m`));
});
