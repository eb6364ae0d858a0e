import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { isInputObjectType, getNamedType } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { schema } from '../../src/graphql/schema.ts';
import { createTokenSecret } from '../../src/store/directory.ts';
import { SERVER_URL } from '../kit/database.ts';
import { createFolder } from '../kit/folder.ts';
import { graphql, type GraphQLAnswer } from '../kit/graphql.ts';
import { send, startPlane, type Plane } from '../kit/plane.ts';
import { startWindlass, type WindlassProcess } from '../kit/process.ts';
import {
  appFiles,
  createApp,
  createOwner,
  deployFiles,
  digestOf,
  makePackage,
  pushVersion,
  type Member,
} from '../kit/seed.ts';

const CALLS = 20;

let plane: Plane;
let owner: Member;
/** Where the package lies that is fetched, and how often it was. */
let site: Server;
let fetches = 0;
let archive: Buffer;
beforeAll(async () => {
  plane = await startPlane({ workers: 2, fetchAllow: ['localhost'] });
  owner = await createOwner(plane);
  archive = await makePackage(appFiles('pushed'));
  site = createServer((_request, response) => {
    fetches += 1;
    response.end(archive);
  }).listen(0, 'localhost');
  await once(site, 'listening');
});
afterAll(async () => {
  await plane[Symbol.asyncDispose]();
  site.close();
});

type Input = Record<string, unknown>;

interface Keyed {
  /** What the answer is made of: all of it must be the same for all, but whether it was made before. */
  readonly selection: string;
  /** Is told once, to whoever made it. */
  readonly secret?: string;
  input(): Promise<Input> | Input;
}

const name = () => `n-${randomUUID().slice(0, 8)}`;
const versionOf = (entityId: string) => ({ entityId, version: name(), sourceHash: randomUUID() });
const deployment = 'deployment { id number trigger }';
const version = 'version { id version packageSha256 }';

async function aRole(): Promise<string> {
  const { prisma } = plane.app.database;
  return (await prisma.role.findFirstOrThrow({ where: { organizationId: owner.organizationId } })).id;
}

async function anUpload(): Promise<Input> {
  const { entityId } = await createApp(owner);
  const about = versionOf(entityId);
  const ask = `mutation ($input: RequestVersionUploadInput!) { requestVersionUpload(input: $input) { uploadUrl storagePath } }`;
  const { data } = await graphql(plane, owner.token, ask, { input: about });
  const { uploadUrl, storagePath } = data.requestVersionUpload;
  await send('PUT', uploadUrl, { body: archive, headers: digestOf(archive) });
  return { ...about, storagePath, fileSizeBytes: archive.length };
}

const fetched = (entityId: string): Input => ({
  ...versionOf(entityId),
  packageUrl: `http://localhost:${(site.address() as AddressInfo).port}/package`,
  packageSha256: createHash('sha256').update(archive).digest('hex'),
});

const KEYED: Record<string, Keyed> = {
  createApiToken: { selection: 'token { id name }', secret: 'secret', input: () => ({ name: name() }) },
  createRole: {
    selection: 'role { id name }',
    input: () => ({ organizationId: owner.organizationId, name: name(), scopes: ['ENTITIES_DEPLOY'] }),
  },
  createInvitation: {
    selection: 'invitation { id expiresAt }',
    secret: 'url',
    input: async () => ({ roleId: await aRole() }),
  },
  createEntity: {
    selection: 'entity { id slug }',
    input: () => ({ organizationId: owner.organizationId, name: 'Shop', slug: name() }),
  },
  createProductionApp: {
    selection: 'productionApp { id subdomain }',
    input: async () => {
      const { entityId } = await createApp(owner);
      return { entityId, subdomain: name(), environment: [{ name: 'GREETING', value: 'hello' }] };
    },
  },
  requestVersionUpload: {
    selection: 'uploadUrl storagePath expiresAt',
    input: async () => versionOf((await createApp(owner)).entityId),
  },
  confirmVersionUpload: { selection: version, input: anUpload },
  createVersionFromUrl: {
    selection: version,
    input: async () => fetched((await createApp(owner)).entityId),
  },
  triggerDeployment: {
    selection: deployment,
    input: async () => {
      const { entityId, productionAppId } = await createApp(owner);
      await pushVersion(owner, entityId, appFiles('one'));
      return { productionAppId };
    },
  },
  retryDeployment: {
    selection: deployment,
    input: async () => {
      const app = await createApp(owner);
      return { deploymentId: await deployFiles(plane, owner, app, appFiles('one', { build: 'exit 3' }), 'failed') };
    },
  },
  redeployDeployment: {
    selection: deployment,
    input: async () => ({ deploymentId: await deployFiles(plane, owner, await createApp(owner), appFiles('one')) }),
  },
  rollbackDeployment: {
    selection: deployment,
    input: async () => {
      const app = await createApp(owner);
      await deployFiles(plane, owner, app, appFiles('one'));
      await deployFiles(plane, owner, app, appFiles('two'));
      return { productionAppId: app.productionAppId };
    },
  },
};

