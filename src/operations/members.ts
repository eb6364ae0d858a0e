import { z } from 'zod';
import { isMember, restrictedToken, type Viewer } from '../domain/access.ts';
import { DomainError, notFound } from '../domain/errors.ts';
import { kindOfId } from '../domain/ids.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { recordAudit } from '../store/audit.ts';
import type { Transaction } from '../store/db.ts';
import { parseInput } from './input.ts';
import { lockRole } from './roles.ts';
import { assertHolds, assertManageable, assertMayIn, lockOrganization } from './organization.ts';

interface MemberDeps {
  readonly prisma: PrismaClient;
}

export interface MemberKey {
  readonly organizationId: string;
  readonly userId: string;
}

const roleInput = z.object({ organizationId: z.string(), userId: z.string(), roleId: z.string() });

/** Gives a member another role, which holds from the next request on. */
export async function changeMemberRole(
  { prisma }: MemberDeps,
  viewer: Viewer,
  input: z.input<typeof roleInput>,
): Promise<MemberKey> {
  const { roleId, ...member } = parseInput(roleInput, input);
  const { organizationId, userId } = member;
  assertMayIn(viewer, organizationId, 'changeMemberRole');
  if (kindOfId(roleId) !== 'Role') throw notFound('role');
  await prisma.$transaction(async (tx) => {
    const role = await lockRole(tx, roleId, organizationId);
    assertHolds(viewer, organizationId, role.scopes);
    const before = await loadMember(tx, member);
    assertHolds(viewer, organizationId, before.role.scopes);
    await tx.membership.update({ where: { organizationId_userId: member }, data: { roleId } });
    await assertManageable(tx, organizationId);
    const details = { name: before.user.name, role: role.name, roleBefore: before.role.name };
    await recordAudit(tx, viewer, { organizationId, action: 'changeMemberRole', subjectId: userId, details });
  });
  return member;
}

const memberInput = z.object({ organizationId: z.string(), userId: z.string() });

/**
 * Takes a member out of an organization: what he has open there ends, and his tokens do nothing there any more. Of an
 * entity that only he published, whoever removes him becomes the publisher, or nobody could deploy it.
 */
export async function removeMember(
  { prisma }: MemberDeps,
  viewer: Viewer,
  input: z.input<typeof memberInput>,
): Promise<string> {
  const member = parseInput(memberInput, input);
  const { organizationId, userId } = member;
  assertMayIn(viewer, organizationId, 'removeMember');
  await prisma.$transaction(async (tx) => {
    await lockOrganization(tx, organizationId);
    const { role, user } = await loadMember(tx, member);
    assertHolds(viewer, organizationId, role.scopes);
    const orphans = await takeOut(tx, member);
    if (userId === viewer.userId) assertNoOrphans(orphans);
    await tx.entityPublisher.createMany({ data: orphans.map((entityId) => ({ entityId, userId: viewer.userId })) });
    await assertManageable(tx, organizationId);
    // Whoever is gone is found by his id no more.
    const details = { name: user.name, role: role.name, publisherOfInstead: orphans };
    await recordAudit(tx, viewer, { organizationId, action: 'removeMember', subjectId: userId, details });
  });
  return organizationId;
}

const leaveInput = z.object({ organizationId: z.string() });

/** Throws CONFLICT for who is the last that may manage roles, or the only publisher of an entity. */
export async function leaveOrganization(
  { prisma }: MemberDeps,
  viewer: Viewer,
  input: z.input<typeof leaveInput>,
): Promise<void> {
  const { organizationId } = parseInput(leaveInput, input);
  if (!isMember(viewer, organizationId)) throw notFound('organization');
  if (!viewer.isUnrestricted) throw restrictedToken(organizationId);
  const member = { organizationId, userId: viewer.userId };
  await prisma.$transaction(async (tx) => {
    await lockOrganization(tx, organizationId);
    const isThere = await tx.membership.count({ where: member });
    if (isThere === 0) throw notFound('organization');
    const orphans = await takeOut(tx, member);
    assertNoOrphans(orphans);
    await assertManageable(tx, organizationId);
    const subjectId = viewer.userId;
    await recordAudit(tx, viewer, { organizationId, action: 'leaveOrganization', subjectId });
  });
}

function assertNoOrphans(entityIds: readonly string[]): void {
  if (entityIds.length === 0) return;
  const what = entityIds.length === 1 ? 'an entity' : `${entityIds.length} entities`;
  const message = `You are the only publisher of ${what}. Add another publisher first.`;
  throw new DomainError('CONFLICT', message, { entityIds });
}

async function loadMember(tx: Transaction, member: MemberKey) {
  const found =
    kindOfId(member.userId) === 'User'
      ? await tx.membership.findUnique({
          where: { organizationId_userId: member },
          include: { role: true, user: true },
        })
      : null;
  if (!found) throw notFound('member');
  return found;
}

/** Answers the entities that are left without a publisher. */
async function takeOut(tx: Transaction, member: MemberKey): Promise<string[]> {
  const { organizationId, userId } = member;
  const published = await tx.entityPublisher.findMany({ where: { userId, entity: { organizationId } } });
  const entityIds = published.map(({ entityId }) => entityId);
  await tx.entityPublisher.deleteMany({ where: { userId, entityId: { in: entityIds } } });
  await tx.membership.delete({ where: { organizationId_userId: member } });
  const orphans = await tx.entity.findMany({
    where: { organizationId, id: { in: entityIds }, publishers: { none: {} } },
  });
  return orphans.map(({ id }) => id);
}
