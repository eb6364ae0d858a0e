import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCaller } from '../kit/caller.ts';
import { createGate } from '../kit/gate.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { appFiles, createApp, createOwner, type Member } from '../kit/seed.ts';
import { HAS_TERMINAL, KEYS } from '../kit/terminal.ts';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

const ROWS = 24;
const LINES = Array.from({ length: 6 }, (_, index) => `line ${index} ${'='.repeat(40)}`);
const QUESTION = /\? Detach \(d\)/;
/** What only the line that is drawn anew has. */
const LIVE = /[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]|Detach/;

describe.runIf(HAS_TERMINAL)('a terminal whose size changes while a deployment is followed', () => {
  test.each([
    ['wraps its lines anew', true],
    ['cuts them off', false],
  ])('that %s shows every line once, and nothing of the lines that were drawn anew', async (_what, reflows) => {
    const gates = LINES.map(() => createGate());
    const app = await createApp(owner);
    const build = LINES.flatMap((line, index) => [`echo '${line}'`, gates[index]!.command]);
    using caller = createCaller(plane, owner, appFiles('one', { build }));
    const following = caller.start(['deploy', app.subdomain], { terminal: true, reflows });

    // Narrower than the question, than the line of the phase, and back.
    for (const [index, columns] of [62, 40, 21, 13, 100, 80].entries()) {
      // The line itself, and not its command: a terminal shows `^C` wherever it is when the key is pressed.
      await following.untilScreen(new RegExp(`^ {2}line ${index} `, 'm'));
      following.child.stdin!.write(KEYS.ctrlC);
      await following.untilScreen(QUESTION);
      following.resize({ columns, rows: ROWS });
      following.child.stdin!.write('x');
      await following.untilScreen(new RegExp(`[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] ${'build'.slice(0, columns - 3)}`));
      gates[index]!.open();
    }
    const { code, stdout } = await following.ended();

    expect(code, stdout).toBe(0);
    const screen = await following.screen();
    const shown = screen.split('\n').filter((line) => /^ {2}line \d/.test(line));
    if (reflows) expect(shown, screen).toEqual(LINES.map((line) => `  ${line}`));
    else
      expect(
        shown.map((line) => line.slice(0, 13)),
        screen,
      ).toEqual(LINES.map((line) => `  ${line}`.slice(0, 13)));
    expect(screen).not.toMatch(LIVE);
    for (const gate of gates) gate[Symbol.dispose]();
  });
});
