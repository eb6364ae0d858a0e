import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { SCOPES, type Scope, type Viewer, type ViewerMembership } from '../domain/access.ts';
import { createId } from '../domain/ids.ts';
import { Prisma, type PrismaClient } from '../generated/prisma/client.ts';
import type { Transaction } from './db.ts';

/** Only this is stored of a token, or of an upload's secret. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

const TOKEN = /^(wl_[A-Za-z0-9_-]{40})([A-Za-z0-9_-]{6})$/;

/** `wl_`, 30 random bytes, and a checksum of both: scanners for leaked secrets find it, and a typing error is seen. */
export function createTokenSecret(): string {
  const secret = `wl_${randomBytes(30).toString('base64url')}`;
  return secret + checksumOf(secret);
}

/** Whether a text has the form of a token and cannot be one. Tokens that an operator chose have no form. */
export function isMistyped(token: string): boolean {
  const [, secret, checksum] = TOKEN.exec(token) ?? [];
  return secret !== undefined && checksumOf(secret) !== checksum;
}

function checksumOf(secret: string): string {
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(secret));
  return checksum.toString('base64url');
}

/** Who holds a token, with the scopes as they are at this moment. Null for one that is unknown, expired or revoked. */
export async function findViewer(prisma: PrismaClient, token: string): Promise<Viewer | null> {
  return isMistyped(token) ? null : findViewerOfToken(prisma, Prisma.sql`t.token_hash = ${hashSecret(token)}`);
}

/** One round trip, for each request: Prisma's own includes would take four. */
async function findViewerOfToken(prisma: PrismaClient, token: Prisma.Sql): Promise<Viewer | null> {
  const rows = await prisma.$queryRaw<(ViewerRow & TokenRow)[]>`
    select t.id as "tokenId", t.user_id as "userId", t.expires_at as "expiresAt", t.scopes as "tokenScopes",
      t.app_ids as "appIds", m.organization_id as "organizationId", r.name as role, r.scopes
    from api_tokens t
      left join memberships m on m.user_id = t.user_id
      left join roles r on r.id = m.role_id
    where ${token} and t.revoked_at is null and (t.expires_at is null or t.expires_at > clock_timestamp())
    order by m.created_at, m.organization_id`;
  const [row] = rows;
  if (!row) return null;
  const { userId, tokenId, expiresAt, tokenScopes, appIds } = row;
  const isUnrestricted = tokenScopes === null && appIds === null;
  return { userId, tokenId, memberships: membershipsOf(rows, tokenScopes), appIds, isUnrestricted, expiresAt };
}

export interface IdentityLimits {
  /** What the identity allows at most. Null: what the role does. */
  readonly scopes: readonly Scope[] | null;
  readonly appIds: readonly string[] | null;
  readonly expiresAt: Date | null;
}

/** The member that somebody else vouches for. Null when there is no such user. */
export async function findViewerByIdentity(
  prisma: PrismaClient,
  id: string,
  { scopes, appIds, expiresAt }: IdentityLimits,
): Promise<Viewer | null> {
  const rows = await prisma.$queryRaw<ViewerRow[]>`
    select u.id as "userId", m.organization_id as "organizationId", r.name as role, r.scopes
    from users u
      left join memberships m on m.user_id = u.id
      left join roles r on r.id = m.role_id
    where u.id = ${id} order by m.created_at, m.organization_id`;
  const userId = rows[0]?.userId;
  if (userId === undefined) return null;
  return { userId, tokenId: null, memberships: membershipsOf(rows, scopes), appIds, isUnrestricted: false, expiresAt };
}

interface TokenRow {
  readonly tokenId: string;
  readonly expiresAt: Date | null;
  readonly tokenScopes: readonly string[] | null;
  readonly appIds: readonly string[] | null;
}

interface ViewerRow {
  readonly userId: string;
  readonly organizationId: string | null;
  readonly role: string | null;
  readonly scopes: readonly string[] | null;
}

/** What the roles allow, and the token or identity with them. */
function membershipsOf(rows: readonly ViewerRow[], limit: readonly string[] | null): ViewerMembership[] {
  return rows.flatMap(({ organizationId, role, scopes }) => {
    if (organizationId === null || role === null) return [];
    const allowed = SCOPES.filter((scope) => scopes!.includes(scope) && (limit === null || limit.includes(scope)));
    return [{ organizationId, role, scopes: allowed }];
  });
}

/** Those of some tokens that are neither expired nor revoked. */
export async function findValidTokens(prisma: PrismaClient, ids: readonly string[]): Promise<Set<string>> {
  const rows = await prisma.$queryRaw<{ id: string }[]>`
    select id from api_tokens
    where id = any(${[...ids]}::text[]) and revoked_at is null and (expires_at is null or expires_at > clock_timestamp())`;
  return new Set(rows.map(({ id }) => id));
}

/** For each of some users, the organizations that he belongs to, and each with every scope that he has there. */
export async function findScopesOfUsers(
  prisma: PrismaClient,
  userIds: readonly string[],
): Promise<Map<string, Set<string>>> {
  const rows = await prisma.$queryRaw<{ userId: string; organizationId: string; scopes: string[] }[]>`
    select m.user_id as "userId", m.organization_id as "organizationId", r.scopes
    from memberships m join roles r on r.id = m.role_id where m.user_id = any(${[...userIds]}::text[])`;
  const found = new Map<string, Set<string>>();
  for (const { userId, organizationId, scopes } of rows) {
    const known = found.get(userId) ?? new Set();
    found.set(userId, known);
    for (const entry of [organizationId, ...scopes.map((scope) => `${organizationId} ${scope}`)]) known.add(entry);
  }
  return found;
}

