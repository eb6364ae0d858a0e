import { createRemoteJWKSet, decodeJwt, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import type { IdentityIssuer, IdentityRule } from '../identity-issuers.ts';
import type { Viewer } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { findViewerByIdentity, type IdentityLimits } from '../store/directory.ts';

/** Somebody for whom another party vouches. */
export interface Identity {
  readonly claims: JWTPayload;
  /** Null: no rule names him, or the user that it names does not exist. */
  readonly viewer: Viewer | null;
}

/**
 * Tells who somebody is by a token that another party has signed. Null: the text is no such token of a known issuer. Throws
 * UNAUTHENTICATED for a token that is not valid, and UNAVAILABLE while that cannot be told.
 */
export type Identify = (token: string) => Promise<Identity | null>;

const KEYS_DEADLINE_MS = 5_000;
export const CLOCK_TOLERANCE_S = 30;
/** What jose says when the keys could not be had: no answer in time, one that is an error, or one that holds no keys. */
const AWAY: ReadonlySet<string> = new Set(['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC']);
/** Three parts, the first of which is an object in base64url. Longer ones are nobody's. */
const JWT = /^eyJ[\w-]{10,2000}\.[\w-]{2,6000}\.[\w-]{10,2000}$/;

/**
 * Issuer, audience, algorithm and lifetime are checked by what the operator has set, and never by what a token says of
 * itself: it is read before only to choose among the issuers.
 */
export function createIdentify(prisma: PrismaClient, issuers: readonly IdentityIssuer[]): Identify {
  const known = new Map(issuers.map((issuer) => [issuer.issuer, { issuer, keys: keysOf(issuer) }]));
  return async (token) => {
    const trusted = JWT.test(token) ? known.get(issuerOf(token) ?? '') : undefined;
    if (!trusted) return null;
    const claims = await verify(token, trusted.issuer, trusted.keys);
    const rule = trusted.issuer.rules.find(({ when }) => hasAll(claims, when));
    return { claims, viewer: rule ? await findViewerByIdentity(prisma, rule.userId, limitsOf(rule, claims)) : null };
  };
}

/** The same for callers of the API, who must be known. */
export function createIdentityVerifier(identify: Identify): (token: string) => Promise<Viewer | null> {
  return async (token) => {
    const identity = await identify(token);
    if (identity === null || identity.viewer) return identity?.viewer ?? null;
    throw new DomainError('UNAUTHENTICATED', 'The identity token is valid, and nobody here is known by it.');
  };
}

function keysOf({ jwksUrl }: IdentityIssuer): JWTVerifyGetKey {
  return createRemoteJWKSet(new URL(jwksUrl), { timeoutDuration: KEYS_DEADLINE_MS, cooldownDuration: 30_000 });
}

function issuerOf(token: string): string | null {
  try {
    return decodeJwt(token).iss ?? null;
  } catch {
    return null; // Not a token at all.
  }
}

async function verify(token: string, issuer: IdentityIssuer, keys: JWTVerifyGetKey): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer: issuer.issuer,
      audience: [issuer.audience, issuer.signIn?.clientId].filter((audience) => audience != null),
      algorithms: [...issuer.algorithms],
      requiredClaims: ['exp', 'sub', ...Object.keys(issuer.requiredClaims)],
      clockTolerance: CLOCK_TOLERANCE_S,
    });
    if (!hasAll(payload, issuer.requiredClaims))
      throw new DomainError('UNAUTHENTICATED', 'A required claim has another value.');
    return payload;
  } catch (cause) {
    if (cause instanceof DomainError) throw cause;
    const isAway = !(cause instanceof errors.JOSEError) || AWAY.has(cause.code);
    if (isAway) throw new DomainError('UNAVAILABLE', 'The keys of the issuer could not be fetched.', {}, { cause });
    throw new DomainError('UNAUTHENTICATED', 'The identity token is not valid here, or has expired.', {}, { cause });
  }
}

/** What is open ends when the token does: the tolerance is for a new request, whose sender's clock may be another. */
function limitsOf({ scopes, productionAppIds }: IdentityRule, { exp }: JWTPayload): IdentityLimits {
  return { scopes, appIds: productionAppIds, expiresAt: new Date(exp! * 1_000) };
}

function hasAll(claims: JWTPayload, wanted: Readonly<Record<string, string | boolean>>): boolean {
  return Object.entries(wanted).every(([name, value]) => [claims[name]].flat().some((claim) => fits(claim, value)));
}

/** A claim is as wanted when it is that text, or begins with it where it ends in `*`. Of a list, one has to be. */
function fits(claim: unknown, wanted: string | boolean): boolean {
  if (typeof wanted !== 'string' || !wanted.endsWith('*')) return claim === wanted;
  return typeof claim === 'string' && claim.startsWith(wanted.slice(0, -1));
}
