import { randomBytes } from 'node:crypto';
import type { Viewer } from '../domain/access.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { storeStreamTicket, type NewStreamTicket } from '../store/directory.ts';

const TICKET_TTL_MS = 60_000;

/**
 * A ticket that opens one stream in the viewer's name, once and soon. It may stand in a URL, where a token must not: for
 * `EventSource`, which sends no header. It is worth what the viewer's token is worth when it is used, and not for longer.
 */
export async function createStreamTicket(
  { prisma }: { readonly prisma: PrismaClient },
  viewer: Viewer,
): Promise<NewStreamTicket> {
  const ticket = `wlt_${randomBytes(24).toString('base64url')}`;
  const endsAt = Math.min(Date.now() + TICKET_TTL_MS, viewer.expiresAt?.getTime() ?? Infinity);
  const made = { ticket, expiresAt: new Date(endsAt) };
  await storeStreamTicket(prisma, viewer, made);
  return made;
}
