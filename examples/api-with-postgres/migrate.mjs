// Applies each file of migrations/ once, in order, in one transaction, while no other process does.
import { readdirSync, readFileSync } from 'node:fs';
import pg from 'pg';

const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
try {
  await client.query('begin');
  await client.query('select pg_advisory_xact_lock(1)');
  await client.query('create table if not exists applied_migrations (name text primary key)');
  for (const name of readdirSync('migrations').toSorted()) {
    const { rowCount } = await client.query('insert into applied_migrations values ($1) on conflict do nothing', [
      name,
    ]);
    if (rowCount === 1) await client.query(readFileSync(`migrations/${name}`, 'utf8'));
    console.log(`${name}: ${rowCount === 1 ? 'applied' : 'applied before'}.`);
  }
  await client.query('commit');
} finally {
  await client.end();
}
