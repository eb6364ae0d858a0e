import { randomUUID } from 'node:crypto';
import { createId } from '../../src/domain/ids.ts';
import type { PrismaClient } from '../../src/generated/prisma/client.ts';
import { claimNextDeployment, insertDeployment, type Claim } from '../../src/store/deployments.ts';
import type { NewLogLine } from '../../src/store/logs.ts';

/** An organization of its own with everything that a deployment needs. */
export interface Rows {
  readonly organizationId: string;
  readonly userId: string;
  readonly versionId: string;
  readonly productionAppId: string;
}

export async function createRows(prisma: PrismaClient): Promise<Rows> {
  const name = `rows-${randomUUID()}`;
  const organizationId = createId('Organization');
  const userId = createId('User');
  const entityId = createId('Entity');
  const versionId = createId('Version');
  const productionAppId = createId('ProductionApp');
  await prisma.organization.create({ data: { id: organizationId, slug: name, name } });
  await prisma.user.create({ data: { id: userId, name: 'Ada' } });
  await prisma.entity.create({ data: { id: entityId, organizationId, name, slug: name } });
  const about = { version: 'v1', sourceHash: 'hash', packageKey: 'packages/a', packageBytes: 1n, packageSha256: 'sha' };
  await prisma.version.create({ data: { id: versionId, organizationId, entityId, ...about } });
  await prisma.productionApp.create({ data: { id: productionAppId, organizationId, entityId, subdomain: name } });
  return { organizationId, userId, versionId, productionAppId };
}

export async function insertPending(prisma: PrismaClient, rows: Rows): Promise<string> {
  const { organizationId, productionAppId, versionId, userId } = rows;
  const input = { organizationId, productionAppId, versionId, triggeredById: userId } as const;
  const insert = { ...input, trigger: 'manual', reason: null } as const;
  const { id } = await prisma.$transaction((tx) => insertDeployment(tx, insert));
  return id;
}

/** A deployment that a worker holds. */
export async function insertClaimed(prisma: PrismaClient, rows: Rows): Promise<Claim> {
  await insertPending(prisma, rows);
  const claim = await claimNextDeployment(prisma, rows.productionAppId, 'worker-1');
  return { deploymentId: claim!.deploymentId, run: claim!.run };
}

/** A release of a deployment that takes all of its app's traffic. */
export async function insertLiveRelease(prisma: PrismaClient, rows: Rows, deploymentId: string): Promise<string> {
  const id = createId('Release');
  const { productionAppId } = rows;
  await prisma.release.create({ data: { id, productionAppId, deploymentId, spec: {}, observed: 'healthy' } });
  await prisma.productionApp.update({ where: { id: productionAppId }, data: { liveReleaseId: id } });
  return id;
}

export function logLine(message: string): NewLogLine {
  return {
    at: new Date('2026-01-02T03:04:05.678Z'),
    phase: 'build',
    attempt: 1,
    stream: 'stdout',
    level: 'info',
    message,
    truncated: false,
  };
}
