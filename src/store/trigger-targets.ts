import type { Statements } from './statements.ts';

/** What a caller sees: the tenant predicate, for a statement that Prisma does not write. */
export interface Sight {
  readonly organizationIds: readonly string[];
  /** Of a token that is for some apps. Null: all. */
  readonly appIds: readonly string[] | null;
}

export interface NamedVersion {
  readonly id: string;
  readonly version: string;
  readonly entityId: string;
}

/** An app, and all that it takes to decide whether and what to ship to it. */
export interface TriggerTarget {
  readonly id: string;
  readonly organizationId: string;
  readonly entityId: string;
  readonly entityName: string;
  readonly activeVersionId: string | null;
  readonly publisherIds: readonly string[];
  /** The version that was asked for. Null where none was, or where it cannot be seen. */
  readonly named: NamedVersion | null;
}

/** In one statement, since every trigger begins with it. Null when the app cannot be seen, or was deleted. */
export async function findTriggerTarget(
  statements: Statements,
  { organizationIds, appIds }: Sight,
  productionAppId: string,
  versionId: string | null,
): Promise<TriggerTarget | null> {
  const [target] = await statements.$queryRaw<TriggerTarget[]>`
    with seen as (
      select a.id, a.entity_id from production_apps a
      where a.organization_id = any(${[...organizationIds]}::text[])
        and (${appIds === null} or a.id = any(${[...(appIds ?? [])]}::text[]))
    )
    select a.id, a.organization_id as "organizationId", e.id as "entityId", e.name as "entityName",
      e.active_version_id as "activeVersionId",
      array(select user_id from entity_publishers where entity_id = e.id) as "publisherIds",
      (select jsonb_build_object('id', v.id, 'version', v.version, 'entityId', v.entity_id)
       from versions v
       where v.id = ${versionId} and v.organization_id = any(${[...organizationIds]}::text[])
         and (${appIds === null} or exists (select from seen where seen.entity_id = v.entity_id))) as named
    from production_apps a join entities e on e.id = a.entity_id
    where a.id = ${productionAppId} and a.deleted_at is null and exists (select from seen where seen.id = a.id)`;
  return target ?? null;
}
