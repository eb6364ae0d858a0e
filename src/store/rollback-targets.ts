import type { Transaction } from './db.ts';

/**
 * The deployment that a rollback goes back to when none is named: the newest completed one before what serves now, made
 * of another artifact. What serves after a rollback counts as what it went back to, so that a second rollback goes
 * further back and not forth again. Null when there is none, or nothing serves.
 */
export async function findRollbackTarget(
  tx: Pick<Transaction, '$queryRaw'>,
  productionAppId: string,
): Promise<string | null> {
  const [target] = await tx.$queryRaw<{ id: string }[]>`
    with recursive serving as (
      select d.id, d.number, d.trigger, d.source_id
      from production_apps a join releases r on r.id = a.live_release_id join deployments d on d.id = r.deployment_id
      where a.id = ${productionAppId}
      union all
      select d.id, d.number, d.trigger, d.source_id
      from serving s join deployments d on d.id = s.source_id where s.trigger in ('rollback', 'automatic')
    )
    select d.id
    from deployments d join deployment_phases p on p.deployment_id = d.id and p.name = 'package'
    where d.production_app_id = ${productionAppId} and d.status = 'completed'
      and d.number < (select min(number) from serving)
      and p.outputs ->> 'artifactSha256' <> all (
        select p.outputs ->> 'artifactSha256' from deployment_phases p
        where p.deployment_id in (select id from serving) and p.name = 'package')
    order by d.number desc limit 1`;
  return target?.id ?? null;
}
