import { dataFolders, loadConfig } from '../config.ts';
import { diagnose } from '../doctor/diagnose.ts';
import { openDatabase } from '../store/db.ts';
import { loadKeyRing } from '../store/secret-keys.ts';

/** Prints every invariant that does not hold, with what to do about it. Exit code 1 if there is one. */
export async function runDoctor({ json = false }: { json?: boolean }): Promise<void> {
  const config = loadConfig();
  const folders = { ...dataFolders(config.dataDir), dataDir: config.dataDir };
  const url = config.databaseUrl?.reveal();
  const database = await openDatabase(url ? { url } : { folder: folders.database });
  try {
    // Whoever has the embedded database for himself looks at a Windlass that stands still.
    const file = config.secretKeyFile ?? folders.secretKey;
    const keyRing = await loadKeyRing({ keys: config.secretKey?.reveal() ?? null, file });
    const violations = await diagnose(database, { folders, isRunning: !database.embedded, keyRing });
    if (violations.length > 0) process.exitCode = 1;
    if (json) return console.log(JSON.stringify({ violations }, null, 2));
    for (const { rule, subject, message, remedy } of violations) {
      console.log(`${rule}: ${subject} ${message}.\n  ${remedy}`);
    }
    console.log(violations.length === 0 ? 'Everything is as it must be.' : `${violations.length} found.`);
  } finally {
    await database.close();
  }
}
