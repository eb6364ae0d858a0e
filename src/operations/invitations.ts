import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { restrictedToken, SCOPES, type Scope, type Viewer } from '../domain/access.ts';
import { DomainError, notFound } from '../domain/errors.ts';
import { createId, kindOfId } from '../domain/ids.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { recordAudit } from '../store/audit.ts';
import type { Transaction } from '../store/db.ts';
import { createTokenSecret, hashSecret, insertApiToken } from '../store/directory.ts';
import { idempotencyKey, makeOnce, type Made } from './idempotency.ts';
import { parseInput } from './input.ts';
import { assertHolds, assertMayIn } from './organization.ts';
import { loadRoleFor, lockRole, OPEN_INVITATION } from './roles.ts';
import { expiryOf } from './tokens.ts';

interface InvitationDeps {
  readonly prisma: PrismaClient;
  /** Where callers reach the API. */
  readonly publicUrl: string;
}

const INVITATION_TTL_MS = 7 * 24 * 60 * 60 * 1_000;

const createInput = z.object({
  roleId: z.string(),
  email: z.email('must be an e-mail address').max(254).nullish(),
  idempotencyKey,
});

export interface MadeInvitation extends Made {
  /** Works once. Null when an earlier call made the invitation: nothing but a hash is kept. */
  readonly url: string | null;
}

/** Invites somebody to a role of an organization, by a link that works once, for a week. Windlass sends no mail. */
export async function createInvitation(
  { prisma, publicUrl }: InvitationDeps,
  viewer: Viewer,
  input: z.input<typeof createInput>,
): Promise<MadeInvitation> {
  const { idempotencyKey: key, ...body } = parseInput(createInput, input);
  const { id: roleId, organizationId } = await loadRoleFor(prisma, viewer, body.roleId, 'createInvitation');
  const secret = `wli_${randomBytes(24).toString('base64url')}`;
  const made = await prisma.$transaction((tx) =>
    makeOnce(tx, viewer, key, { operation: 'createInvitation', ...body }, async () => {
      const role = await lockRole(tx, roleId, organizationId);
      assertHolds(viewer, organizationId, role.scopes);
      const id = createId('Invitation');
      const expiresAt = new Date(Date.now() + INVITATION_TTL_MS);
      const about = { organizationId, roleId: role.id, email: body.email ?? null, createdById: viewer.userId };
      await tx.invitation.create({ data: { id, ...about, secretHash: hashSecret(secret), expiresAt } });
      const details = { role: role.name, email: about.email };
      await recordAudit(tx, viewer, { organizationId, action: 'createInvitation', subjectId: id, details });
      return id;
    }),
  );
  // Behind the #, it is sent to no server and written to no log.
  return { ...made, url: made.replayed ? null : `${publicUrl}/invitation#${secret}` };
}

const revokeInput = z.object({ invitationId: z.string() });

/** Again, it changes nothing. Throws CONFLICT for one that was accepted. */
export async function revokeInvitation(
  { prisma }: InvitationDeps,
  viewer: Viewer,
  input: z.input<typeof revokeInput>,
): Promise<string> {
  const { invitationId: id } = parseInput(revokeInput, input);
  const organizationIds = viewer.memberships.map(({ organizationId }) => organizationId);
  const invitation =
    kindOfId(id) === 'Invitation'
      ? await prisma.invitation.findFirst({ where: { id, organizationId: { in: organizationIds } } })
      : null;
  if (!invitation) throw notFound('invitation');
  const { organizationId } = invitation;
  assertMayIn(viewer, organizationId, 'revokeInvitation');
  await prisma.$transaction(async (tx) => {
    const where = { id, ...OPEN_INVITATION };
    const { count } = await tx.invitation.updateMany({ where, data: { revokedAt: new Date() } });
    if (count > 0) {
      const details = { email: invitation.email };
      return recordAudit(tx, viewer, { organizationId, action: 'revokeInvitation', subjectId: id, details });
    }
    const { acceptedAt } = await tx.invitation.findUniqueOrThrow({ where: { id, organizationId } });
    if (acceptedAt !== null) throw new DomainError('CONFLICT', 'The invitation was accepted already.');
  });
  return id;
}

const secretInput = z.string().max(200);

/** What the holder of a link is offered. */
export interface InvitationOffer {
  readonly organizationName: string;
  readonly roleName: string;
  readonly scopes: readonly Scope[];
  readonly invitedBy: string;
  readonly expiresAt: Date;
}

