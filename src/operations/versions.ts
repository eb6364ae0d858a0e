import type { Viewer } from '../domain/access.ts';
import { DomainError, notFound } from '../domain/errors.ts';
import { kindOfId } from '../domain/ids.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { visibleVersions } from './authorize.ts';

/** The version to ship to an app: the one that is named, or the active one of its entity. */
export async function chooseVersion(
  tx: Pick<PrismaClient, 'version' | 'entity'>,
  viewer: Viewer,
  app: { entityId: string; organizationId: string; entity: { name: string } },
  versionId: string | null,
): Promise<string> {
  if (versionId === null) {
    const { activeVersionId } = await tx.entity.findUniqueOrThrow({
      where: { id: app.entityId, organizationId: app.organizationId },
    });
    if (activeVersionId !== null) return activeVersionId;
    throw new DomainError(
      'NO_ACTIVE_VERSION',
      `${app.entity.name} has no active version. Push one, activate one, or name the version to deploy.`,
    );
  }
  const version =
    kindOfId(versionId) === 'Version'
      ? await tx.version.findFirst({ where: { id: versionId, ...visibleVersions(viewer) } })
      : null;
  if (!version) throw notFound('version', versionId);
  if (version.entityId === app.entityId) return version.id;
  throw new DomainError(
    'VERSION_NOT_OF_ENTITY',
    `The version ${version.version} belongs to another entity than the app.`,
  );
}
