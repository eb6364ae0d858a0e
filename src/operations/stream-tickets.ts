import { randomBytes } from 'node:crypto';
import type { Viewer } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { storeStreamTicket } from '../store/directory.ts';

const TICKET_TTL_MS = 60_000;

export interface NewStreamTicket {
  readonly ticket: string;
  readonly expiresAt: Date;
}

/**
 * A ticket that opens one stream in the viewer's name, once and soon. It may stand in a URL, where a token must not: for
 * `EventSource`, which sends no header. It is worth what the viewer's token is worth when it is used.
 */
export async function createStreamTicket(
  { prisma }: { readonly prisma: PrismaClient },
  { tokenId }: Viewer,
): Promise<NewStreamTicket> {
  if (tokenId === null) {
    throw new DomainError('FORBIDDEN', 'Only an API token gives out tickets. Send your identity token in the header.');
  }
  const ticket = `wlt_${randomBytes(24).toString('base64url')}`;
  const expiresAt = new Date(Date.now() + TICKET_TTL_MS);
  await storeStreamTicket(prisma, { ticket, tokenId, expiresAt });
  return { ticket, expiresAt };
}
