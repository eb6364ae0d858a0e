import { dataFolders, loadConfig } from '../config.ts';
import { openDatabase, type Database } from '../store/db.ts';
import { migrateDatabase } from '../store/migrate.ts';

/** A mistake of the operator's, which one sentence explains. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Runs a command on the database itself, brought up to date. The embedded one must not be in use. */
export async function withDatabase(work: (database: Database) => Promise<void>): Promise<void> {
  const config = loadConfig();
  const url = config.databaseUrl?.reveal();
  const database = await openDatabase(url ? { url } : { folder: dataFolders(config.dataDir).database });
  try {
    await migrateDatabase(database.pool);
    await work(database);
  } finally {
    await database.close();
  }
}
