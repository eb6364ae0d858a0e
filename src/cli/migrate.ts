import { migrateDatabase } from '../store/migrate.ts';
import { withDatabaseAsIs } from './operator.ts';

/** Applies what is pending and says what it was. */
export async function runMigrations(): Promise<void> {
  await withDatabaseAsIs(async ({ pool }) => {
    const applied = await migrateDatabase(pool);
    console.log(applied.length > 0 ? `Applied: ${applied.join(', ')}.` : 'The database is up to date.');
  });
}
