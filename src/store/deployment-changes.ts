import type { PrismaClient } from '../generated/prisma/client.ts';

/** That something of a deployment changed, and whose it is. */
export interface DeploymentChange {
  readonly id: string;
  readonly organizationId: string;
  readonly productionAppId: string;
  readonly stateVersion: number;
  readonly changedAt: Date;
}

/** The database's clock: what `changedAt` is measured by. */
export async function readDatabaseClock(prisma: PrismaClient): Promise<Date> {
  const [row] = await prisma.$queryRaw<{ now: Date }[]>`select clock_timestamp() as now`;
  return row!.now;
}

/** The deployments that were made or changed after a moment, each once, in the order of their last change. */
export function readDeploymentChanges(prisma: PrismaClient, after: Date): Promise<DeploymentChange[]> {
  return prisma.deployment.findMany({
    where: { changedAt: { gt: after } },
    select: { id: true, organizationId: true, productionAppId: true, stateVersion: true, changedAt: true },
    orderBy: { changedAt: 'asc' },
  });
}
