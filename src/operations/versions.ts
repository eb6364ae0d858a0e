import { DomainError, notFound } from '../domain/errors.ts';
import type { TriggerTarget } from '../store/trigger-targets.ts';

/** The version to ship to an app: the one that is named, or the active one of its entity. */
export function versionToShip(
  { entityId, entityName, activeVersionId, named }: Omit<TriggerTarget, 'id' | 'organizationId' | 'publisherIds'>,
  versionId: string | null,
): string {
  if (versionId === null) {
    if (activeVersionId !== null) return activeVersionId;
    throw new DomainError(
      'NO_ACTIVE_VERSION',
      `${entityName} has no active version. Push one, activate one, or name the version to deploy.`,
    );
  }
  if (named === null) throw notFound('version');
  if (named.entityId === entityId) return named.id;
  throw new DomainError(
    'VERSION_NOT_OF_ENTITY',
    `The version ${named.version} belongs to another entity than the app.`,
  );
}
