import type { PrismaClient } from '../generated/prisma/client.ts';
import type { Transaction } from './db.ts';

/** A live release that turned unhealthy while it was watched. */
export interface UnhealthyRelease {
  readonly releaseId: string;
  readonly productionAppId: string;
  readonly organizationId: string;
  readonly deploymentId: string;
  readonly number: number;
  readonly isAutomatic: boolean;
  /** How long it had the traffic until then. */
  readonly servedMs: number;
}

/** The releases that a rollback is yet to be decided for: none whose deployment, or a newer one of the app, is open. */
export function findUnhealthyReleases(prisma: PrismaClient): Promise<UnhealthyRelease[]> {
  return prisma.$queryRaw<UnhealthyRelease[]>`
    select r.id as "releaseId", a.id as "productionAppId", a.organization_id as "organizationId",
      d.id as "deploymentId", d.number, d.trigger = 'automatic' as "isAutomatic",
      (extract(epoch from r.unhealthy_at - r.switched_at) * 1000)::int as "servedMs"
    from releases r join production_apps a on a.live_release_id = r.id join deployments d on d.id = r.deployment_id
    where r.unhealthy_at is not null and r.rollback_decided_at is null and d.status = 'completed'
      and not exists (
        select from deployments o where o.production_app_id = a.id and o.status in ('pending', 'in_progress'))`;
}

/**
 * Takes the decision about an unhealthy release, in the transaction that carries it out: it is taken once. The app is
 * locked. False when somebody else took it, or what was found no longer holds.
 */
export async function claimRollback(tx: Transaction, { releaseId }: UnhealthyRelease): Promise<boolean> {
  const claimed = await tx.$executeRaw`
    update releases r set rollback_decided_at = clock_timestamp()
    from production_apps a
    where r.id = ${releaseId} and a.live_release_id = r.id and a.deleted_at is null and r.rollback_decided_at is null
      and not exists (
        select from deployments o where o.production_app_id = a.id and o.status in ('pending', 'in_progress'))`;
  return claimed > 0;
}
