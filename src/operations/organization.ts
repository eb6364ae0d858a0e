import { assertMay, isMember, type Scope, type ScopedOperation, type Viewer } from '../domain/access.ts';
import { DomainError, notFound } from '../domain/errors.ts';
import { kindOfId } from '../domain/ids.ts';
import type { Transaction } from '../store/db.ts';

/** An organization in which the viewer may call an operation. Throws NOT_FOUND when he is no member, else FORBIDDEN. */
export function assertMayIn(viewer: Viewer, organizationId: string, operation: ScopedOperation): void {
  if (kindOfId(organizationId) !== 'Organization' || !isMember(viewer, organizationId)) {
    throw notFound('organization');
  }
  assertMay(viewer, operation, { organizationId });
}

/**
 * Nobody gives out, takes away or hands on what he does not have himself: else whoever may manage roles would be an
 * owner in two steps. Throws FORBIDDEN naming a scope that is missing.
 */
export function assertHolds(viewer: Viewer, organizationId: string, scopes: readonly string[]): void {
  const membership = viewer.memberships.find((candidate) => candidate.organizationId === organizationId);
  const missing = scopes.find((scope) => !membership?.scopes.includes(scope as Scope));
  if (missing === undefined) return;
  const message = `This needs the scope ${missing} in the organization: nobody decides on scopes that he does not have.`;
  throw new DomainError('FORBIDDEN', message, { missingScope: missing, organizationId });
}

/** Locks an organization, so that what is decided about its members and roles is decided one after another. */
export async function lockOrganization(tx: Transaction, organizationId: string): Promise<void> {
  await tx.$executeRaw`select id from organizations where id = ${organizationId} for update`;
}

/** Throws CONFLICT when nobody is left who could give out roles. Called at the end of a change, under the lock. */
export async function assertManageable(tx: Transaction, organizationId: string): Promise<void> {
  const managers = await tx.membership.count({
    where: { organizationId, role: { scopes: { has: 'members:manage_roles' satisfies Scope } } },
  });
  if (managers > 0) return;
  throw new DomainError('CONFLICT', 'Somebody must be left with the scope members:manage_roles.');
}
