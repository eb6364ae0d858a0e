import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { PhaseFailure } from '../domain/errors.ts';
import { appDatabaseUrl, createAppDatabase, provisionAppDatabase } from './app-database.ts';
import { loadAppEnvironment, saveAppEnvironment } from './app-environment.ts';
import { appFolders } from './app-folders.ts';
import type { TargetApp, TargetContext } from './target.ts';

export interface ProvisionDeps {
  readonly appsFolder: string;
  readonly appsDatabaseUrl: string | null;
}

/** Makes an app's data folder and its database: on the apps' server if there is one, else a file. An app stays where it is. */
export async function provisionApp(deps: ProvisionDeps, app: TargetApp, { log }: TargetContext): Promise<void> {
  const { root, data } = appFolders(deps.appsFolder, app.id);
  await mkdir(data, { recursive: true });
  const known = await loadAppEnvironment(root);
  const isOnServer = known['DATABASE_URL']?.startsWith('postgres') ?? deps.appsDatabaseUrl !== null;
  if (isOnServer) await provisionOnServer(deps, app, known['DATABASE_URL'] ?? null, log);
  else await provisionFile(deps, app, log);
}

async function provisionFile({ appsFolder }: ProvisionDeps, app: TargetApp, log: TargetContext['log']): Promise<void> {
  const { root, data } = appFolders(appsFolder, app.id);
  const file = join(data, 'app.db');
  const handle = await open(file, 'a');
  const { size } = await handle.stat();
  await handle.close();
  await saveAppEnvironment(root, { DATA_DIR: data, DATABASE_URL: `file:${file}` });
  log(size === 0 ? 'Made a SQLite database for the app.' : 'The app has its SQLite database already.');
}

/** The password is on disk before the role has it: whoever dies in between uses the same one again. */
async function provisionOnServer(
  { appsFolder, appsDatabaseUrl }: ProvisionDeps,
  app: TargetApp,
  knownUrl: string | null,
  log: TargetContext['log'],
): Promise<void> {
  const hint =
    'Look at WINDLASS_APPS_DATABASE_URL: its server must answer, and its role may create roles and databases.';
  if (appsDatabaseUrl === null) {
    throw new PhaseFailure(
      'INFRA_FAILED',
      "The app's database is on a PostgreSQL server that is not configured any more.",
      { hint },
    );
  }
  const { root, data } = appFolders(appsFolder, app.id);
  const made = createAppDatabase(app.id);
  const password = knownUrl === null ? made.password : decodeURIComponent(new URL(knownUrl).password);
  const database = { ...made, password };
  await saveAppEnvironment(root, { DATA_DIR: data, DATABASE_URL: appDatabaseUrl(appsDatabaseUrl, database) });
  try {
    const isNew = await provisionAppDatabase(appsDatabaseUrl, database);
    log(
      isNew
        ? `Made the PostgreSQL database ${database.name} for the app.`
        : 'The app has its PostgreSQL database already.',
    );
  } catch (cause) {
    const message = `The app's PostgreSQL database could not be made: ${(cause as Error).message}.`;
    throw new PhaseFailure('INFRA_FAILED', message, { retryable: true, hint }, { cause });
  }
}
