import type { Transaction } from './db.ts';

/**
 * The deployment that a rollback goes back to when none is named, of each app that has one: the newest completed one
 * before what serves now, made of another artifact. What serves after a rollback counts as what it went back to, so that a
 * second rollback goes further back and not forth again. Missing when there is none, or nothing serves.
 */
export async function findRollbackTargets(
  tx: Pick<Transaction, '$queryRaw'>,
  productionAppIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const targets = await tx.$queryRaw<{ productionAppId: string; id: string }[]>`
    with recursive serving as (
      select a.id as production_app_id, d.id, d.number, d.trigger, d.source_id
      from production_apps a join releases r on r.id = a.live_release_id join deployments d on d.id = r.deployment_id
      where a.id = any(${[...productionAppIds]}::text[])
      union all
      select s.production_app_id, d.id, d.number, d.trigger, d.source_id
      from serving s join deployments d on d.id = s.source_id where s.trigger in ('rollback', 'automatic')
    ), first_served as (
      select production_app_id, min(number) as number from serving group by production_app_id
    )
    select f.production_app_id as "productionAppId", target.id
    from first_served f cross join lateral (
      select d.id
      from deployments d join deployment_phases p on p.deployment_id = d.id and p.name = 'package'
      where d.production_app_id = f.production_app_id and d.status = 'completed' and d.number < f.number
        and p.outputs ->> 'artifactSha256' <> all (
          select p.outputs ->> 'artifactSha256' from deployment_phases p join serving s on s.id = p.deployment_id
          where s.production_app_id = f.production_app_id and p.name = 'package')
      order by d.number desc limit 1
    ) target`;
  return new Map(targets.map(({ productionAppId, id }) => [productionAppId, id]));
}

/** That of one app, or null. */
export async function findRollbackTarget(
  tx: Pick<Transaction, '$queryRaw'>,
  productionAppId: string,
): Promise<string | null> {
  return (await findRollbackTargets(tx, [productionAppId])).get(productionAppId) ?? null;
}