/** All at once, from as many connections. Answers what each gave. */
async function callAtOnce(
  planes: readonly Pick<Plane, 'url'>[],
  count: number,
  mutation: string,
  input: Input,
): Promise<Input[]> {
  const { selection, secret = '' } = KEYED[mutation]!;
  const inputType = `${mutation[0]!.toUpperCase()}${mutation.slice(1)}Input`;
  const query = `mutation ($input: ${inputType}!) { ${mutation}(input: $input) { replayed ${selection} ${secret} } }`;
  const calls = Array.from({ length: count }, (_, i) =>
    graphql(planes[i % planes.length]!, owner.token, query, { input }),
  );
  const answers: GraphQLAnswer[] = await Promise.all(calls);
  expect(new Set(answers.flatMap(({ messages }) => messages))).toEqual(new Set());
  return answers.map(({ data }) => data[mutation] as Input);
}

/** One made it, and all have the same. */
function expectOne(answers: readonly Input[], { secret }: Keyed): void {
  const shown = answers.map(({ replayed: _replayed, ...answer }) => {
    const { [secret ?? '']: _secret, ...rest } = answer;
    return JSON.stringify(rest);
  });
  expect([...new Set(shown)]).toHaveLength(1);
  expect(answers.filter(({ replayed }) => replayed === false)).toHaveLength(1);
  if (secret === undefined) return;
  for (const answer of answers) expect(answer[secret] === null).toBe(answer['replayed']);
}

test('every mutation that takes an idempotency key is in the table', () => {
  const fields = Object.values(schema.getMutationType()!.getFields());
  const keyed = fields.filter(({ args }) =>
    args.some(({ type }) => {
      const input = getNamedType(type);
      return isInputObjectType(input) && 'idempotencyKey' in input.getFields();
    }),
  );

  expect(keyed.map((field) => field.name).toSorted()).toEqual(Object.keys(KEYED).toSorted());
});

describe.each(Object.entries(KEYED))('%s', (mutation, keyed) => {
  test(`makes one thing of ${CALLS} calls at once with one key, and gives it to all`, async () => {
    const input = { ...(await keyed.input()), idempotencyKey: randomUUID() };
    const where = { organizationId: owner.organizationId, action: mutation };
    const before = await plane.app.database.prisma.auditEvent.count({ where });

    const answers = await callAtOnce([plane], CALLS, mutation, input);

    expectOne(answers, keyed);
    expect(await plane.app.database.prisma.auditEvent.count({ where })).toBe(before + 1);
    const [again] = await callAtOnce([plane], 1, mutation, input);
    expect(again).toMatchObject({ replayed: true });
  });
});

test('a hundred calls at once fetch a package once, and with another body they are refused', async () => {
  const { entityId } = await createApp(owner);
  const input = { ...fetched(entityId), idempotencyKey: randomUUID() };
  fetches = 0;

  const answers = await callAtOnce([plane], 100, 'createVersionFromUrl', input);

  expectOne(answers, KEYED['createVersionFromUrl']!);
  expect(fetches).toBe(1);
  const query = 'mutation ($input: CreateVersionFromUrlInput!) { createVersionFromUrl(input: $input) { replayed } }';
  const [one, other] = await Promise.all(
    [
      { ...fetched(entityId), idempotencyKey: 'contested' },
      { ...fetched(entityId), idempotencyKey: 'contested' },
    ].map((contested) => graphql(plane, owner.token, query, { input: contested })),
  );
  expect([one!.codes, other!.codes].toSorted()).toEqual([[], ['IDEMPOTENCY_MISMATCH']]);
});

