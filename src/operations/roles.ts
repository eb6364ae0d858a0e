import { z } from 'zod';
import { SCOPES, type ScopedOperation, type Viewer } from '../domain/access.ts';
import { DomainError, notFound } from '../domain/errors.ts';
import { createId, kindOfId } from '../domain/ids.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { recordAudit } from '../store/audit.ts';
import type { Transaction } from '../store/db.ts';
import { refuseDuplicates } from './catalog.ts';
import { idempotencyKey, makeOnce, type Made } from './idempotency.ts';
import { parseInput } from './input.ts';
import { assertHolds, assertManageable, assertMayIn, lockOrganization } from './organization.ts';

interface RoleDeps {
  readonly prisma: PrismaClient;
}

const roleName = z.string().trim().min(1, 'must not be empty').max(60, 'must be at most 60 characters');
const scopes = z.array(z.enum(SCOPES)).transform((given) => SCOPES.filter((scope) => given.includes(scope)));

const createInput = z.object({ organizationId: z.string(), name: roleName, scopes, idempotencyKey });

export async function createRole(
  { prisma }: RoleDeps,
  viewer: Viewer,
  input: z.input<typeof createInput>,
): Promise<Made> {
  const { idempotencyKey: key, ...body } = parseInput(createInput, input);
  const { organizationId } = body;
  assertMayIn(viewer, organizationId, 'createRole');
  assertHolds(viewer, organizationId, body.scopes);
  const id = createId('Role');
  return refuseDuplicates(TAKEN, () =>
    prisma.$transaction((tx) =>
      makeOnce(tx, viewer, key, { operation: 'createRole', ...body }, async () => {
        await tx.role.create({ data: { id, ...body } });
        const details = { name: body.name, scopes: body.scopes };
        await recordAudit(tx, viewer, { organizationId, action: 'createRole', subjectId: id, details });
        return id;
      }),
    ),
  );
}

const updateInput = z.object({ roleId: z.string(), name: roleName.nullish(), scopes: scopes.nullish() });

/** Holds for all who have the role from their next request on. */
export async function updateRole(
  { prisma }: RoleDeps,
  viewer: Viewer,
  input: z.input<typeof updateInput>,
): Promise<string> {
  const { roleId, name, scopes: wanted } = parseInput(updateInput, input);
  const { id, organizationId } = await loadRoleFor(prisma, viewer, roleId, 'updateRole');
  await refuseDuplicates(TAKEN, () =>
    prisma.$transaction(async (tx) => {
      const { scopes: before } = await lockRole(tx, id, organizationId);
      const changed = wanted && SCOPES.filter((scope) => wanted.includes(scope) !== before.includes(scope));
      assertHolds(viewer, organizationId, changed ?? []);
      await tx.role.update({ where: { id }, data: { name: name ?? undefined, scopes: wanted ?? undefined } });
      await assertManageable(tx, organizationId);
      const details = { ...(name ? { name } : {}), ...(wanted ? { scopes: wanted, scopesBefore: before } : {}) };
      await recordAudit(tx, viewer, { organizationId, action: 'updateRole', subjectId: id, details });
    }),
  );
  return id;
}

/** A role as it is until the transaction ends. Throws NOT_FOUND when it was deleted meanwhile. */
export async function lockRole(tx: Transaction, id: string, organizationId: string) {
  await lockOrganization(tx, organizationId);
  const role = await tx.role.findUnique({ where: { id, organizationId } });
  if (!role) throw notFound('role');
  return role;
}

const deleteInput = z.object({ roleId: z.string() });

/** Throws CONFLICT while somebody has the role, or is invited to it. */
export async function deleteRole(
  { prisma }: RoleDeps,
  viewer: Viewer,
  input: z.input<typeof deleteInput>,
): Promise<string> {
  const { roleId } = parseInput(deleteInput, input);
  const { id, organizationId } = await loadRoleFor(prisma, viewer, roleId, 'deleteRole');
  await prisma.$transaction(async (tx) => {
    const { name, scopes: held } = await lockRole(tx, id, organizationId);
    assertHolds(viewer, organizationId, held);
    const members = await tx.membership.count({ where: { organizationId, roleId: id } });
    const invited = await tx.invitation.count({
      where: { organizationId, roleId: id, ...OPEN_INVITATION, expiresAt: { gt: new Date() } },
    });
    if (members + invited > 0) {
      const message = `The role is in use. Members who have it: ${members}. Open invitations to it: ${invited}.`;
      throw new DomainError('CONFLICT', message);
    }
    await tx.invitation.deleteMany({ where: { roleId: id } });
    await tx.role.delete({ where: { id } });
    await recordAudit(tx, viewer, { organizationId, action: 'deleteRole', subjectId: id, details: { name } });
  });
  return organizationId;
}

export const OPEN_INVITATION = { acceptedAt: null, revokedAt: null } as const;

/** A role of one of the viewer's organizations. */
export async function loadRoleFor(prisma: PrismaClient, viewer: Viewer, id: string, operation: ScopedOperation) {
  const organizationIds = viewer.memberships.map(({ organizationId }) => organizationId);
  const role =
    kindOfId(id) === 'Role'
      ? await prisma.role.findFirst({ where: { id, organizationId: { in: organizationIds } } })
      : null;
  if (!role) throw notFound('role');
  assertMayIn(viewer, role.organizationId, operation);
  return role;
}

const TAKEN = 'The organization has a role of this name already.';
