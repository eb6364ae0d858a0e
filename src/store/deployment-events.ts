import type { DeploymentEvent, PrismaClient } from '../generated/prisma/client.ts';

/** Transitions after one seq and, if given, before another, in order; the last ones of them if `fromEnd`. */
export async function readDeploymentEvents(
  prisma: PrismaClient,
  deploymentId: string,
  range: { after?: number; before?: number; limit: number; fromEnd?: boolean },
): Promise<DeploymentEvent[]> {
  const events = await prisma.deploymentEvent.findMany({
    where: { deploymentId, seq: { gt: range.after, lt: range.before } },
    orderBy: { seq: range.fromEnd ? 'desc' : 'asc' },
    take: range.limit,
  });
  return range.fromEnd ? events.toReversed() : events;
}
