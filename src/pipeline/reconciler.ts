import { readdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { SealError, type KeyRing } from '../domain/sealing.ts';
import type { EventBus } from '../events/bus.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { findQuietFiles, removeFiles } from '../packages/leftovers.ts';
import { findAppsWithOpenDeployments, findOpenDeployments } from '../store/deployments.ts';
import { sealAnew } from '../store/environment.ts';
import { isDatabaseAway } from '../store/outage.ts';
import { stopOwnerlessReleases } from '../store/releases.ts';
import { findUnnamedPackages, forgetUploads } from '../store/uploads.ts';
import type { Log } from '../telemetry.ts';
import { removeWorkspace } from './fence.ts';
import type { Queue } from './queue.ts';

const ROUND_MS = 30_000;
/** After its URL stopped working, an upload may still be confirmed for so long. A file that is being written is not quiet. */
const UPLOAD_GRACE_MS = 60 * 60 * 1_000;

export interface ReconcilerDeps {
  readonly prisma: PrismaClient;
  readonly bus: EventBus;
  readonly queue: Queue;
  readonly keyRing: KeyRing;
  readonly log: Log;
  readonly workspacesFolder: string;
  readonly packagesFolder: string;
}

export interface Reconciler {
  stop(): Promise<void>;
}

/**
 * Mends what a crash left, again and again: sends lost tickets, wants ownerless releases stopped, and removes stale
 * workspaces, expired uploads, and files that nothing names. Seals anew what an older key sealed. Any number of processes may do this at the same time.
 */
export async function startReconciler(deps: ReconcilerDeps, { roundMs = ROUND_MS } = {}): Promise<Reconciler> {
  const stopping = new AbortController();
  await reconcile(deps);
  const running = (async () => {
    for (;;) {
      await delay(roundMs, undefined, { signal: stopping.signal }).catch(() => {}); // Stopped while it waited.
      if (stopping.signal.aborted) return;
      await reconcile(deps);
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

const STEPS = [resendTickets, stopOwnerless, removeStaleWorkspaces, removeUploads, useNewestKey];

/** One round. A step that fails is logged, and keeps neither the others nor the worker from going on. */
export async function reconcile(deps: ReconcilerDeps): Promise<void> {
  for (const step of STEPS) {
    try {
      await step(deps);
    } catch (error) {
      const about = { err: error, step: step.name };
      deps.log.warn(about, 'What a crash may have left could not be mended; the next round tries again');
      if (isDatabaseAway(error)) return;
    }
  }
}

async function stopOwnerless({ prisma, bus }: ReconcilerDeps): Promise<void> {
  if ((await stopOwnerlessReleases(prisma)) > 0) bus.publish('releases', { kind: 'wanted' });
}

async function useNewestKey({ prisma, keyRing, log }: ReconcilerDeps): Promise<void> {
  const count = await sealAnew(prisma, keyRing).catch((error: unknown) => {
    if (!(error instanceof SealError)) throw error;
    log.error({ err: error }, 'What an older key sealed could not be sealed anew');
    return 0;
  });
  if (count > 0) log.info({ count }, 'What an older key sealed was sealed anew with the first one');
}

/** A ticket that is lost with a queue's table, or by hand, comes back. One too many would do no harm. */
async function resendTickets({ prisma, queue, log }: ReconcilerDeps): Promise<void> {
  const open = await findAppsWithOpenDeployments(prisma);
  for (const productionAppId of await queue.findWithoutTicket(open)) {
    log.warn({ productionAppId }, 'An app with open work had no ticket and gets one');
    await prisma.$transaction((tx) => queue.sendTicket(tx, productionAppId));
  }
}

/** A worker that dies after the end of a deployment leaves its workspace. */
async function removeStaleWorkspaces({ prisma, log, workspacesFolder }: ReconcilerDeps): Promise<void> {
  const names = await readdir(workspacesFolder).catch(() => []); // None yet.
  const open = new Set(await findOpenDeployments(prisma, names));
  for (const name of names.filter((each) => !open.has(each))) {
    await removeWorkspace(workspacesFolder, name).catch((error: unknown) => {
      log.warn({ err: error, deploymentId: name }, 'A workspace could not be removed');
    });
  }
}

async function removeUploads({ prisma, packagesFolder }: ReconcilerDeps): Promise<void> {
  await forgetUploads(prisma, new Date(Date.now() - UPLOAD_GRACE_MS));
  await removeFiles(packagesFolder, await findQuietFiles(packagesFolder, 'unfinished', UPLOAD_GRACE_MS));
  const packages = await findQuietFiles(packagesFolder, 'packages', UPLOAD_GRACE_MS);
  await removeFiles(packagesFolder, await findUnnamedPackages(prisma, packages));
}
