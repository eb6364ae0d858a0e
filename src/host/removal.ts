import { readdir } from 'node:fs/promises';
import { kindOfId } from '../domain/ids.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { findAppsToRemove } from '../store/releases.ts';
import { dropAppDatabase } from '../targets/app-database.ts';
import { loadAppEnvironment } from '../targets/app-environment.ts';
import { appFolders } from '../targets/app-folders.ts';
import { removeFolder } from '../targets/removal.ts';
import type { Log } from '../telemetry.ts';

export interface AppRemover {
  /** Begins to remove what can be removed now. */
  look(): Promise<void>;
  /** Resolves when nothing is being removed. */
  settled(): Promise<void>;
}

/**
 * Removes all that deleted apps kept on this machine, their databases too, once nothing of them runs or will run. The
 * folders that are there are its only memory: what a crash, or a worker that was given up for dead, leaves is found
 * again at the next look.
 */
export function createAppRemover({
  prisma,
  appsFolder,
  appsDatabaseUrl,
  log,
}: {
  readonly prisma: PrismaClient;
  readonly appsFolder: string;
  readonly appsDatabaseUrl: string | null;
  readonly log: Log;
}): AppRemover {
  const removals = new Map<string, Promise<void>>();

  async function remove(id: string): Promise<void> {
    try {
      const { root } = appFolders(appsFolder, id);
      const { DATABASE_URL: url } = await loadAppEnvironment(root);
      if (url?.startsWith('postgres') && appsDatabaseUrl !== null) await dropAppDatabase(appsDatabaseUrl, id);
      // Last: it is what says that there is something to remove.
      await removeFolder(root);
      log.info({ productionAppId: id }, 'The files of a deleted app were removed');
    } catch (error) {
      // The next look tries again.
      log.error({ error, productionAppId: id }, 'The files of a deleted app could not be removed');
    }
  }

  return {
    async look() {
      const names = await readdir(appsFolder);
      const kept = names.filter((name) => kindOfId(name) === 'ProductionApp' && !removals.has(name));
      if (kept.length === 0) return;
      for (const id of await findAppsToRemove(prisma, kept)) {
        const removal = remove(id).finally(() => removals.delete(id));
        removals.set(id, removal);
      }
    },
    async settled() {
      await Promise.all(removals.values());
    },
  };
}
