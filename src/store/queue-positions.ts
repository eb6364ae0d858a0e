import type { PrismaClient } from '../generated/prisma/client.ts';

/** Of some deployments, the place of each pending one among the pending ones of its app: 1 is the next. */
export async function findQueuePositions(
  prisma: PrismaClient,
  ids: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await prisma.$queryRaw<{ id: string; position: number }[]>`
    select d.id, (
      select count(*)::int from deployments p
      where p.production_app_id = d.production_app_id and p.status = 'pending' and p.number <= d.number
    ) as position
    from deployments d where d.id = any(${[...ids]}::text[]) and d.status = 'pending'`;
  return new Map(rows.map(({ id, position }) => [id, position]));
}
