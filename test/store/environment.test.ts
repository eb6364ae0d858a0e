import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createKeyRing, SealError } from '../../src/domain/sealing.ts';
import type { Database } from '../../src/store/db.ts';
import { countOlder, countUnreadable, loadVariables, sealAnew, setVariables } from '../../src/store/environment.ts';
import { createDatabase } from '../kit/database.ts';
import { createRows, type Rows } from './rows.ts';

const [young, old] = [randomBytes(32), randomBytes(32)];
const before = createKeyRing([old]);
const both = createKeyRing([young, old]);
const after = createKeyRing([young]);

let database: Database & AsyncDisposable;
let rows: Rows;
beforeAll(async () => {
  database = await createDatabase();
  rows = await createRows(database.prisma);
});
afterAll(() => database[Symbol.asyncDispose]());

const variable = (name: string, value: string) => ({ name, value, isSecret: true, phases: ['migrate'] as const });

test('a new key takes the place of an old one without a moment in which a value cannot be read', async () => {
  const { prisma } = database;
  const { productionAppId, userId } = rows;
  const set = [variable('A', 'one'), variable('B', 'two')];
  await prisma.$transaction((tx) => setVariables(tx, before, productionAppId, { set, removed: [], userId }));
  const { updatedAt } = await prisma.environmentVariable.findFirstOrThrow({ where: { name: 'A' } });

  expect(await loadVariables(prisma, both, productionAppId)).toEqual(set);
  expect(await countUnreadable(prisma, after)).toBe(2);
  expect([await countOlder(prisma, before), await countOlder(prisma, both)]).toEqual([0, 2]);
  expect(await sealAnew(prisma, before)).toBe(0);
  expect(await sealAnew(prisma, both)).toBe(2);
  expect(await sealAnew(prisma, both)).toBe(0);

  expect(await loadVariables(prisma, after, productionAppId)).toEqual(set);
  expect(await countUnreadable(prisma, after)).toBe(0);
  await expect(loadVariables(prisma, before, productionAppId)).rejects.toThrow(SealError);
  const resealed = await prisma.environmentVariable.findFirstOrThrow({ where: { name: 'A' } });
  expect(resealed.updatedAt).toEqual(updatedAt);
});

test('a sealed value that is put into another row does not open there', async () => {
  const { prisma } = database;
  const { productionAppId, userId } = rows;
  const set = [variable('A', 'one'), variable('B', 'two')];
  await prisma.$transaction((tx) => setVariables(tx, after, productionAppId, { set, removed: [], userId }));

  await prisma.$executeRaw`
    update environment_variables set sealed_value = (select sealed_value from environment_variables where name = 'A')
    where name = 'B'`;

  await expect(loadVariables(prisma, after, productionAppId)).rejects.toThrow(SealError);
});
