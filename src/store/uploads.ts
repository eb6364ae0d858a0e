import type { PrismaClient } from '../generated/prisma/client.ts';

/** Forgets uploads that were never confirmed and whose URL stopped working before `before`. Answers how many. */
export async function forgetUploads(prisma: PrismaClient, before: Date): Promise<number> {
  const { count } = await prisma.upload.deleteMany({ where: { versionId: null, expiresAt: { lt: before } } });
  return count;
}

/** Of some keys of package files, those that no version and no upload names. */
export async function findUnnamedPackages(prisma: PrismaClient, keys: readonly string[]): Promise<string[]> {
  const versions = await prisma.version.findMany({
    where: { packageKey: { in: [...keys] } },
    select: { packageKey: true },
  });
  const uploads = await prisma.upload.findMany({
    where: { receivedKey: { in: [...keys] } },
    select: { receivedKey: true },
  });
  const named = new Set([...versions.map(({ packageKey }) => packageKey), ...uploads.map((row) => row.receivedKey)]);
  return keys.filter((key) => !named.has(key));
}
