import { z } from 'zod';
import type { Viewer } from '../domain/access.ts';
import { DomainError, notFound } from '../domain/errors.ts';
import { kindOfId } from '../domain/ids.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { recordAudit } from '../store/audit.ts';
import { loadEntityFor } from './authorize.ts';
import { parseInput } from './input.ts';
import { lockOrganization } from './organization.ts';

interface PublisherDeps {
  readonly prisma: PrismaClient;
}

const publisherInput = z.object({ entityId: z.string(), userId: z.string() });
type PublisherInput = z.input<typeof publisherInput>;

/** Makes a member of the entity's organization a publisher of it. Again, it changes nothing. */
export async function addPublisher({ prisma }: PublisherDeps, viewer: Viewer, input: PublisherInput): Promise<string> {
  const { entityId, userId } = parseInput(publisherInput, input);
  const { organizationId } = await loadEntityFor(prisma, viewer, entityId, 'addPublisher');
  await prisma.$transaction(async (tx) => {
    await lockOrganization(tx, organizationId);
    const isMember =
      kindOfId(userId) === 'User' && (await tx.membership.count({ where: { organizationId, userId } })) > 0;
    if (!isMember) throw notFound('member');
    const { count } = await tx.entityPublisher.createMany({ data: [{ entityId, userId }], skipDuplicates: true });
    if (count === 0) return;
    const details = { userId };
    await recordAudit(tx, viewer, { organizationId, action: 'addPublisher', subjectId: entityId, details });
  });
  return entityId;
}

/** Throws CONFLICT for the last one: nobody could deploy the entity, or add a publisher. */
export async function removePublisher(
  { prisma }: PublisherDeps,
  viewer: Viewer,
  input: PublisherInput,
): Promise<string> {
  const { entityId, userId } = parseInput(publisherInput, input);
  const { organizationId } = await loadEntityFor(prisma, viewer, entityId, 'removePublisher');
  await prisma.$transaction(async (tx) => {
    await lockOrganization(tx, organizationId);
    const { count } = await tx.entityPublisher.deleteMany({ where: { entityId, userId } });
    if (count === 0) throw notFound('publisher');
    if ((await tx.entityPublisher.count({ where: { entityId } })) === 0) {
      throw new DomainError('CONFLICT', 'The entity would be left without a publisher. Add another one first.');
    }
    const details = { userId };
    await recordAudit(tx, viewer, { organizationId, action: 'removePublisher', subjectId: entityId, details });
  });
  return entityId;
}
