import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCaller, type CallerKit } from '../kit/caller.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { createApp, createOwner, type Member } from '../kit/seed.ts';
import { HAS_TERMINAL, KEYS } from '../kit/terminal.ts';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane();
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

const SHOW_CURSOR = '\u001B[?25h';
const HIDE_CURSOR = '\u001B[?25l';
/** Takes what is proposed out of the field. */
const CLEAR = KEYS.ctrlU;
const WRONG_TOKEN = 'wl_of-nobody-but-long-enough-to-be-one';

/** A command on a terminal, and somebody who answers its questions. */
function startAsking(caller: CallerKit, args: readonly string[]) {
  const started = caller.start(args, { terminal: true });
  return {
    ...started,
    async answer(question: string, keys: string) {
      await started.untilScreen(new RegExp(question));
      started.child.stdin!.write(keys);
    },
    /** The end, and that the terminal is as it was before. */
    async ended() {
      const { code, stdout } = await started.ended();
      expect(stdout.lastIndexOf(SHOW_CURSOR), stdout).toBeGreaterThanOrEqual(stdout.lastIndexOf(HIDE_CURSOR));
      return { code, stdout, screen: await started.screen() };
    },
  };
}

const credentials = ({ configHome }: CallerKit) => join(configHome, 'windlass', 'credentials.json');

describe.runIf(HAS_TERMINAL)('login on a terminal', () => {
  test('asks for the server and the token, shows no part of the token, and keeps it', async () => {
    using caller = createCaller(plane, null);
    const login = startAsking(caller, ['login']);

    await login.answer('Where does Windlass answer', CLEAR + plane.url + KEYS.enter);
    await login.answer(`Token for ${plane.url}`, owner.token);
    await login.answer('[▪•*]{20}', KEYS.enter);
    const { code, stdout, screen } = await login.ended();

    expect(code, stdout).toBe(0);
    expect(screen).toContain(`Signed in to ${plane.url} as Ada.`);
    for (let at = 3; at + 6 <= owner.token.length; at += 1) expect(stdout).not.toContain(owner.token.slice(at, at + 6));
    expect(JSON.parse(readFileSync(credentials(caller), 'utf8'))).toEqual({
      current: plane.url,
      tokens: { [plane.url]: owner.token },
    });
  });

  test('takes a token that is pasted with the end of its line', async () => {
    using caller = createCaller(plane, null);
    const login = startAsking(caller, ['login', '--url', plane.url]);

    await login.answer('Token for', owner.token + KEYS.enter);
    const { code, stdout } = await login.ended();

    expect(code, stdout).toBe(0);
    expect(stdout).not.toContain(owner.token.slice(3, 12));
  });

  test('refuses a wrong token, and keeps nothing', async () => {
    using caller = createCaller(plane, null);
    const login = startAsking(caller, ['login', '--url', plane.url]);

    await login.answer('Token for', WRONG_TOKEN + KEYS.enter);
    const { code, stdout } = await login.ended();

    expect(code, stdout).toBe(4);
    expect(stdout).not.toContain(WRONG_TOKEN.slice(3, 12));
    expect(existsSync(credentials(caller))).toBe(false);
  });

  test.each([
    ['Where does Windlass answer', 'escape', [], KEYS.escape],
    ['Where does Windlass answer', 'ctrl-c', [], KEYS.ctrlC],
    ['Token for', 'escape', ['--url'], KEYS.escape],
    ['Token for', 'ctrl-c', ['--url'], KEYS.ctrlC],
  ])('at %j, %s leaves with 130 and keeps nothing', async (question, _key, args, keys) => {
    using caller = createCaller(plane, null);
    const login = startAsking(caller, ['login', ...args.flatMap((arg) => [arg, plane.url])]);

    await login.answer(question, keys);
    const { code, screen } = await login.ended();

    expect(code, screen).toBe(130);
    expect(screen).toContain('Nothing was done.');
    expect(existsSync(credentials(caller))).toBe(false);
  });
});

