import { mkdir, readdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Claim } from '../store/deployments.ts';
import { removeFolder } from '../targets/removal.ts';

/*
 * What keeps a worker that was given up for dead, and wakes up, from what its successor works on. The rows are fenced by
 * `run`; so are the folder of a deployment, and the commands that run in it.
 */

/** What the commands of one run inherit, by which they are found. */
export function markerOf({ deploymentId, run }: Claim): string {
  return `${deploymentId}/${run}`;
}

/** The markers of the runs before this one. */
export function markersBefore({ deploymentId, run }: Claim): string[] {
  return Array.from({ length: run - 1 }, (_, before) => markerOf({ deploymentId, run: before + 1 }));
}

/** Where one run works. */
export function workspaceOf(workspacesFolder: string, { deploymentId, run }: Claim): string {
  return join(workspacesFolder, deploymentId, String(run));
}

/**
 * Moves what the runs before have made to where this one works. They do not find it there: a worker that wakes up in the
 * middle of a phase writes into nothing. Safe to repeat.
 */
export async function takeWorkspace(workspacesFolder: string, claim: Claim): Promise<void> {
  const own = workspaceOf(workspacesFolder, claim);
  await mkdir(dirname(own), { recursive: true });
  const newest = Math.max(0, ...(await readdir(dirname(own))).map(Number).filter((run) => run <= claim.run));
  if (newest === 0 || newest === claim.run) return;
  await rename(join(dirname(own), String(newest)), own);
}

/** Removes all that any run left. */
export async function removeWorkspace(workspacesFolder: string, deploymentId: string): Promise<void> {
  await removeFolder(join(workspacesFolder, deploymentId));
}
