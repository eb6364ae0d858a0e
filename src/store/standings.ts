import type { DeploymentStatus } from '../domain/deployment.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';

/** Where an app stands, as far as it decides what may be done with its deployments. */
export interface Standing {
  readonly isDeleted: boolean;
  readonly liveDeploymentId: string | null;
  /** The newest deployment that is open or has completed. */
  readonly newest: { readonly number: number; readonly status: DeploymentStatus } | null;
  /** The numbers of deployments whose migrations cannot be undone. */
  readonly irreversible: readonly number[];
}

/** Of many apps with one query: a list of deployments asks for those of all its apps together. */
export async function findStandings(
  prisma: Pick<PrismaClient, '$queryRaw'>,
  productionAppIds: readonly string[],
): Promise<ReadonlyMap<string, Standing>> {
  const rows = await prisma.$queryRaw<(Standing & { id: string })[]>`
    select a.id, a.deleted_at is not null as "isDeleted", r.deployment_id as "liveDeploymentId", (
      select jsonb_build_object('number', d.number, 'status', d.status) from deployments d
      where d.production_app_id = a.id and d.status in ('pending', 'in_progress', 'completed')
      order by d.number desc limit 1
    ) as newest, array(
      select d.number from deployments d where d.production_app_id = a.id and d.is_irreversible order by d.number
    ) as irreversible
    from production_apps a left join releases r on r.id = a.live_release_id
    where a.id = any(${[...productionAppIds]}::text[])`;
  return new Map(rows.map(({ id, ...standing }) => [id, standing]));
}
