import type { PrismaClient } from '../generated/prisma/client.ts';

export interface QueueState {
  readonly waiting: number;
  readonly inProgress: number;
  readonly oldestWaitingSince: Date | null;
}

/** Of all tenants together. */
export async function readQueueState(prisma: PrismaClient): Promise<QueueState> {
  const [state] = await prisma.$queryRaw<[QueueState]>`
    select count(*) filter (where status = 'pending')::int as waiting,
      count(*) filter (where status = 'in_progress')::int as "inProgress",
      min(created_at) filter (where status = 'pending') as "oldestWaitingSince"
    from deployments where status in ('pending', 'in_progress')`;
  return state;
}

/** The version of the database server, such as `16.4`, and how long it took to say so. */
export async function readDatabaseState(prisma: PrismaClient): Promise<{ version: string; latencyMs: number }> {
  const askedAt = performance.now();
  const [{ version }] = await prisma.$queryRaw<[{ version: string }]>`
    select current_setting('server_version') as version`;
  return { version: version.split(' ')[0]!, latencyMs: performance.now() - askedAt };
}
