import { readdir, readlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { kindOfId } from '../domain/ids.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { findQuietFiles } from '../packages/leftovers.ts';
import { findUnnamedPackages } from '../store/uploads.ts';
import { appFolders } from '../targets/app-folders.ts';
import { findMarkedProcesses } from '../targets/process-group.ts';
import type { Violation } from './violation.ts';

export interface MachineFolders {
  readonly dataDir: string;
  readonly apps: string;
  readonly workspaces: string;
  readonly packages: string;
}

const QUIET_MS = 2 * 60 * 60 * 1_000;
const CONNECT_MS = 1_000;
const MENDED = 'A running worker or host agent removes it. If it stays, look at their logs; then remove it by hand.';

/** What holds of this machine: nothing runs, listens or lies around without an owner in the rows. */
export async function checkMachine(
  prisma: PrismaClient,
  folders: MachineFolders,
  isRunning: boolean,
): Promise<Violation[]> {
  return [
    ...(await checkProcesses(prisma, folders.dataDir)),
    ...(isRunning ? await checkPorts(prisma) : []),
    ...(await checkWorkspaces(prisma, folders.workspaces)),
    ...(await checkAppFolders(prisma, folders.apps)),
    ...(await checkPackages(prisma, folders.packages)),
  ];
}

/** Other instances of Windlass may run on this machine: theirs work in folders of their own. */
async function checkProcesses(prisma: PrismaClient, dataDir: string): Promise<Violation[]> {
  const violations: Violation[] = [];
  for (const { pid, marker } of findMarkedProcesses()) {
    const folder = await readlink(`/proc/${pid}/cwd`).catch(() => ''); // Gone since we looked, or another user's.
    if (!folder.startsWith(dataDir) || (await hasOwner(prisma, marker))) continue;
    const message = `process ${pid} in ${folder} belongs to nothing that runs`;
    violations.push({ rule: 'no-ownerless-process', subject: marker, message, remedy: `If it stays: kill ${pid}.` });
  }
  return violations;
}

async function hasOwner(prisma: PrismaClient, marker: string): Promise<boolean> {
  const [id = '', run] = marker.split('/');
  if (kindOfId(id) === 'Release') {
    return (await prisma.release.count({ where: { id, observed: { not: 'stopped' } } })) > 0;
  }
  return (await prisma.deployment.count({ where: { id, run: Number(run ?? 0), status: 'in_progress' } })) > 0;
}

/** A healthy release with a port listens on it, if it is this machine's. */
async function checkPorts(prisma: PrismaClient): Promise<Violation[]> {
  const where = { observed: 'healthy', wanted: 'running', port: { not: null } } as const;
  const violations: Violation[] = [];
  for (const { id, port } of await prisma.release.findMany({ where, select: { id: true, port: true } })) {
    if (await listens(port!)) continue;
    const message = `is healthy on port ${port}, where nothing listens`;
    const remedy = 'The host agent starts it again. Look whether the agent runs.';
    violations.push({ rule: 'release-listens', subject: id, message, remedy });
  }
  return violations;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: CONNECT_MS });
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true));
    socket.once('timeout', () => settle(false));
    socket.once('error', () => settle(false));
  });
}

async function checkWorkspaces(prisma: PrismaClient, folder: string): Promise<Violation[]> {
  const names = await listFolder(folder);
  const open = await prisma.deployment.findMany({
    where: { id: { in: names }, status: 'in_progress' },
    select: { id: true },
  });
  const known = new Set(open.map(({ id }) => id));
  return names
    .filter((name) => !known.has(name))
    .map((name) => leftover(join(folder, name), 'is a workspace, and no deployment is at work in it'));
}

async function checkAppFolders(prisma: PrismaClient, folder: string): Promise<Violation[]> {
  const violations: Violation[] = [];
  const ids = (await listFolder(folder)).filter((name) => kindOfId(name) === 'ProductionApp');
  for (const id of ids) {
    const app = await prisma.productionApp.findUnique({ where: { id }, include: { releases: true } });
    const { root, releases } = appFolders(folder, id);
    if (app === null || app.deletedAt !== null) {
      violations.push(leftover(root, 'is the folder of an app that is not there'));
      continue;
    }
    const kept = new Set(app.releases.filter(({ observed }) => observed !== 'stopped').map((release) => release.id));
    for (const name of await listFolder(releases)) {
      if (kept.has(name.replace('.unfinished', ''))) continue;
      violations.push(leftover(join(releases, name), 'is the folder of a release that does not run'));
    }
  }
  return violations;
}

async function checkPackages(prisma: PrismaClient, folder: string): Promise<Violation[]> {
  const unfinished = await findQuietFiles(folder, 'unfinished', QUIET_MS);
  const unnamed = await findUnnamedPackages(prisma, await findQuietFiles(folder, 'packages', QUIET_MS));
  return [
    ...unfinished.map((key) => leftover(join(folder, key), 'is a file that nobody writes any more')),
    ...unnamed.map((key) => leftover(join(folder, key), 'is a package that no version and no upload names')),
  ];
}

function leftover(path: string, message: string): Violation {
  return { rule: 'no-ownerless-folder', subject: path, message, remedy: MENDED };
}

function listFolder(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []); // None yet.
}
