import { expect, test } from 'vitest';
import { createServerDatabase, SERVER_URL } from '../kit/database.ts';
import { createFolder } from '../kit/folder.ts';
import { graphql } from '../kit/graphql.ts';
import type { Plane } from '../kit/plane.ts';
import { startWindlass } from '../kit/process.ts';

test('an operator makes, lists and revokes a token, and all of it is in an audit that verifies', async () => {
  using folder = createFolder();
  await using server = SERVER_URL === null ? null : await createServerDatabase();
  const env = { WINDLASS_DATA_DIR: folder.path, ...(server ? { DATABASE_URL: server.url } : {}) };
  const run = async (...args: string[]) => {
    await using command = startWindlass(args, env);
    const code = await command.exited();
    return { code, output: command.output() };
  };
  const serve = async (token: string) => {
    await using api = startWindlass(['api'], env);
    const [, url] = await api.untilOutput(/API\s+(http:\S+)\/graphql/);
    return (await graphql({ url } as Plane, token, '{ viewer { memberships { scopes } } }')).status;
  };
  // The first start makes the organization and its owner.
  await serve('none');

  const made = await run('token', 'create', '--scopes', 'entities:deploy', '--days', '1');
  const secret = /^wl_\S{46}$/m.exec(made.output)![0];
  const allowed = await serve(secret);
  const listed = await run('token', 'list', '--json');
  const [token] = (JSON.parse(listed.output) as { id: string; name: string }[]).filter(({ name }) =>
    name.startsWith('made'),
  );
  const revoked = await run('token', 'revoke', token!.id);
  const refused = await serve(secret);
  const wrong = await run('token', 'create', '--scopes', 'everything');
  const nowhere = await run('token', 'create', '--apps', 'app_01h455vb4pex5vsknk084sn02q');
  const verified = await run('audit', 'verify', '--json');

  expect([made.code, listed.code, revoked.code, wrong.code, verified.code]).toEqual([0, 0, 0, 1, 0]);
  expect([allowed, refused]).toEqual([200, 401]);
  expect(listed.output).not.toContain(secret.slice(3, 40));
  expect([nowhere.code, nowhere.output]).toEqual([1, expect.stringContaining('has no production app app_01h455vb4')]);
  expect(wrong.output).toContain('There is no scope everything.');
  expect(JSON.parse(verified.output)).toMatchObject({ breaks: [], last: [{ seq: 2 }] });
});
