import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database } from '../../src/store/db.ts';
import type { Statements } from '../../src/store/statements.ts';
import { createDatabase, SERVER_URL } from '../kit/database.ts';

let database: Database & AsyncDisposable;
beforeAll(async () => {
  database = await createDatabase();
  await database.statements.$queryRaw`create table noted (what text primary key)`;
});
afterAll(() => database[Symbol.asyncDispose]());

const noted = async () =>
  (await database.statements.$queryRaw<{ what: string }[]>`select what from noted order by what`).map(
    ({ what }) => what,
  );

test('statements that belong together are kept together, and taken back together when one of them fails', async () => {
  const { transact } = database;
  const answer = await transact(async (tx) => {
    await tx.$queryRaw`insert into noted values ('kept')`;
    return tx.$queryRawUnsafe('select $1::text as what', 'answered');
  });
  const refused = transact(async (tx) => {
    await tx.$queryRaw`insert into noted values ('lost')`;
    await tx.$queryRaw`insert into noted values ('kept')`;
  });
  await expect(refused).rejects.toThrow(/duplicate key/);
  const given = transact(async (tx) => {
    await tx.$queryRaw`insert into noted values ('lost, too')`;
    throw new Error('changed my mind');
  });
  await expect(given).rejects.toThrow('changed my mind');

  expect(answer).toEqual([{ what: 'answered' }]);
  expect(await noted()).toEqual(['kept']);
});

test('the last statement of a transaction is kept with it, or takes it back, and so does one whose failure was kept quiet', async () => {
  const { transact } = database;
  const note = (what: string) => (tx: Statements) => tx.$queryRaw`insert into noted values (${what})`;

  const answer = await transact(async (tx) => {
    await note('work')(tx);
    return 'done';
  }, note('last'));
  const refused = transact(note('lost with its last statement'), note('last'));
  await expect(refused).rejects.toThrow(/duplicate key/);
  const quiet = transact(async (tx) => {
    await note('lost in silence')(tx);
    await note('last')(tx).catch(() => {});
  });
  await expect(quiet).rejects.toThrow('taken back');

  expect(answer).toBe('done');
  expect(await noted()).toEqual(['kept', 'last', 'work']);
});

test.runIf(SERVER_URL)('a connection that is cut in a transaction takes nothing else with it', async () => {
  const cut = database.transact(async (tx) => {
    await tx.$queryRaw`insert into noted values ('cut')`;
    const [self] = await tx.$queryRaw<[{ pid: number }]>`select pg_backend_pid() as pid`;
    await database.statements.$queryRaw`select pg_terminate_backend(${self.pid})`;
    await tx.$queryRaw`insert into noted values ('after')`;
  });

  await expect(cut).rejects.toThrow(/terminat|connection/i);
  expect(await noted()).not.toContain('cut');
});
