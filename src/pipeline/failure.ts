import type { Failure, PhaseName } from '../domain/deployment.ts';
import { PhaseFailure } from '../domain/errors.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import type { Claim } from '../store/deployments.ts';
import type { Mask } from '../targets/masking.ts';
import type { Log } from '../telemetry.ts';
import { CancelledError } from './stop.ts';

/** A failure without the log lines that show it. */
export type FailureFacts = Omit<Failure, 'firstSeq' | 'lastSeq'>;

/** What ended a deployment, in words for its readers. What is our own fault is logged here, once, and masked. */
export async function describeFailure(
  { prisma, log }: { prisma: PrismaClient; log: Log },
  claim: Claim,
  reason: unknown,
  phase: PhaseName | null,
): Promise<FailureFacts> {
  if (reason instanceof PhaseFailure) {
    const { code, message, exitCode, signal, retryable, hint } = reason;
    return { code, phase, message, exitCode, signal, retryable, hint };
  }
  const none = { phase, exitCode: null, signal: null };
  if (reason instanceof CancelledError) {
    const { cancelRequestedBy, cancelReason } = await prisma.deployment.findUniqueOrThrow({
      where: { id: claim.deploymentId },
      select: { cancelReason: true, cancelRequestedBy: { select: { name: true } } },
    });
    const message = `Cancelled by ${cancelRequestedBy?.name ?? 'somebody'}${cancelReason ? `: ${cancelReason}` : '.'}`;
    return { ...none, code: 'CANCELLED', message, retryable: true, hint: null };
  }
  log.error({ err: reason, deploymentId: claim.deploymentId, phase }, 'A phase failed for a reason of our own');
  if ((reason as NodeJS.ErrnoException).code === 'ENOSPC') {
    const hint = 'Free some space in the data folder, then retry.';
    return { ...none, code: 'NO_SPACE', message: 'The disk of the worker is full.', retryable: true, hint };
  }
  const where = phase === null ? 'before the first phase' : `in the phase ${phase}`;
  const message = `Windlass itself failed ${where}. The log of the worker says why, under ${claim.deploymentId}.`;
  return { ...none, code: 'INTERNAL', message, retryable: true, hint: null };
}

/** Its texts quote commands and errors, and are stored with the deployment, its phase and its events. */
export function maskFailure(facts: FailureFacts, mask: Mask): FailureFacts {
  return { ...facts, message: mask(facts.message), hint: facts.hint === null ? null : mask(facts.hint) };
}
