import type { Variable } from '../domain/environment.ts';
import type { KeyRing } from '../domain/sealing.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import type { Transaction } from './db.ts';

/** What a sealed value is bound to. */
export function ownerOf({ productionAppId, name }: { productionAppId: string; name: string }): string {
  return `variable/${productionAppId}/${name}`;
}

/** An app's variables in the order of their names, with their values. Throws SealError. */
export async function loadVariables(
  prisma: Pick<PrismaClient, 'environmentVariable'>,
  keyRing: KeyRing,
  productionAppId: string,
): Promise<Variable[]> {
  const rows = await prisma.environmentVariable.findMany({ where: { productionAppId }, orderBy: { name: 'asc' } });
  return rows.map((row) => ({
    name: row.name,
    value: keyRing.open(row.sealedValue, ownerOf(row)),
    isSecret: row.isSecret,
    phases: row.phases,
  }));
}

/** Sets variables and answers how many the app has then. To be called with the app's row locked. */
export async function setVariables(
  tx: Transaction,
  keyRing: KeyRing,
  productionAppId: string,
  { set, removed, userId }: { set: readonly Variable[]; removed: readonly string[]; userId: string },
): Promise<number> {
  await tx.environmentVariable.deleteMany({ where: { productionAppId, name: { in: [...removed] } } });
  const updatedAt = new Date();
  for (const { name, value, isSecret, phases } of set) {
    const sealedValue = keyRing.seal(value, ownerOf({ productionAppId, name }));
    const data = { isSecret, phases: [...phases], sealedValue, updatedAt, updatedById: userId };
    await tx.environmentVariable.upsert({
      where: { productionAppId_name: { productionAppId, name } },
      create: { productionAppId, name, ...data },
      update: data,
    });
  }
  return tx.environmentVariable.count({ where: { productionAppId } });
}

/**
 * Seals with the first key what an older one sealed: the variables, and the environments of releases. What changes in the
 * meantime is left as it is. Answers how many.
 */
export async function sealAnew(prisma: PrismaClient, keyRing: KeyRing): Promise<number> {
  const older = keyRing.marks.slice(1);
  if (older.length === 0) return 0;
  const variables = await prisma.$queryRaw<{ productionAppId: string; name: string; sealed: Uint8Array }[]>`
    select production_app_id as "productionAppId", name, sealed_value as sealed from environment_variables
    where substring(sealed_value from 1 for 9) = any(${older})`;
  let count = 0;
  for (const { sealed, ...key } of variables) {
    const anew = keyRing.seal(keyRing.open(sealed, ownerOf(key)), ownerOf(key));
    count += await prisma.$executeRaw`
      update environment_variables set sealed_value = ${anew}
      where production_app_id = ${key.productionAppId} and name = ${key.name} and sealed_value = ${sealed}`;
  }
  const releases = await prisma.$queryRaw<{ deploymentId: string; sealed: Uint8Array }[]>`
    select deployment_id as "deploymentId", sealed_environment as sealed from releases
    where substring(sealed_environment from 1 for 9) = any(${older})`;
  for (const { deploymentId, sealed } of releases) {
    const anew = keyRing.seal(keyRing.open(sealed, deploymentId), deploymentId);
    count += await prisma.$executeRaw`
      update releases set sealed_environment = ${anew}
      where deployment_id = ${deploymentId} and sealed_environment = ${sealed}`;
  }
  return count;
}

/** How many values were sealed with a key that is not here. */
export async function countUnreadable(prisma: PrismaClient, { marks }: KeyRing): Promise<number> {
  return (await countSealed(prisma)) - (await countSealed(prisma, marks));
}

/** How many values an older key sealed. */
export function countOlder(prisma: PrismaClient, { marks }: KeyRing): Promise<number> {
  return countSealed(prisma, marks.slice(1));
}

/** Of what is sealed, how much begins with one of the marks. Without marks: all of it. */
async function countSealed(prisma: PrismaClient, marks: readonly Uint8Array[] | null = null): Promise<number> {
  const [counted] = await prisma.$queryRaw<{ count: number }[]>`
    select count(*)::int as count from (
      select sealed_value as sealed from environment_variables
      union all select sealed_environment from releases where length(sealed_environment) > 0
    ) all_sealed
    where ${marks === null} or substring(sealed from 1 for 9) = any(${marks ?? []})`;
  return counted!.count;
}
