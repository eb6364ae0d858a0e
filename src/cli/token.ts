import { SCOPES } from '../domain/access.ts';
import type { Transaction } from '../store/db.ts';
import { recordAudit } from '../store/audit.ts';
import { createTokenSecret, insertApiToken } from '../store/directory.ts';
import { UsageError, withDatabase } from './operator.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;

export interface NewTokenOptions {
  readonly user?: string;
  readonly name: string;
  readonly days: number;
  readonly scopes?: readonly string[];
  readonly apps?: readonly string[];
}

/** Makes a token of a user and prints it alone on standard output: whoever has the database needs no other permission. */
export async function createToken({ user, name, days, scopes, apps }: NewTokenOptions): Promise<void> {
  const unknown = scopes?.find((scope) => !(SCOPES as readonly string[]).includes(scope));
  if (unknown !== undefined) throw new UsageError(`There is no scope ${unknown}. The scopes are ${SCOPES.join(', ')}.`);
  await withDatabase(async ({ prisma }) => {
    const secret = createTokenSecret();
    const expiresAt = new Date(Date.now() + days * DAY_MS);
    await prisma.$transaction(async (tx) => {
      const userId = user ?? (await findOwner(tx));
      if ((await tx.user.count({ where: { id: userId } })) === 0) throw new UsageError(`There is no user ${userId}.`);
      await assertAppsOf(tx, userId, apps ?? []);
      const about = { userId, name, secret, scopes: scopes ?? null, appIds: apps ?? null, expiresAt };
      await auditFor(tx, userId, 'createApiToken', await insertApiToken(tx, about));
      console.error(`A token of ${userId}, until ${expiresAt.toISOString()}:`);
    });
    console.log(secret);
  });
}

export async function listTokens({ json = false }: { json?: boolean }): Promise<void> {
  await withDatabase(async ({ prisma }) => {
    const select = { id: true, userId: true, name: true, createdAt: true, expiresAt: true, revokedAt: true };
    const tokens = await prisma.apiToken.findMany({ select, orderBy: { id: 'asc' } });
    if (json) return console.log(JSON.stringify(tokens, null, 2));
    for (const { id, userId, name, expiresAt, revokedAt } of tokens) {
      const until = expiresAt === null ? 'for ever' : `until ${expiresAt.toISOString()}`;
      console.log(`${id}  ${userId}  ${revokedAt === null ? until : 'revoked'}  ${name}`);
    }
  });
}

/** What is open with it ends within seconds. Again, it changes nothing. */
export async function revokeToken(id: string): Promise<void> {
  await withDatabase(async ({ prisma }) => {
    await prisma.$transaction(async (tx) => {
      const token = await tx.apiToken.findUnique({ where: { id } });
      if (!token) throw new UsageError(`There is no token ${id}. "windlass token list" lists them.`);
      if (token.revokedAt !== null) return;
      await tx.apiToken.update({ where: { id }, data: { revokedAt: new Date() } });
      await auditFor(tx, token.userId, 'revokeApiToken', id);
    });
    console.log(`${id} is revoked.`);
  });
}

/** Who may manage roles in the oldest organization, and has been there longest. */
async function findOwner(tx: Transaction): Promise<string> {
  const owner = await tx.membership.findFirst({
    where: { role: { scopes: { has: 'members:manage_roles' } } },
    orderBy: [{ organizationId: 'asc' }, { createdAt: 'asc' }],
  });
  if (owner) return owner.userId;
  throw new UsageError('Nobody may manage roles here. Name a user: --user usr_…');
}

/** A token for an app that is not there, or not its holder's, would allow nothing, and nobody would know why. */
async function assertAppsOf(tx: Transaction, userId: string, ids: readonly string[]): Promise<void> {
  const organization = { memberships: { some: { userId } } };
  const found = await tx.productionApp.findMany({ where: { id: { in: [...ids] }, deletedAt: null, organization } });
  const missing = ids.find((id) => !found.some((app) => app.id === id));
  if (missing !== undefined) throw new UsageError(`The user ${userId} has no production app ${missing}.`);
}

async function auditFor(tx: Transaction, userId: string, action: string, subjectId: string): Promise<void> {
  const memberships = await tx.membership.findMany({ where: { userId }, orderBy: { organizationId: 'asc' } });
  for (const { organizationId } of memberships) {
    await recordAudit(tx, null, { organizationId, action, subjectId, details: { userId, by: 'operator' } });
  }
}
