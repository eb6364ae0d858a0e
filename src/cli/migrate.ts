import { dataFolders, loadConfig } from '../config.ts';
import { openDatabase } from '../store/db.ts';
import { migrateDatabase } from '../store/migrate.ts';

/** Applies what is pending and says what it was. */
export async function runMigrations(): Promise<void> {
  const config = loadConfig();
  const url = config.databaseUrl?.reveal();
  const database = await openDatabase(url ? { url } : { folder: dataFolders(config.dataDir).database });
  try {
    const applied = await migrateDatabase(database.pool);
    console.log(applied.length > 0 ? `Applied: ${applied.join(', ')}.` : 'The database is up to date.');
  } finally {
    await database.close();
  }
}
