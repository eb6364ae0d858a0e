import { join } from 'node:path';

/** Where a machine keeps what belongs to one app. */
export function appFolders(appsFolder: string, appId: string) {
  return {
    root: join(appsFolder, appId),
    data: join(appsFolder, appId, 'data'),
    releases: join(appsFolder, appId, 'releases'),
    /** What its releases printed, as `store/runtime-logs.ts` keeps it. */
    logs: join(appsFolder, appId, 'logs'),
    /** What its processes print, until it is in the log. */
    output: join(appsFolder, appId, 'output'),
  };
}
