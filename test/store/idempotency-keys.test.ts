import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Viewer } from '../../src/domain/access.ts';
import { KEY_TTL_MS, makeOnce } from '../../src/operations/idempotency.ts';
import type { Database } from '../../src/store/db.ts';
import { createDatabase } from '../kit/database.ts';

let database: Database & AsyncDisposable;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

const viewerOf = (userId: string): Viewer => ({
  userId,
  tokenId: 'tok',
  memberships: [],
  appIds: null,
  isUnrestricted: true,
  expiresAt: null,
});
const call = (userId: string, key: string, body: Record<string, unknown>, id = randomUUID()) =>
  database.prisma.$transaction((tx) => makeOnce(tx, viewerOf(userId), key, body, async () => id));
const makeOlder = (key: string, ms: number) =>
  database.prisma.idempotencyKey.updateMany({ where: { key }, data: { createdAt: new Date(Date.now() - ms) } });

test('a key gives the same object again, to its owner only', async () => {
  const [ada, bob, key] = [randomUUID(), randomUUID(), randomUUID()];

  const first = await call(ada, key, { a: 1 });

  expect(await call(ada, key, { a: 1 })).toEqual({ ...first, replayed: true });
  expect((await call(bob, key, { a: 1 })).replayed).toBe(false);
});

test('what is left out and what is null are the same request, and anything else is another', async () => {
  const [ada, key] = [randomUUID(), randomUUID()];
  await call(ada, key, { a: 1 });

  expect((await call(ada, key, { a: 1, b: null, c: undefined })).replayed).toBe(true);
  await expect(call(ada, key, { a: 2 })).rejects.toMatchObject({ code: 'IDEMPOTENCY_MISMATCH' });
});

test('a key is remembered for 24 hours, and then it may be used afresh for anything', async () => {
  const [ada, key] = [randomUUID(), randomUUID()];
  const first = await call(ada, key, { a: 1 });
  await makeOlder(key, KEY_TTL_MS - 60_000);
  expect((await call(ada, key, { a: 1 })).replayed).toBe(true);
  await makeOlder(key, KEY_TTL_MS + 1_000);

  const second = await call(ada, key, { a: 2 });

  expect(KEY_TTL_MS).toBe(86_400_000);
  expect(second.replayed).toBe(false);
  expect(second.id).not.toBe(first.id);
  expect(await call(ada, key, { a: 2 })).toEqual({ ...second, replayed: true });
});

test('expired keys are removed by the calls that come after', async () => {
  const ada = randomUUID();
  const keys = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
  for (const key of keys) await call(ada, key, {});
  for (const key of keys) await makeOlder(key, KEY_TTL_MS + 1_000);

  for (let i = 0; i < 2; i += 1) await call(ada, randomUUID(), {});

  expect(await database.prisma.idempotencyKey.count({ where: { key: { in: keys } } })).toBe(0);
});

test('a request that fails leaves its key unused', async () => {
  const [ada, key] = [randomUUID(), randomUUID()];
  const failed = database.prisma.$transaction((tx) =>
    makeOnce(tx, viewerOf(ada), key, {}, async () => {
      throw new Error('no');
    }),
  );
  await expect(failed).rejects.toThrow('no');

  expect((await call(ada, key, { a: 2 })).replayed).toBe(false);
});
