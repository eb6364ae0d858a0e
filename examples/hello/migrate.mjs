// Applies each file of migrations/ once, in order.
import { readdirSync, readFileSync } from 'node:fs';
import { openDatabase } from './database.mjs';

const database = openDatabase();
database.write((db) => db.exec('create table if not exists applied_migrations (name text primary key)'));
for (const name of readdirSync('migrations').toSorted()) {
  database.write((db) => {
    if (db.get('select name from applied_migrations where name = ?', [name])) {
      console.log(`${name}: applied before.`);
      return;
    }
    db.exec('begin immediate');
    try {
      db.exec(readFileSync(`migrations/${name}`, 'utf8'));
      db.run('insert into applied_migrations (name) values (?)', [name]);
      db.exec('commit');
    } catch (error) {
      db.exec('rollback');
      throw error;
    }
    console.log(`${name}: applied.`);
  });
}
database.close();
