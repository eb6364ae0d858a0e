import { expect } from 'vitest';
import type { Failure } from '../../src/domain/deployment.ts';
import type { PrismaClient } from '../../src/generated/prisma/client.ts';
import { requestCancel } from '../../src/store/cancellations.ts';
import { completeDeployment, failDeployment } from '../../src/store/deployments.ts';
import { insertClaimed, insertLiveRelease, type Rows } from './rows.ts';

const FAILURE: Failure = {
  code: 'CANCELLED',
  phase: 'cache_invalidation',
  message: 'Cancelled.',
  exitCode: null,
  signal: null,
  retryable: true,
  hint: null,
  firstSeq: null,
  lastSeq: null,
};

/** Cancels deployments at the moment in which they complete, and expects one end of each. Answers which ends there were. */
export async function raceCancelAndCompletion(prisma: PrismaClient, rows: Rows, rounds: number): Promise<string[]> {
  const outcomes = new Set<string>();
  for (let round = 0; round < rounds; round += 1) {
    const claim = await insertClaimed(prisma, rows);
    const { deploymentId: id } = claim;
    await insertLiveRelease(prisma, rows, id);
    // A cancel takes two statements: the completion comes before, between or after them.
    const completeLater = async () => {
      for (let waits = round % 3; waits > 0; waits -= 1) await prisma.$queryRaw`select 1`;
      return completeDeployment(prisma, claim);
    };
    const request = { userId: rows.userId, reason: null, force: false };

    const [cancelled, completed] = await Promise.all([requestCancel(prisma, id, request), completeLater()]);
    // What its worker does once it is told.
    if (!completed) await failDeployment(prisma, claim, 'cancelled', FAILURE);

    const { status, cancelRequestedAt, events } = await prisma.deployment.findUniqueOrThrow({
      where: { id },
      include: { events: { where: { type: 'status' }, orderBy: { seq: 'asc' } } },
    });
    expect(status).toBe(cancelled ? 'cancelled' : 'completed');
    expect([cancelled === null, completed === null].toSorted()).toEqual([false, true]);
    expect(events.map((event) => event.status)).toEqual(['in_progress', status]);
    expect(cancelRequestedAt === null).toBe(status === 'completed');
    outcomes.add(status);
  }
  return [...outcomes];
}
