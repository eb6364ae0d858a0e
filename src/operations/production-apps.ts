import { z } from 'zod';
import { restrictedToApps, type Viewer } from '../domain/access.ts';
import { notFound } from '../domain/errors.ts';
import { createId } from '../domain/ids.ts';
import type { KeyRing } from '../domain/sealing.ts';
import type { EventBus } from '../events/bus.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { recordAudit } from '../store/audit.ts';
import { isSubdomainTaken, markProductionAppDeleted } from '../store/production-apps.ts';
import { loadAnyProductionAppFor, loadEntityFor, loadProductionAppFor, visibleApps } from './authorize.ts';
import { label, refuseDuplicates } from './catalog.ts';
import { announceCancellations, overlapPolicy } from './enqueue.ts';
import { changeEnvironment, comparable, environmentInput, namesIn } from './environment.ts';
import { idempotencyKey, makeOnce, type Made } from './idempotency.ts';
import { parseInput } from './input.ts';

export interface ProductionAppDeps {
  readonly prisma: PrismaClient;
  readonly bus: EventBus;
  readonly keyRing: KeyRing;
}

const createInput = z.object({
  entityId: z.string(),
  subdomain: label,
  overlap: overlapPolicy.nullish(),
  buildNetwork: z.boolean().nullish(),
  environment: environmentInput,
  idempotencyKey,
});

export async function createProductionApp(
  { prisma, keyRing }: ProductionAppDeps,
  viewer: Viewer,
  input: z.input<typeof createInput>,
): Promise<Made> {
  const { idempotencyKey: key, environment, ...body } = parseInput(createInput, input);
  const entity = await loadEntityFor(prisma, viewer, body.entityId, 'createProductionApp');
  if (viewer.appIds !== null) throw restrictedToApps(entity.organizationId);
  const id = createId('ProductionApp');
  const requests = comparable(keyRing, environment).map((compared) => ({
    operation: 'createProductionApp',
    ...body,
    environment: compared,
  }));
  return refuseDuplicates(TAKEN, () =>
    prisma.$transaction((tx) =>
      makeOnce(tx, viewer, key, requests, async () => {
        const { overlap, buildNetwork, ...names } = body;
        const { organizationId } = entity;
        const settings = { overlap: overlap ?? undefined, buildNetwork: buildNetwork ?? undefined };
        await tx.productionApp.create({ data: { ...names, ...settings, id, organizationId } });
        await changeEnvironment(tx, keyRing, { productionAppId: id, userId: viewer.userId }, environment);
        const details = { subdomain: body.subdomain, entityId: entity.id, variables: namesIn(environment) };
        await recordAudit(tx, viewer, { organizationId, action: 'createProductionApp', subjectId: id, details });
        return id;
      }),
    ),
  );
}

const TAKEN = 'The subdomain is taken.';

const updateInput = z.object({
  id: z.string(),
  subdomain: label.nullish(),
  overlap: overlapPolicy.nullish(),
  buildNetwork: z.boolean().nullish(),
  environment: environmentInput,
});

/**
 * Changes what is given and leaves the rest. The gateway follows a new subdomain as soon as it hears of it; what is built
 * and runs gets its environment from the next deployment on.
 */
export async function updateProductionApp(
  { prisma, bus, keyRing }: ProductionAppDeps,
  viewer: Viewer,
  input: z.input<typeof updateInput>,
): Promise<string> {
  const { id, environment, ...given } = parseInput(updateInput, input);
  const app = await loadProductionAppFor(prisma, viewer, id, 'updateProductionApp');
  // What is the same is left out: with nothing else asked for, nothing is written.
  const entries = Object.entries(given).filter(
    ([key, value]) => value != null && value !== app[key as keyof typeof given],
  );
  if (entries.length === 0 && !environment?.length) return app.id;
  await refuseDuplicates(TAKEN, () =>
    prisma.$transaction(async (tx) => {
      // Also without data: it locks the row.
      const data = { ...Object.fromEntries(entries), deletedAt: null };
      const updated = await tx.productionApp.updateMany({ where: { id: app.id, deletedAt: null }, data });
      // Deleted since we looked.
      if (updated.count === 0) throw notFound('production app');
      await changeEnvironment(tx, keyRing, { productionAppId: app.id, userId: viewer.userId }, environment);
      const { organizationId, id: subjectId } = app;
      const details = { ...Object.fromEntries(entries), variables: namesIn(environment) };
      await recordAudit(tx, viewer, { organizationId, action: 'updateProductionApp', subjectId, details });
    }),
  );
  bus.publish('releases', { kind: 'wanted' });
  return app.id;
}

const deleteInput = z.object({ id: z.string() });

/**
 * Deletes an app and stops whatever runs, waits or is being deployed for it; its rows stay, and its subdomain is free at
 * once. Hosts and workers do the rest after this returns. Deleting it again changes nothing and gives the same answer.
 */
export async function deleteProductionApp(
  { prisma, bus }: ProductionAppDeps,
  viewer: Viewer,
  input: z.input<typeof deleteInput>,
): Promise<string> {
  const { id } = parseInput(deleteInput, input);
  const app = await loadAnyProductionAppFor(prisma, viewer, id, 'deleteProductionApp');
  const cancel = { userId: viewer.userId, reason: 'The production app was deleted.', force: false };
  const changes = await prisma.$transaction(async (tx) => {
    const marked = await markProductionAppDeleted(tx, app.id, cancel);
    const { organizationId, id: subjectId } = app;
    if (marked) await recordAudit(tx, viewer, { organizationId, action: 'deleteProductionApp', subjectId });
    return marked;
  });
  if (changes === null) return app.id;
  bus.publish('releases', { kind: 'wanted' });
  announceCancellations(bus, changes);
  return app.id;
}

export interface SubdomainAvailability {
  readonly subdomain: string;
  readonly available: boolean;
  /** Why it is not, as a sentence. */
  readonly reason: string | null;
}

/**
 * Whether an app may have a subdomain now; only taking it makes sure. `excludeId` is an app of the viewer whose own name
 * counts as free. Somebody else's app is not excluded, or its name could be found out.
 */
export async function checkSubdomain(
  { prisma }: ProductionAppDeps,
  viewer: Viewer,
  { subdomain, excludeId }: { subdomain: string; excludeId?: string | null },
): Promise<SubdomainAvailability> {
  const parsed = label.safeParse(subdomain);
  if (!parsed.success) {
    const reason = `A subdomain ${parsed.error.issues[0]!.message}.`;
    return { subdomain, available: false, reason };
  }
  const isMine =
    excludeId != null &&
    (await prisma.productionApp.count({
      where: { id: excludeId, ...visibleApps(viewer), subdomain, deletedAt: null },
    })) > 0;
  return isMine || !(await isSubdomainTaken(prisma, subdomain))
    ? { subdomain, available: true, reason: null }
    : { subdomain, available: false, reason: TAKEN };
}
