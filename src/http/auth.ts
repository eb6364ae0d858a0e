import type { Viewer } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import type { Services } from '../graphql/context.ts';
import { findViewer, takeStreamTicket } from '../store/directory.ts';
import { bearerToken } from './caller.ts';
import type { RateLimits } from './rate-limit.ts';

/** What a request says about who sends it. */
export interface Credentials {
  /** The `Authorization` header, or the same text in the parameters of a WebSocket. */
  readonly authorization?: string | null;
  /** A stream ticket, which counts where there is no header. */
  readonly ticket?: string | null;
  /** Where it comes from. Wrong tokens are counted for it. */
  readonly address: string;
}

export interface AuthDeps extends Pick<Services, 'prisma' | 'verifyIdentity'> {
  readonly rateLimits: RateLimits;
}

/**
 * Who sent a request. Null when it has no credentials: what is public stays so. Throws UNAUTHENTICATED for those that are
 * not valid, so that a typing error is never mistaken for "nothing there". A ticket is used up by this.
 */
export async function authenticate(
  deps: AuthDeps,
  { authorization, ticket, address }: Credentials,
): Promise<Viewer | null> {
  const { prisma, rateLimits } = deps;
  // A client that was not given a token yet may send the scheme alone.
  if (authorization == null || /^(Bearer)?\s*$/i.test(authorization)) {
    return ticket == null ? null : authenticateTicket(deps, ticket, address);
  }
  const token = bearerToken(authorization);
  const viewer = token === null ? null : ((await identify(deps, token, address)) ?? (await findViewer(prisma, token)));
  if (token !== null && viewer) {
    rateLimits.noteToken(token);
    return viewer;
  }
  await rateLimits.noteGuess(address);
  throw new DomainError('UNAUTHENTICATED', 'The token is unknown, expired or revoked.');
}

/** A signed token that is not valid is a guess like any other. */
async function identify(
  { verifyIdentity, rateLimits }: AuthDeps,
  token: string,
  address: string,
): Promise<Viewer | null> {
  try {
    return await verifyIdentity(token);
  } catch (error) {
    if (error instanceof DomainError && error.code === 'UNAUTHENTICATED') await rateLimits.noteGuess(address);
    throw error;
  }
}

async function authenticateTicket({ prisma, rateLimits }: AuthDeps, ticket: string, address: string): Promise<Viewer> {
  const viewer = await takeStreamTicket(prisma, ticket);
  if (viewer) return viewer;
  await rateLimits.noteGuess(address);
  throw new DomainError('UNAUTHENTICATED', 'The ticket is unknown, used or too old. Get a new one for each stream.');
}

/** The ticket in the URL of a request for an event stream. Anything else needs a header: a URL gets into logs. */
export function ticketOf(request: { method?: string; accept?: string | null; url: string }): string | null {
  if (request.method !== 'GET' || !/\btext\/event-stream\b/.test(request.accept ?? '')) return null;
  return new URL(request.url, 'http://localhost').searchParams.get('ticket');
}
