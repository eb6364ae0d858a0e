import { assertMay, restrictedToApps, type ScopedOperation, type Viewer } from '../domain/access.ts';
import { DomainError, notFound } from '../domain/errors.ts';
import { kindOfId } from '../domain/ids.ts';
import type { Prisma, PrismaClient } from '../generated/prisma/client.ts';
import type { Statements } from '../store/statements.ts';
import { findTriggerTarget, type Sight, type TriggerTarget } from '../store/trigger-targets.ts';

/** Throws UNAUTHENTICATED when nobody is signed in. */
export function requireViewer(viewer: Viewer | null): Viewer {
  if (viewer) return viewer;
  throw new DomainError('UNAUTHENTICATED', 'Sign in: send "Authorization: Bearer <token>" with a token that is valid.');
}

/** Throws FORBIDDEN for a token that is for some apps: what is about the organization as a whole is not for it. */
export function assertForWhole(viewer: Viewer | null, organizationId: string): void {
  if (viewer?.appIds != null) throw restrictedToApps(organizationId);
}

/** The tenant predicate of every read: rows of the viewer's organizations. Nobody sees none. */
export function visibleTo(viewer: Viewer | null) {
  return { organizationId: { in: viewer?.memberships.map(({ organizationId }) => organizationId) ?? [] } };
}

/** The tenant predicate of each kind of row that a token for some apps sees less of. */
export function visibleApps(viewer: Viewer | null) {
  const appIds = viewer?.appIds;
  return { ...visibleTo(viewer), ...(appIds == null ? {} : { AND: [{ id: { in: [...appIds] } }] }) };
}

export function visibleDeployments(viewer: Viewer | null) {
  const appIds = viewer?.appIds;
  return { ...visibleTo(viewer), ...(appIds == null ? {} : { AND: [{ productionAppId: { in: [...appIds] } }] }) };
}

export function visibleEntities(viewer: Viewer | null) {
  const appIds = viewer?.appIds;
  const ofApps =
    appIds == null ? {} : { AND: [{ productionApps: { some: { id: { in: [...appIds] }, deletedAt: null } } }] };
  return { ...visibleTo(viewer), ...ofApps };
}

export function visibleVersions(viewer: Viewer | null) {
  const appIds = viewer?.appIds;
  const ofApps = appIds == null ? {} : { AND: [{ entity: { productionApps: { some: { id: { in: [...appIds] } } } } }] };
  return { ...visibleTo(viewer), ...ofApps };
}

/** The same for statements that Prisma does not write. */
export function sightOf(viewer: Viewer): Sight {
  return { organizationIds: viewer.memberships.map(({ organizationId }) => organizationId), appIds: viewer.appIds };
}

const WITH_PUBLISHERS = { publishers: { select: { userId: true } } } satisfies Prisma.EntityInclude;

/** An entity that the viewer may change. Throws NOT_FOUND when the viewer may not see it, FORBIDDEN naming what is missing. */
export async function loadEntityFor(prisma: PrismaClient, viewer: Viewer, id: string, operation: ScopedOperation) {
  const entity =
    kindOfId(id) === 'Entity'
      ? await prisma.entity.findFirst({ where: { id, ...visibleEntities(viewer) }, include: WITH_PUBLISHERS })
      : null;
  if (!entity) throw notFound('entity');
  assertMay(viewer, operation, accessOf(entity));
  return entity;
}

/** A production app, not deleted, that the viewer may change or deploy to. */
export async function loadProductionAppFor(
  prisma: PrismaClient,
  viewer: Viewer,
  id: string,
  operation: ScopedOperation,
) {
  const app = await loadAnyProductionAppFor(prisma, viewer, id, operation);
  if (app.deletedAt !== null) throw notFound('production app');
  return app;
}

/** A production app to deploy to, with the version that is named, in one statement. */
export async function loadTriggerTarget(
  statements: Statements,
  viewer: Viewer,
  productionAppId: string,
  versionId: string | null,
): Promise<TriggerTarget> {
  const target = await findTriggerTarget(statements, sightOf(viewer), productionAppId, versionId);
  if (!target) throw notFound('production app');
  assertMay(viewer, 'triggerDeployment', target);
  return target;
}

/** A production app, deleted or not, that the viewer may change. */
export async function loadAnyProductionAppFor(
  prisma: PrismaClient,
  viewer: Viewer,
  id: string,
  operation: ScopedOperation,
) {
  const app =
    kindOfId(id) === 'ProductionApp'
      ? await prisma.productionApp.findFirst({
          where: { id, ...visibleApps(viewer) },
          include: { entity: { include: WITH_PUBLISHERS } },
        })
      : null;
  if (!app) throw notFound('production app');
  assertMay(viewer, operation, accessOf(app.entity));
  return app;
}

/** A deployment that the viewer may act on. */
export async function loadDeploymentFor(prisma: PrismaClient, viewer: Viewer, id: string, operation: ScopedOperation) {
  const deployment =
    kindOfId(id) === 'Deployment'
      ? await prisma.deployment.findFirst({
          where: { id, ...visibleDeployments(viewer) },
          include: { productionApp: { include: { entity: { include: WITH_PUBLISHERS } } } },
        })
      : null;
  if (!deployment) throw notFound('deployment');
  assertMay(viewer, operation, accessOf(deployment.productionApp.entity));
  return deployment;
}

/** A deployment that the viewer may watch. */
export async function loadVisibleDeployment(prisma: PrismaClient, viewer: Viewer, id: string): Promise<string> {
  const isVisible =
    kindOfId(id) === 'Deployment' &&
    (await prisma.deployment.count({ where: { id, ...visibleDeployments(viewer) } })) > 0;
  if (!isVisible) throw notFound('deployment');
  return id;
}

/** A production app that the viewer may watch, deleted or not. */
export async function loadVisibleApp(prisma: PrismaClient, viewer: Viewer, id: string): Promise<string> {
  const isVisible =
    kindOfId(id) === 'ProductionApp' &&
    (await prisma.productionApp.count({ where: { id, ...visibleApps(viewer) } })) > 0;
  if (!isVisible) throw notFound('production app');
  return id;
}

/** What it takes to judge who may change an entity. */
export function accessOf({
  organizationId,
  publishers,
}: {
  organizationId: string;
  publishers: readonly { userId: string }[];
}) {
  return { organizationId, publisherIds: publishers.map(({ userId }) => userId) };
}
