import type { Viewer } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import type { Services } from '../graphql/context.ts';
import { findViewer, takeStreamTicket } from '../store/directory.ts';

const BEARER = /^Bearer ([\x21-\x7e]{1,10000})$/i;

export type Authentication = Pick<Services, 'prisma' | 'verifyIdentity'>;

/** What a request says about who sends it. */
export interface Credentials {
  /** The `Authorization` header, or the same text in the parameters of a WebSocket. */
  readonly authorization?: string | null;
  /** A stream ticket, which counts where there is no header. */
  readonly ticket?: string | null;
}

/**
 * Who sent a request. Null when it has no credentials: what is public stays so. Throws UNAUTHENTICATED for those that are
 * not valid, so that a typing error is never mistaken for "nothing there". A ticket is used up by this.
 */
export async function authenticate(
  { prisma, verifyIdentity }: Authentication,
  { authorization, ticket }: Credentials,
): Promise<Viewer | null> {
  // A client that was not given a token yet may send the scheme alone.
  if (authorization == null || /^(Bearer)?\s*$/i.test(authorization)) {
    return ticket == null ? null : authenticateTicket(prisma, ticket);
  }
  const token = BEARER.exec(authorization)?.[1];
  const viewer = token ? ((await verifyIdentity(token)) ?? (await findViewer(prisma, token))) : null;
  if (viewer) return viewer;
  throw new DomainError('UNAUTHENTICATED', 'The token is unknown, expired or revoked.');
}

async function authenticateTicket(prisma: Services['prisma'], ticket: string): Promise<Viewer> {
  const viewer = await takeStreamTicket(prisma, ticket);
  if (viewer) return viewer;
  throw new DomainError('UNAUTHENTICATED', 'The ticket is unknown, used or too old. Get a new one for each stream.');
}

/** The ticket in the URL of a request for an event stream. Anything else needs a header: a URL gets into logs. */
export function ticketOf(request: { method?: string; accept?: string | null; url: string }): string | null {
  if (request.method !== 'GET' || !/\btext\/event-stream\b/.test(request.accept ?? '')) return null;
  return new URL(request.url, 'http://localhost').searchParams.get('ticket');
}
