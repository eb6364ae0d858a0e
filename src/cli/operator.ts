import { dataFolders, loadConfig } from '../config.ts';
import { openDatabase, type Database } from '../store/db.ts';
import { migrateDatabase } from '../store/migrate.ts';

/** A mistake of the operator's, which one sentence explains. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Runs a command on the database itself, as it is. The embedded one must not be in use. */
export async function withDatabaseAsIs(work: (database: Database) => Promise<void>): Promise<void> {
  const config = loadConfig();
  const url = config.databaseUrl?.reveal();
  const database = await openDatabase(url ? { url } : { folder: dataFolders(config.dataDir).database });
  try {
    await work(database);
  } finally {
    await database.close();
  }
}

/** The same on one that is brought up to date before. */
export function withDatabase(work: (database: Database) => Promise<void>): Promise<void> {
  return withDatabaseAsIs(async (database) => {
    await migrateDatabase(database.pool);
    await work(database);
  });
}
