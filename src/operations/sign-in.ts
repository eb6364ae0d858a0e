import type { Viewer } from '../domain/access.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { recordAuditEverywhere } from '../store/audit.ts';

/** Writes down that somebody signed in on the page, and as whom his issuer knows him. */
export async function recordSignIn(
  { prisma }: { readonly prisma: PrismaClient },
  viewer: Viewer,
  details: { readonly issuer: string; readonly subject: string },
): Promise<void> {
  await prisma.$transaction((tx) =>
    recordAuditEverywhere(tx, viewer, { action: 'signIn', subjectId: viewer.userId, details }),
  );
}
