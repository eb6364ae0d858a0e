import { z } from 'zod';
import { restrictedToken, SCOPES, TOKEN_DAYS, TOKEN_DAYS_MAX, type Viewer } from '../domain/access.ts';
import { DomainError, notFound } from '../domain/errors.ts';
import { kindOfId } from '../domain/ids.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { recordAuditEverywhere } from '../store/audit.ts';
import { createTokenSecret, insertApiToken } from '../store/directory.ts';
import { visibleApps } from './authorize.ts';
import { idempotencyKey, makeOnce, type Made } from './idempotency.ts';
import { parseInput } from './input.ts';

interface TokenDeps {
  readonly prisma: PrismaClient;
}

const DAY_MS = 24 * 60 * 60 * 1_000;
const tokenName = z.string().trim().min(1, 'must not be empty').max(100, 'must be at most 100 characters');

const createInput = z.object({
  name: tokenName,
  scopes: z.array(z.enum(SCOPES)).nullish(),
  productionAppIds: z.array(z.string()).min(1, 'must name an app').max(100, 'must be at most 100 apps').nullish(),
  expiresAt: z.date().nullish(),
  idempotencyKey,
});

export interface MadeToken extends Made {
  /** Only now: nothing but its hash is kept. Null when an earlier call made it. */
  readonly secret: string | null;
}

/**
 * Makes a token of the viewer. It never allows more than the viewer's roles do when it is used. A token that is restricted
 * itself makes none: what leaked would live on in another.
 */
export async function createApiToken(
  { prisma }: TokenDeps,
  viewer: Viewer,
  input: z.input<typeof createInput>,
): Promise<MadeToken> {
  const { idempotencyKey: key, ...body } = parseInput(createInput, input);
  if (!viewer.isUnrestricted) {
    throw restrictedToken();
  }
  const expiresAt = expiryOf(body.expiresAt ?? null);
  const appIds = body.productionAppIds ?? null;
  for (const id of appIds ?? []) {
    const isVisible =
      kindOfId(id) === 'ProductionApp' && (await prisma.productionApp.count({ where: { id, ...visibleApps(viewer) } }));
    if (!isVisible) throw notFound('production app');
  }
  const secret = createTokenSecret();
  const made = await prisma.$transaction((tx) =>
    makeOnce(tx, viewer, key, { operation: 'createApiToken', ...body }, async () => {
      const { name, scopes = null } = body;
      const id = await insertApiToken(tx, { userId: viewer.userId, name, secret, scopes, appIds, expiresAt });
      const details = { name, scopes, appIds, expiresAt };
      await recordAuditEverywhere(tx, viewer, { action: 'createApiToken', subjectId: id, details });
      return id;
    }),
  );
  return { ...made, secret: made.replayed ? null : secret };
}

/** When a token expires of which nothing is said. Throws BAD_USER_INPUT for a moment that is past or too far off. */
export function expiryOf(wanted: Date | null): Date {
  const expiresAt = wanted ?? new Date(Date.now() + TOKEN_DAYS * DAY_MS);
  const inMs = expiresAt.getTime() - Date.now();
  if (inMs > 0 && inMs <= TOKEN_DAYS_MAX * DAY_MS) return expiresAt;
  throw new DomainError(
    'BAD_USER_INPUT',
    `expiresAt must be in the future, and at most ${TOKEN_DAYS_MAX} days from now.`,
  );
}

const revokeInput = z.object({ tokenId: z.string() });

/** Ends one of the viewer's tokens, and what is open with it. Again, it changes nothing. */
export async function revokeApiToken(
  { prisma }: TokenDeps,
  viewer: Viewer,
  input: z.input<typeof revokeInput>,
): Promise<string> {
  const { tokenId: id } = parseInput(revokeInput, input);
  // It may end itself: whoever found it cannot do less harm.
  if (!viewer.isUnrestricted && id !== viewer.tokenId) throw restrictedToken();
  const mine = { id, userId: viewer.userId };
  await prisma.$transaction(async (tx) => {
    const [revoked] = await tx.apiToken.updateManyAndReturn({
      where: { ...mine, revokedAt: null },
      data: { revokedAt: new Date() },
    });
    if (revoked) {
      const details = { name: revoked.name };
      return recordAuditEverywhere(tx, viewer, { action: 'revokeApiToken', subjectId: id, details });
    }
    if ((await tx.apiToken.count({ where: mine })) === 0) throw notFound('token');
  });
  return id;
}
