import type { PrismaClient } from '../generated/prisma/client.ts';

/** That something of a deployment changed, and whose it is. */
export interface DeploymentChange {
  readonly id: string;
  readonly organizationId: string;
  readonly productionAppId: string;
  readonly stateVersion: number;
  /** When its newest event was written. */
  readonly changedAt: Date;
}

/** The database's clock: what `changedAt` is measured by. */
export async function readDatabaseClock(prisma: PrismaClient): Promise<Date> {
  const [row] = await prisma.$queryRaw<{ now: Date }[]>`select clock_timestamp() as now`;
  return row!.now;
}

/** The deployments that were made or changed after a moment, each once, in the order of their last change. */
export function readDeploymentChanges(prisma: PrismaClient, after: Date): Promise<DeploymentChange[]> {
  // Every change of the state version writes an event.
  return prisma.$queryRaw<DeploymentChange[]>`
    select d.id, d.organization_id as "organizationId", d.production_app_id as "productionAppId",
      d.state_version as "stateVersion", changed.at as "changedAt"
    from (
      select deployment_id, max(at) as at from deployment_events where at > ${after} group by deployment_id
    ) changed join deployments d on d.id = changed.deployment_id
    order by changed.at`;
}
