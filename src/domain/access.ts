import { DomainError } from './errors.ts';

/** The ten documented scopes. */
export const SCOPES = [
  'entities:publish',
  'entities:share',
  'entities:share_external',
  'entities:share_store',
  'entities:deploy',
  'members:invite',
  'members:remove',
  'members:manage_roles',
  'org:settings',
  'org:billing',
] as const;
export type Scope = (typeof SCOPES)[number];

export interface ViewerMembership {
  readonly organizationId: string;
  readonly role: string;
  readonly scopes: readonly Scope[];
}

/** Who is asking, read afresh for every request and every operation on a socket. */
export interface Viewer {
  readonly userId: string;
  readonly tokenId: string;
  readonly memberships: readonly ViewerMembership[];
}

export function isMember(viewer: Viewer, organizationId: string): boolean {
  return viewer.memberships.some((membership) => membership.organizationId === organizationId);
}

/** Why a viewer may not change an entity, or what is deployed of it; null when he may. */
export function whyForbidden(
  viewer: Viewer,
  { organizationId, publisherIds }: { organizationId: string; publisherIds: readonly string[] },
  scope: Scope,
): DomainError | null {
  const membership = viewer.memberships.find((candidate) => candidate.organizationId === organizationId);
  if (!membership?.scopes.includes(scope)) return missingScope(scope);
  return publisherIds.includes(viewer.userId) ? null : missingPublisher();
}

/** Throws FORBIDDEN, naming what is missing. Whether the viewer may know of the organization was decided before. */
export function assertScope(viewer: Viewer, organizationId: string, scope: Scope): void {
  const membership = viewer.memberships.find((candidate) => candidate.organizationId === organizationId);
  if (membership?.scopes.includes(scope)) return;
  throw missingScope(scope);
}

function missingScope(scope: Scope): DomainError {
  return new DomainError('FORBIDDEN', `This needs the scope ${scope} in the organization.`, { missingScope: scope });
}

function missingPublisher(): DomainError {
  const message = 'This needs you to be a publisher of the entity.';
  return new DomainError('FORBIDDEN', message, { missingRole: 'publisher' });
}
