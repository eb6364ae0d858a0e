import { z } from 'zod';
import { DEPLOYMENT_TRIGGERS, PHASES, type DeploymentTrigger, type PhaseName } from '../domain/deployment.ts';
import type { Viewer } from '../domain/access.ts';
import { DomainError, notFound } from '../domain/errors.ts';
import type { Manifest } from '../domain/manifest.ts';
import { planPhase, planSource, type PhasePlan, type PlanFacts } from '../domain/plan.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { loadVisibleApp, loadVisibleDeployment, sightOf, visibleDeployments, visibleVersions } from './authorize.ts';
import type { Statements } from '../store/statements.ts';
import { findTriggerTarget } from '../store/trigger-targets.ts';
import { loadRollbackTarget } from './reruns.ts';
import { versionToShip } from './versions.ts';
import { parseInput } from './input.ts';

const planInput = z.object({
  productionAppId: z.string(),
  versionId: z.string().nullish(),
  trigger: z.enum(DEPLOYMENT_TRIGGERS),
  sourceId: z.string().nullish(),
});

export interface DeploymentPlan {
  readonly productionAppId: string;
  readonly versionId: string;
  /** The deployment that is tried again, shipped again or gone back to. */
  readonly sourceId: string | null;
  readonly phases: readonly (PhasePlan & { readonly name: PhaseName })[];
}

/**
 * What a deployment would do, before it is triggered: by the same rules that its worker goes by, and with what is known
 * now. With a source, what its retry, redeployment or rollback would do; a rollback without one goes back to what
 * `rollbackDeployment` would choose. Throws CONFLICT when there is nothing to go back to.
 */
export async function planDeployment(
  { prisma, statements }: { prisma: PrismaClient; statements: Statements },
  viewer: Viewer,
  input: z.input<typeof planInput>,
): Promise<DeploymentPlan> {
  const { productionAppId: appId, versionId: named, trigger, sourceId: chosen } = parseInput(planInput, input);
  const productionAppId = await loadVisibleApp(prisma, viewer, appId);
  const sourceId = chosen ?? (await defaultSource(prisma, productionAppId, trigger));
  const source = sourceId === null ? null : await loadSource(prisma, viewer, productionAppId, sourceId);
  const versionId = source?.versionId ?? (await findVersion(statements, viewer, productionAppId, named ?? null));
  const version = await prisma.version.findUniqueOrThrow({ where: { id: versionId, ...visibleVersions(viewer) } });
  const completed = source?.phases.filter(({ status }) => status === 'completed') ?? [];
  const facts: PlanFacts = {
    source: planSource(trigger, source && { number: source.number, completed: completed.map(({ name }) => name) }),
    // Written when the version was confirmed; older versions have none.
    manifest: version.manifest as unknown as Manifest | null,
    isMigrated: null,
  };
  const artifact = facts.source && artifactOf(completed);
  const isMigrated = artifact
    ? (await prisma.appliedMigration.count({ where: { productionAppId, artifactSha256: artifact } })) > 0
    : null;
  return {
    productionAppId,
    versionId,
    sourceId,
    phases: PHASES.map((name) => ({ name, ...planPhase(name, { ...facts, isMigrated }) })),
  };
}

async function defaultSource(
  prisma: PrismaClient,
  productionAppId: string,
  trigger: DeploymentTrigger,
): Promise<string | null> {
  if (trigger === 'manual') return null;
  if (trigger === 'rollback' || trigger === 'automatic') return loadRollbackTarget(prisma, productionAppId);
  throw new DomainError('BAD_USER_INPUT', `Name the deployment to ${trigger} as the source.`);
}

async function findVersion(statements: Statements, viewer: Viewer, productionAppId: string, named: string | null) {
  const target = await findTriggerTarget(statements, sightOf(viewer), productionAppId, named);
  if (!target) throw notFound('production app');
  return versionToShip(target, named);
}

async function loadSource(prisma: PrismaClient, viewer: Viewer, productionAppId: string, id: string) {
  const source = await prisma.deployment.findUniqueOrThrow({
    where: { id: await loadVisibleDeployment(prisma, viewer, id), ...visibleDeployments(viewer) },
    include: { phases: true },
  });
  if (source.productionAppId === productionAppId) return source;
  throw new DomainError('CONFLICT', 'The deployment belongs to another production app.');
}

function artifactOf(phases: readonly { name: PhaseName; outputs: unknown }[]): string | null {
  const { outputs } = phases.find(({ name }) => name === 'package') ?? {};
  return (outputs as { artifactSha256?: string } | undefined)?.artifactSha256 ?? null;
}
