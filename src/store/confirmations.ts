import type { DeploymentStatus, PhaseName } from '../domain/deployment.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import type { Claim, StateChange } from './deployments.ts';

/*
 * What became of a write whose answer was lost with the connection. Nobody else writes under the same run, so that what
 * is found was written by whoever asks.
 */

/** Answers if this run has completed a phase. */
export async function findCompletedPhase(
  prisma: PrismaClient,
  { deploymentId, run }: Claim,
  name: PhaseName,
): Promise<StateChange | null> {
  const phases = { some: { name, status: 'completed' } } as const;
  const row = await prisma.deployment.findFirst({ where: { id: deploymentId, run, status: 'in_progress', phases } });
  return row && { deploymentId, stateVersion: row.stateVersion };
}

/** Answers if this run has ended its deployment so. */
export async function findEnd(
  prisma: PrismaClient,
  { deploymentId, run }: Claim,
  status: DeploymentStatus,
): Promise<StateChange | null> {
  const row = await prisma.deployment.findFirst({ where: { id: deploymentId, run, status } });
  return row && { deploymentId, stateVersion: row.stateVersion };
}

/** Answers the number of the last line if this run has stored lines up to there. */
export async function findStoredLines(
  prisma: PrismaClient,
  { deploymentId, run }: Claim,
  lastSeq: number,
): Promise<number | null> {
  const row = await prisma.deployment.findFirst({ where: { id: deploymentId, run, status: 'in_progress', lastSeq } });
  return row && row.lastSeq;
}
