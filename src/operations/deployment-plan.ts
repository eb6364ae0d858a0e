import { z } from 'zod';
import { DEPLOYMENT_TRIGGERS, PHASES, type PhaseName } from '../domain/deployment.ts';
import type { Viewer } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import type { Manifest } from '../domain/manifest.ts';
import { planPhase, planSource, type PhasePlan, type PlanFacts } from '../domain/plan.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import {
  loadVisibleApp,
  loadVisibleDeployment,
  visibleApps,
  visibleDeployments,
  visibleVersions,
} from './authorize.ts';
import { chooseVersion } from './versions.ts';
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
  readonly phases: readonly (PhasePlan & { readonly name: PhaseName })[];
}

/**
 * What a deployment would do, before it is triggered: by the same rules that its worker goes by, and with what is known
 * now. With a source, what its retry, redeployment or rollback would do.
 */
export async function planDeployment(
  { prisma }: { prisma: PrismaClient },
  viewer: Viewer,
  input: z.input<typeof planInput>,
): Promise<DeploymentPlan> {
  const { productionAppId: appId, versionId: named, trigger, sourceId } = parseInput(planInput, input);
  const productionAppId = await loadVisibleApp(prisma, viewer, appId);
  const source = sourceId == null ? null : await loadSource(prisma, viewer, productionAppId, sourceId);
  const app = await prisma.productionApp.findUniqueOrThrow({
    where: { id: productionAppId, ...visibleApps(viewer) },
    include: { entity: { select: { name: true } } },
  });
  const versionId = source?.versionId ?? (await chooseVersion(prisma, viewer, app, named ?? null));
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
    phases: PHASES.map((name) => ({ name, ...planPhase(name, { ...facts, isMigrated }) })),
  };
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
