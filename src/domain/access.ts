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

/** How long a token lasts of which nothing is said, and at most. */
export const TOKEN_DAYS = 90;
export const TOKEN_DAYS_MAX = 366;

export interface ViewerMembership {
  readonly organizationId: string;
  readonly role: string;
  /** What the role allows now, and the token with it. */
  readonly scopes: readonly Scope[];
}

/** Who is asking, read afresh for every request and every operation on a socket. */
export interface Viewer {
  readonly userId: string;
  /** Null of who brings an identity token of somebody else's. */
  readonly tokenId: string | null;
  readonly memberships: readonly ViewerMembership[];
  /** The production apps that the token is for; the others do not exist for it. Null: all. */
  readonly appIds: readonly string[] | null;
  /** Whether the token allows everything that its holder's roles do, now and later. */
  readonly isUnrestricted: boolean;
  /** When what was sent stops to be valid; null: never. */
  readonly expiresAt: Date | null;
}

/**
 * What an operation asks of its caller.
 *
 * - `anyone`: nothing, not even to sign in.
 * - `viewer`: to be signed in. It is about the caller alone.
 * - `member`: to be signed in. What is not of the caller's organizations does not exist.
 * - A scope, in the organization that the operation is about; `of: 'entity'` also to be a publisher of the entity.
 *   With `wholeEntity`, it is about all apps of the entity, and not for a token that is for some.
 */
export type Rule =
  | 'anyone'
  | 'viewer'
  | 'member'
  | { readonly scope: Scope; readonly of: 'organization' | 'entity'; readonly wholeEntity?: true };

const publishes = { scope: 'entities:publish', of: 'entity' } as const;
const shares = { scope: 'entities:share', of: 'entity', wholeEntity: true } as const;
const deploys = { scope: 'entities:deploy', of: 'entity' } as const;
const managesRoles = { scope: 'members:manage_roles', of: 'organization' } as const;

/**
 * Who may call each query, mutation and subscription. The schema cannot be built with one that is not here, and
 * docs/security.md shows it as a table.
 */
export const RULES = {
  viewer: 'viewer',
  node: 'member',
  nodes: 'member',
  organization: 'member',
  entity: 'member',
  productionApp: 'member',
  productionApps: 'member',
  productionAppsPage: 'member',
  subdomainAvailability: 'member',
  deployment: 'member',
  deployments: 'member',
  deploymentsPage: 'member',
  deploymentPlan: 'member',
  system: 'member',
  invitationOffer: 'anyone',
  auditEvents: { scope: 'org:settings', of: 'organization' },

  createApiToken: 'viewer',
  revokeApiToken: 'viewer',
  createStreamTicket: 'viewer',
  createRole: managesRoles,
  updateRole: managesRoles,
  deleteRole: managesRoles,
  changeMemberRole: managesRoles,
  removeMember: { scope: 'members:remove', of: 'organization' },
  leaveOrganization: 'viewer',
  createInvitation: { scope: 'members:invite', of: 'organization' },
  revokeInvitation: { scope: 'members:invite', of: 'organization' },
  acceptInvitation: 'anyone',
  addPublisher: shares,
  removePublisher: shares,
  createEntity: { scope: 'entities:publish', of: 'organization' },
  requestVersionUpload: publishes,
  confirmVersionUpload: publishes,
  createVersionFromUrl: publishes,
  activateVersion: { ...publishes, wholeEntity: true },
  createProductionApp: deploys,
  updateProductionApp: deploys,
  deleteProductionApp: deploys,
  triggerDeployment: deploys,
  cancelDeployment: deploys,
  retryDeployment: deploys,
  redeployDeployment: deploys,
  rollbackDeployment: deploys,

  deploymentLogs: 'member',
  deploymentUpdated: 'member',
  deploymentEvents: 'member',
  deploymentsChanged: 'member',
  runtimeLogs: 'member',
} as const satisfies Record<string, Rule>;

export type Operation = keyof typeof RULES;
/** The operations that ask for a scope. */
export type ScopedOperation = {
  [O in Operation]: (typeof RULES)[O] extends { scope: Scope } ? O : never;
}[Operation];

export function isMember(viewer: Viewer, organizationId: string): boolean {
  return viewer.memberships.some((membership) => membership.organizationId === organizationId);
}

/** What an operation is about, as far as it decides who may. */
export interface Subject {
  readonly organizationId: string;
  /** The publishers of the entity, where the operation is about one. */
  readonly publisherIds?: readonly string[];
}

/**
 * Why a viewer may not call an operation on something; null when he may. Whether he may know of it was decided before.
 */
export function whyForbidden(viewer: Viewer, operation: ScopedOperation, subject: Subject): DomainError | null {
  const rule: Exclude<Rule, string> = RULES[operation];
  const membership = viewer.memberships.find(({ organizationId }) => organizationId === subject.organizationId);
  if (!membership?.scopes.includes(rule.scope)) return missingScope(rule.scope, subject.organizationId);
  const isForApps = rule.of === 'entity' && rule.wholeEntity !== true;
  if (viewer.appIds !== null && !isForApps) return restrictedToApps(subject.organizationId);
  if (rule.of === 'organization') return null;
  return subject.publisherIds?.includes(viewer.userId) ? null : missingPublisher(subject.organizationId);
}

/** Throws FORBIDDEN, naming what is missing. */
export function assertMay(viewer: Viewer, operation: ScopedOperation, subject: Subject): void {
  const refusal = whyForbidden(viewer, operation, subject);
  if (refusal) throw refusal;
}

function missingScope(scope: Scope, organizationId: string): DomainError {
  const details = { missingScope: scope, organizationId };
  return new DomainError('FORBIDDEN', `This needs the scope ${scope} in the organization.`, details);
}

function missingPublisher(organizationId: string): DomainError {
  const message = 'This needs you to be a publisher of the entity.';
  return new DomainError('FORBIDDEN', message, { missingRole: 'publisher', organizationId });
}

/** What is about a user himself is not for a token that allows less than he may. */
export function restrictedToken(organizationId?: string): DomainError {
  const message = 'This token is restricted. Use one that allows all that you may.';
  return new DomainError('FORBIDDEN', message, organizationId === undefined ? {} : { organizationId });
}

/** A token for some apps may do nothing that is not about one of them. */
export function restrictedToApps(organizationId: string): DomainError {
  const message = 'This token is for some production apps only. Use one without that restriction.';
  return new DomainError('FORBIDDEN', message, { organizationId });
}