export interface NewStreamTicket {
  readonly ticket: string;
  readonly expiresAt: Date;
}

/** Stores a ticket of who is asking, and forgets those that nobody took in time. */
export async function storeStreamTicket(
  prisma: PrismaClient,
  viewer: Viewer,
  { ticket, expiresAt }: NewStreamTicket,
): Promise<void> {
  await prisma.streamTicket.deleteMany({ where: { expiresAt: { lt: new Date() } } });
  const owner = viewer.tokenId === null ? identityOf(viewer) : { tokenId: viewer.tokenId };
  await prisma.streamTicket.create({ data: { ticketHash: hashSecret(ticket), ...owner, expiresAt } });
}

/** The scopes are those of any role that he has: a role that gets more meanwhile does not give them to the ticket. */
function identityOf({ userId, memberships, appIds, expiresAt }: Viewer) {
  const scopes = SCOPES.filter((scope) => memberships.some((membership) => membership.scopes.includes(scope)));
  return {
    userId,
    scopes,
    appIds: appIds === null ? Prisma.DbNull : [...appIds],
    identityExpiresAt: expiresAt,
  };
}

/** Takes a ticket, which is gone then, and answers who it is of. Null for one that is unknown, used or too old. */
export async function takeStreamTicket(prisma: PrismaClient, ticket: string): Promise<Viewer | null> {
  const [taken] = await prisma.$queryRaw<TakenTicket[]>`
    delete from stream_tickets where ticket_hash = ${hashSecret(ticket)} and expires_at > clock_timestamp()
    returning token_id as "tokenId", user_id as "userId", scopes, app_ids as "appIds",
      identity_expires_at as "expiresAt"`;
  if (!taken) return null;
  const { tokenId, userId, ...limits } = taken;
  if (tokenId !== null) return findViewerOfToken(prisma, Prisma.sql`t.id = ${tokenId}`);
  return findViewerByIdentity(prisma, userId!, limits);
}

/** One of an API token, or of a user. */
interface TakenTicket extends IdentityLimits {
  readonly tokenId: string | null;
  readonly userId: string | null;
}

export interface NewApiToken {
  readonly userId: string;
  readonly name: string;
  readonly secret: string;
  readonly scopes: readonly string[] | null;
  readonly appIds: readonly string[] | null;
  readonly expiresAt: Date | null;
}

export async function insertApiToken(
  tx: Pick<Transaction, 'apiToken'>,
  { userId, name, secret, scopes, appIds, expiresAt }: NewApiToken,
): Promise<string> {
  const id = createId('ApiToken');
  const limits = {
    scopes: scopes === null ? Prisma.DbNull : [...scopes],
    appIds: appIds === null ? Prisma.DbNull : [...appIds],
  };
  await tx.apiToken.create({ data: { id, userId, name, tokenHash: hashSecret(secret), expiresAt, ...limits } });
  return id;
}

export interface NewMember {
  readonly organizationId: string;
  readonly name: string;
  readonly role: string;
  readonly scopes: readonly Scope[];
  readonly token: string;
}

/** Adds a user with a role and a token to an organization. */
export async function addMember(prisma: PrismaClient, member: NewMember): Promise<string> {
  const userId = createId('User');
  await prisma.$transaction(async (tx) => {
    const { organizationId, role: name } = member;
    const role = await tx.role.upsert({
      where: { organizationId_name: { organizationId, name } },
      create: { id: createId('Role'), organizationId, name, scopes: [...member.scopes] },
      update: {},
    });
    await tx.user.create({ data: { id: userId, name: member.name } });
    await tx.membership.create({ data: { organizationId, userId, roleId: role.id } });
    const about = { userId, name: 'first token', secret: member.token };
    await insertApiToken(tx, { ...about, scopes: null, appIds: null, expiresAt: null });
  });
  return userId;
}

export async function createOrganization(prisma: PrismaClient, slug: string, name: string): Promise<string> {
  const id = createId('Organization');
  await prisma.organization.create({ data: { id, slug, name } });
  return id;
}

/**
 * Makes the first organization with its owner and token, unless there is one. Answers the token when it made one:
 * nothing but the caller's screen will ever show it again. A given token is its giver's to know.
 */
export async function bootstrapOrganization(prisma: PrismaClient, givenToken: string | null): Promise<string | null> {
  const token = givenToken ?? createTokenSecret();
  const organizationId = createId('Organization');
  const userId = createId('User');
  const roleId = createId('Role');
  // One statement: of two processes that start at once, the second finds the organization of the first.
  const made = await prisma.$queryRaw<unknown[]>`
    with lock as materialized (select pg_advisory_xact_lock(72707370)),
    organization as (
      insert into organizations (id, slug, name)
      select ${organizationId}, 'main', 'Main' from lock where not exists (select from organizations)
      on conflict do nothing returning id
    ), owner as (
      insert into users (id, name) select ${userId}, 'Owner' from organization returning id
    ), owner_role as (
      insert into roles (id, organization_id, name, scopes)
      select ${roleId}, id, 'owner', ${[...SCOPES]}::text[] from organization returning id
    ), membership as (
      insert into memberships (organization_id, user_id, role_id)
      select organization.id, owner.id, owner_role.id from organization, owner, owner_role
    ), token as (
      insert into api_tokens (id, user_id, name, token_hash)
      select ${createId('ApiToken')}, id, 'bootstrap', ${hashSecret(token)} from owner
    )
    select id from organization`;
  return made.length > 0 && givenToken === null ? token : null;
}
