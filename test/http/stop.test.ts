import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { expect, test } from 'vitest';
import { createApiClient } from '../../src/client/api.ts';
import { CreateEntityDocument, RequestUploadDocument, WhoamiDocument } from '../../src/generated/gql/graphql.ts';
import { createServerDatabase, SERVER_URL } from '../kit/database.ts';
import { createFolder } from '../kit/folder.ts';
import { startWindlass } from '../kit/process.ts';
import { digestOf, makePackage } from '../kit/seed.ts';
import { until } from '../kit/until.ts';

test('what is asked of an API that is told to stop is answered, and nobody can ask any more', async () => {
  await using windlass = await start();
  const upload = await beginUpload(windlass.url, windlass.token);

  windlass.child.kill('SIGTERM');

  await until('it takes no more connections', () =>
    fetch(`${windlass.url}/livez`).then(
      () => false,
      () => true,
    ),
  );
  expect(await upload.finish()).toBe(204);
  expect(await windlass.exited()).toBe(0);
});

async function start() {
  const folder = createFolder();
  const server = SERVER_URL === null ? null : await createServerDatabase();
  const token = `wl_${randomUUID()}`;
  const windlass = startWindlass(['serve'], {
    WINDLASS_DATA_DIR: folder.path,
    WINDLASS_BOOTSTRAP_TOKEN: token,
    WINDLASS_LOG_LEVEL: 'error',
    ...(server ? { DATABASE_URL: server.url } : {}),
  });
  const [, url] = await windlass.untilOutput(/API\s+(http:\S+)\/graphql/);
  return {
    ...windlass,
    url: url!,
    token,
    async [Symbol.asyncDispose]() {
      await windlass[Symbol.asyncDispose]();
      await server?.[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

/** Sends the head of an upload, which the API has taken when this resolves, and later the rest. */
async function beginUpload(url: string, token: string): Promise<{ finish(): Promise<number> }> {
  const client = createApiClient({ url, token });
  const organizationId = (await client.request(WhoamiDocument, {})).viewer.memberships[0]!.organization.id;
  const made = await client.request(CreateEntityDocument, { input: { organizationId, name: 'Shop', slug: 'shop' } });
  const about = { entityId: made.createEntity.entity.id, version: 'v1', sourceHash: 'c0ffee00' };
  const { requestVersionUpload } = await client.request(RequestUploadDocument, { input: about });
  const archive = await makePackage({ 'windlass.json': '{ "start": "node server.mjs" }' });
  const headers = { ...digestOf(archive), 'content-length': archive.length, expect: '100-continue' };
  const put = request(requestVersionUpload.uploadUrl!, { method: 'PUT', headers });
  put.flushHeaders();
  await once(put, 'continue');
  return {
    async finish() {
      put.end(archive);
      const [{ statusCode }] = (await once(put, 'response')) as [{ statusCode: number }];
      return statusCode;
    },
  };
}
