import { OPEN_STATUSES } from '../domain/deployment.ts';
import type { Transaction } from './db.ts';
import { requestCancel, type Cancellation, type CancelRequest } from './cancellations.ts';

/** Whether an app has a name, whoever's it is. That of a deleted one is free. */
export async function isSubdomainTaken(prisma: Pick<Transaction, '$queryRaw'>, subdomain: string): Promise<boolean> {
  const taken = await prisma.$queryRaw<unknown[]>`
    select 1 from production_apps where subdomain = ${subdomain} and deleted_at is null`;
  return taken.length > 0;
}

/** Those of some apps that are deleted. */
export async function findDeletedApps(
  prisma: Pick<Transaction, '$queryRaw'>,
  ids: readonly string[],
): Promise<Set<string>> {
  const rows = await prisma.$queryRaw<{ id: string }[]>`
    select id from production_apps where id = any(${[...ids]}::text[]) and deleted_at is not null`;
  return new Set(rows.map(({ id }) => id));
}

/**
 * Marks an app as deleted, takes it off its gateway, cancels its open deployments forgets its environment, and wants all its releases
 * stopped. Answers the deployments that changed; null when the app was deleted before.
 *
 * Whoever locks the rows of an app and of a deployment locks the app first. So a deployment that is triggered, or takes
 * the traffic, at the same moment either comes before and is seen here, or comes after and finds the app deleted.
 */
export async function markProductionAppDeleted(
  tx: Transaction,
  id: string,
  cancel: CancelRequest,
): Promise<Cancellation[] | null> {
  const isFirst = await tx.$executeRaw`
    update production_apps set deleted_at = clock_timestamp(), live_release_id = null
    where id = ${id} and deleted_at is null`;
  if (isFirst === 0) return null;
  const open = await tx.$queryRaw<{ id: string }[]>`
    select id from deployments
    where production_app_id = ${id} and status = any(${[...OPEN_STATUSES]}::deployment_status[]) order by number`;
  const changes: Cancellation[] = [];
  for (const deployment of open) {
    const change = await requestCancel(tx, deployment.id, cancel);
    if (change) changes.push(change);
  }
  await tx.environmentVariable.deleteMany({ where: { productionAppId: id } });
  await tx.release.updateMany({ where: { productionAppId: id, wanted: 'running' }, data: { wanted: 'stopped' } });
  return changes;
}
