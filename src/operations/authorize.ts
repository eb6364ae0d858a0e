import { whyForbidden, type Scope, type Viewer } from '../domain/access.ts';
import { DomainError, notFound } from '../domain/errors.ts';
import { kindOfId } from '../domain/ids.ts';
import type { Prisma, PrismaClient } from '../generated/prisma/client.ts';

/** Throws UNAUTHENTICATED when nobody is signed in. */
export function requireViewer(viewer: Viewer | null): Viewer {
  if (viewer) return viewer;
  throw new DomainError('UNAUTHENTICATED', 'Sign in: send "Authorization: Bearer <token>" with a token that is valid.');
}

/** The tenant predicate of every read: rows of the viewer's organizations. Nobody sees none. */
export function visibleTo(viewer: Viewer | null) {
  return { organizationId: { in: viewer?.memberships.map(({ organizationId }) => organizationId) ?? [] } };
}

const WITH_PUBLISHERS = { publishers: { select: { userId: true } } } satisfies Prisma.EntityInclude;

/** An entity that the viewer may change. Throws NOT_FOUND when the viewer may not see it, FORBIDDEN naming what is missing. */
export async function loadEntityFor(prisma: PrismaClient, viewer: Viewer, id: string, scope: Scope) {
  const entity =
    kindOfId(id) === 'Entity'
      ? await prisma.entity.findFirst({ where: { id, ...visibleTo(viewer) }, include: WITH_PUBLISHERS })
      : null;
  if (!entity) throw notFound('entity', id);
  assertMayChange(viewer, entity, scope);
  return entity;
}

/** A production app, not deleted, that the viewer may change or deploy to. */
export async function loadProductionAppFor(prisma: PrismaClient, viewer: Viewer, id: string, scope: Scope) {
  const app = await loadAnyProductionAppFor(prisma, viewer, id, scope);
  if (app.deletedAt !== null) throw notFound('production app', id);
  return app;
}

/** A production app, deleted or not, that the viewer may change. */
export async function loadAnyProductionAppFor(prisma: PrismaClient, viewer: Viewer, id: string, scope: Scope) {
  const app =
    kindOfId(id) === 'ProductionApp'
      ? await prisma.productionApp.findFirst({
          where: { id, ...visibleTo(viewer) },
          include: { entity: { include: WITH_PUBLISHERS } },
        })
      : null;
  if (!app) throw notFound('production app', id);
  assertMayChange(viewer, app.entity, scope);
  return app;
}

/** A deployment that the viewer may act on. */
export async function loadDeploymentFor(prisma: PrismaClient, viewer: Viewer, id: string, scope: Scope) {
  const deployment =
    kindOfId(id) === 'Deployment'
      ? await prisma.deployment.findFirst({
          where: { id, ...visibleTo(viewer) },
          include: { productionApp: { include: { entity: { include: WITH_PUBLISHERS } } } },
        })
      : null;
  if (!deployment) throw notFound('deployment', id);
  assertMayChange(viewer, deployment.productionApp.entity, scope);
  return deployment;
}

/** A deployment that the viewer may watch. */
export async function loadVisibleDeployment(prisma: PrismaClient, viewer: Viewer, id: string): Promise<string> {
  const isVisible =
    kindOfId(id) === 'Deployment' && (await prisma.deployment.count({ where: { id, ...visibleTo(viewer) } })) > 0;
  if (!isVisible) throw notFound('deployment', id);
  return id;
}

/** A production app that the viewer may watch, deleted or not. */
export async function loadVisibleApp(prisma: PrismaClient, viewer: Viewer, id: string): Promise<string> {
  const isVisible =
    kindOfId(id) === 'ProductionApp' && (await prisma.productionApp.count({ where: { id, ...visibleTo(viewer) } })) > 0;
  if (!isVisible) throw notFound('production app', id);
  return id;
}

function assertMayChange(
  viewer: Viewer,
  entity: { organizationId: string; publishers: { userId: string }[] },
  scope: Scope,
): void {
  const refusal = whyForbidden(viewer, accessOf(entity), scope);
  if (refusal) throw refusal;
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