/** What a link would be accepted for at this moment, for whoever holds it. Null when it would be refused. */
export async function findInvitationOffer(
  { prisma }: Pick<InvitationDeps, 'prisma'>,
  input: string,
): Promise<InvitationOffer | null> {
  const secret = parseInput(secretInput, input);
  const offered = { ...OPEN_INVITATION, expiresAt: { gt: new Date() } };
  // The secret says of which organization it is.
  const [found] = await prisma.$queryRaw<{ id: string; organizationId: string }[]>`
    select id, organization_id as "organizationId" from invitations where secret_hash = ${hashSecret(secret)}`;
  if (!found) return null;
  const invitation = await prisma.invitation.findUnique({
    where: { ...found, ...offered },
    include: { organization: true, role: true, createdBy: true },
  });
  if (!invitation?.createdBy || !(await isStillOffered(prisma, invitation))) return null;
  const { organization, role, createdBy, expiresAt } = invitation;
  const scopes = SCOPES.filter((scope) => role.scopes.includes(scope));
  return { organizationName: organization.name, roleName: role.name, scopes, invitedBy: createdBy.name, expiresAt };
}

const acceptInput = z.object({
  secret: secretInput,
  name: z.string().trim().min(1, 'must not be empty').max(100, 'must be at most 100 characters').nullish(),
});

export interface Accepted {
  readonly organizationId: string;
  readonly userId: string;
  /** The first token of who was not known before. */
  readonly secret: string | null;
}

/**
 * Joins an organization with the secret of a link: as who is signed in, or as somebody new, who gets a token. Throws
 * NOT_FOUND for a link that is unknown, used, revoked or too old.
 */
export async function acceptInvitation(
  { prisma }: InvitationDeps,
  viewer: Viewer | null,
  input: z.input<typeof acceptInput>,
): Promise<Accepted> {
  const { secret, name } = parseInput(acceptInput, input);
  if (viewer && !viewer.isUnrestricted) {
    throw restrictedToken();
  }
  return prisma.$transaction(async (tx) => {
    const invitation = await takeInvitation(tx, secret);
    const newcomer = viewer ? null : await addUser(tx, name ?? null);
    const userId = newcomer?.userId ?? viewer!.userId;
    const { id, organizationId, roleId } = invitation;
    const member = { organizationId, userId };
    if (await tx.membership.count({ where: member })) {
      throw new DomainError('CONFLICT', 'You are a member of the organization already.');
    }
    await tx.membership.create({ data: { ...member, roleId } });
    await tx.invitation.update({ where: { id }, data: { acceptedById: userId } });
    const actor = { userId, tokenId: viewer?.tokenId ?? null };
    const details = { email: invitation.email };
    await recordAudit(tx, actor, { organizationId, action: 'acceptInvitation', subjectId: id, details });
    return { organizationId, userId, secret: newcomer?.secret ?? null };
  });
}

/** Two who use a link at once: one of them gets it. */
async function takeInvitation(tx: Transaction, secret: string) {
  const where = { secretHash: hashSecret(secret), ...OPEN_INVITATION, expiresAt: { gt: new Date() } };
  const [invitation] = await tx.invitation.updateManyAndReturn({ where, data: { acceptedAt: new Date() } });
  if (invitation) {
    const role = await lockRole(tx, invitation.roleId, invitation.organizationId);
    if (await isStillOffered(tx, { ...invitation, role })) return invitation;
  }
  throw new DomainError('NOT_FOUND', 'The invitation is unknown, used, revoked or too old. Ask for another one.');
}

interface Offered {
  readonly organizationId: string;
  readonly role: { readonly scopes: readonly string[] };
  readonly createdById: string | null;
}

/** An offer is worth what its maker may still do: who was removed does not come back by a link that he kept. */
async function isStillOffered(
  db: Pick<Transaction, 'membership'>,
  { organizationId, role, createdById }: Offered,
): Promise<boolean> {
  const membership = await db.membership.findFirst({
    where: { organizationId, userId: createdById ?? '' },
    include: { role: true },
  });
  const needed = ['members:invite' satisfies Scope, ...role.scopes];
  return membership !== null && needed.every((scope) => membership.role.scopes.includes(scope));
}

/** The address of the invitation is not made his: nobody has shown that it is. */
async function addUser(tx: Transaction, name: string | null) {
  if (name === null) throw new DomainError('BAD_USER_INPUT', 'Say your name, or sign in to join as who you are.');
  const userId = createId('User');
  await tx.user.create({ data: { id: userId, name } });
  const secret = createTokenSecret();
  const about = { userId, name: 'first token', secret, scopes: null, appIds: null, expiresAt: expiryOf(null) };
  await insertApiToken(tx, about);
  return { userId, secret };
}