describe.runIf(HAS_TERMINAL)('init on a terminal', () => {
  const link = ({ folder }: CallerKit) =>
    JSON.parse(readFileSync(join(folder, '.windlass', 'project.json'), 'utf8')) as object;
  const entitiesOf = async ({ organizationId }: Member) =>
    (await plane.app.database.prisma.entity.findMany({ where: { organizationId } })).map(({ slug }) => slug);

  test('links the folder to the app that is named, and makes nothing', async () => {
    const member = await createOwner(plane);
    const app = await createApp(member);
    using caller = createCaller(plane, member);
    const init = startAsking(caller, ['init']);

    await init.answer('The subdomain of the app', CLEAR + app.subdomain + KEYS.enter);
    const { code, screen } = await init.ended();

    expect(code, screen).toBe(0);
    expect(link(caller)).toMatchObject({ app: { id: app.productionAppId }, entity: { id: app.entityId } });
    expect(await entitiesOf(member)).toEqual([app.subdomain]);
  });

  test('makes an app of a new entity, after it has asked', async () => {
    const member = await createOwner(plane);
    const subdomain = `new-${randomUUID().slice(0, 8)}`;
    using caller = createCaller(plane, member);
    const init = startAsking(caller, ['init']);

    await init.answer('The subdomain of the app', CLEAR + subdomain + KEYS.enter);
    await init.answer(`There is no app ${subdomain} yet`, KEYS.enter);
    const { code, screen } = await init.ended();

    expect(code, screen).toBe(0);
    expect(link(caller)).toMatchObject({ app: { subdomain }, entity: { slug: subdomain } });
    expect(await entitiesOf(member)).toEqual([subdomain]);
  });

  test('offers the entities that are there, also those without an app', async () => {
    const member = await createOwner(plane);
    const { createEntity } = (
      await member.client.send(
        'mutation ($input: CreateEntityInput!) { createEntity(input: $input) { entity { id } } }',
        {
          input: { organizationId: member.organizationId, name: 'Lonely', slug: 'lonely' },
        },
      )
    ).data as { createEntity: { entity: { id: string } } };
    const subdomain = `new-${randomUUID().slice(0, 8)}`;
    using caller = createCaller(plane, member);
    const init = startAsking(caller, ['init']);

    await init.answer('The subdomain of the app', CLEAR + subdomain + KEYS.enter);
    await init.answer(`There is no app ${subdomain} yet`, KEYS.enter);
    await init.answer('What is it an instance of', KEYS.down);
    await init.answer('● Lonely', KEYS.enter);
    const { code, screen } = await init.ended();

    expect(code, screen).toBe(0);
    expect(link(caller)).toMatchObject({ app: { subdomain }, entity: { id: createEntity.entity.id, slug: 'lonely' } });
    expect(await entitiesOf(member)).toEqual(['lonely']);
  });

  test.each([
    ['The subdomain of the app', 'escape', KEYS.escape],
    ['The subdomain of the app', 'ctrl-c', KEYS.ctrlC],
    ['There is no app', 'escape', KEYS.escape],
    ['There is no app', 'ctrl-c', KEYS.ctrlC],
    ['There is no app', 'no', 'n'],
    ['What is it an instance of', 'escape', KEYS.escape],
    ['What is it an instance of', 'ctrl-c', KEYS.ctrlC],
  ])('at %j, %s leaves with 130 and makes nothing, neither there nor here', async (last, _key, keys) => {
    const member = await createOwner(plane);
    const app = await createApp(member);
    const subdomain = `new-${randomUUID().slice(0, 8)}`;
    using caller = createCaller(plane, member);
    const init = startAsking(caller, ['init']);

    const answers = [
      ['The subdomain of the app', CLEAR + subdomain + KEYS.enter],
      ['There is no app', KEYS.enter],
    ] as const;
    for (const [question, answer] of answers) {
      if (question === last) break;
      await init.answer(question, answer);
    }
    await init.answer(last, keys);
    const { code, screen } = await init.ended();

    expect(code, screen).toBe(130);
    expect(screen).toContain('Nothing was done.');
    expect(readdirSync(caller.folder)).toEqual([]);
    expect(await entitiesOf(member)).toEqual([app.subdomain]);
  });
});