test('without a key, each call is one of its own', async () => {
  const answers = await callAtOnce([plane], 3, 'createApiToken', { name: 'the same' });

  expect(answers.map(({ replayed }) => replayed)).toEqual([false, false, false]);
});

describe.runIf(SERVER_URL)('over two API processes', () => {
  let second: WindlassProcess;
  let url: string;
  beforeAll(async () => {
    const { databaseUrl, redisUrl, redisPrefix, dataDir } = plane.config;
    second = startWindlass(['api'], {
      DATABASE_URL: databaseUrl!.reveal(),
      ...(redisUrl ? { REDIS_URL: redisUrl.reveal(), WINDLASS_REDIS_PREFIX: redisPrefix } : {}),
      WINDLASS_DATA_DIR: dataDir,
      WINDLASS_FETCH_ALLOW: 'localhost',
    });
    const [, found] = await second.untilOutput(/API\s+(http:\S+)\/graphql/, 60_000);
    url = found!;
  }, 60_000);
  afterAll(() => second[Symbol.asyncDispose]());

  test.each([
    ['createVersionFromUrl', { force: true }],
    ['createVersionFromUrl', {}],
    ['confirmVersionUpload', { force: true }],
    ['triggerDeployment', {}],
  ])('%s with %o makes one thing of calls at once', async (mutation, more) => {
    const keyed = KEYED[mutation]!;

    for (let round = 0; round < 5; round += 1) {
      const input = { ...(await keyed.input()), ...more, idempotencyKey: randomUUID() };
      expectOne(await callAtOnce([plane, { url }], 4, mutation, input), keyed);
    }
  });
});

test('a call with values is known again through a change of keys, and one with another value is not', async () => {
  using folder = createFolder();
  const file = join(folder.path, 'keys');
  const [old, young] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
  const token = createTokenSecret();
  const env = {
    WINDLASS_DATA_DIR: folder.path,
    WINDLASS_SECRET_KEY_FILE: file,
    WINDLASS_BOOTSTRAP_TOKEN: token,
  };
  const create = `mutation ($input: CreateProductionAppInput!) {
    createProductionApp(input: $input) { replayed productionApp { id } } }`;
  let input: Input = {};
  const startWith = async (keys: readonly string[]) => {
    writeFileSync(file, `${keys.join('\n')}\n`);
    const windlass = startWindlass(['serve'], env);
    const [, url] = await windlass.untilOutput(/API\s+(http:\S+)\/graphql/, 60_000);
    const ask = (query: string, variables: Input) => graphql({ url: url! }, token, query, variables);
    const call = (value: string) =>
      ask(create, { input: { ...input, environment: [{ name: 'PASSWORD', value }], idempotencyKey: 'once' } });
    return { ask, call, [Symbol.asyncDispose]: () => windlass[Symbol.asyncDispose]() };
  };

  let made: Input;
  {
    await using windlass = await startWith([old]);
    const { data } = await windlass.ask('{ viewer { memberships { organization { id } } } }', {});
    const organizationId = data.viewer.memberships[0].organization.id as string;
    const entity = await windlass.ask(
      'mutation ($input: CreateEntityInput!) { createEntity(input: $input) { entity { id } } }',
      { input: { organizationId, name: 'Shop', slug: 'shop' } },
    );
    input = { entityId: entity.data.createEntity.entity.id, subdomain: 'shop' };
    made = (await windlass.call('hunter2')).data.createProductionApp;
  }

  expect(made).toMatchObject({ replayed: false });
  for (const keys of [
    [old, young],
    [young, old],
  ]) {
    await using windlass = await startWith(keys);
    expect((await windlass.call('hunter2')).data).toEqual({ createProductionApp: { ...made, replayed: true } });
    expect((await windlass.call('hunter3')).codes).toEqual(['IDEMPOTENCY_MISMATCH']);
  }
});
