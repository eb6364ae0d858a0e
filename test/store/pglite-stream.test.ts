import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { expect, test } from 'vitest';
import { PGliteStream } from '../../src/store/pglite-stream.mjs';

test('a database in the same thread answers after the write, as a socket does, also when several are sent at once', async () => {
  const database = await PGlite.create();
  const client = new pg.Client({ stream: () => new PGliteStream(database), user: 'postgres', pipeline: true });
  await client.connect();
  // Nothing is being written any more: what is sent next is written at once.
  await new Promise((resolve) => setImmediate(resolve));
  const answers = await Promise.all(
    [1, 2, 3].map(async (number) => (await client.query('select $1::int as number', [number])).rows[0] as unknown),
  );
  expect(answers).toEqual([{ number: 1 }, { number: 2 }, { number: 3 }]);
  await client.end();
  await database.close();
});
