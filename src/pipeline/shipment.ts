import type { KeyRing } from '../domain/sealing.ts';
import { PHASES, type PhaseName } from '../domain/deployment.ts';
import type { EventBus } from '../events/bus.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import type { PackageStore } from '../packages/store.ts';
import { ClaimLostError, type Claim, type NewClaim } from '../store/deployments.ts';
import type { CancelState } from '../store/cancellations.ts';
import { measureOutput } from '../store/logs.ts';
import { readShipment } from '../store/shipments.ts';
import type { Statements } from '../store/statements.ts';
import type { Target } from '../targets/target.ts';
import type { Log } from '../telemetry.ts';
import { createAppEnvironment } from './app-environment.ts';
import { workspaceOf } from './fence.ts';
import type { Isolation } from './isolation.ts';
import { createLogWriter, type LogWriter } from './log-writer.ts';
import { createMasking, type Masking } from './masking.ts';
import type { MigrationRecord, Phase, PhaseContext, PhaseOutputs } from './phase.ts';
import { reusableOf } from './plan.ts';

export interface DeployDeps {
  readonly prisma: PrismaClient;
  readonly statements: Statements;
  readonly bus: EventBus;
  readonly packages: PackageStore;
  readonly keyRing: KeyRing;
  readonly target: Target;
  readonly isolation: Isolation;
  readonly log: Log;
  readonly workspacesFolder: string;
  readonly limits: PhaseContext['limits'];
  /** How much output of one deployment is stored. */
  readonly logBytesMax: number;
  readonly killGraceMs: number;
  readonly commandPath: string;
  /** Tests stop a worker here, or end it. */
  readonly checkpoint?: Checkpoint;
  /** What is done in each phase, instead of shipping: for measuring what is around the phases. */
  readonly phases?: Readonly<Record<PhaseName, Phase>>;
}

/** Where a worker is in a phase: its effect is made between `before` and `after`, and stored after `commit`. */
export const PHASE_MOMENTS = ['before', 'during', 'after', 'commit'] as const;
export type PhaseMoment = (typeof PHASE_MOMENTS)[number];
export type Checkpoint = (phase: PhaseName, moment: PhaseMoment, claim: NewClaim, signal: AbortSignal) => Promise<void>;

/** One deployment in one worker's hands: what is left to do, and how far it is. */
export interface Shipment {
  readonly claim: NewClaim;
  /** A request from before this worker came. */
  readonly cancel: CancelState;
  readonly writer: LogWriter;
  /** What the writer masks with; for every other text that is stored as well. */
  readonly masking: Masking;
  /** What every phase gets, beside what the ones before it made. */
  readonly context: Omit<PhaseContext, 'signal' | 'run' | 'outputs'>;
  /** The phases that are not completed, in order. */
  readonly open: readonly { readonly name: PhaseName; readonly attempt: number }[];
  outputs: PhaseOutputs;
  /** The phase at work; null before the first. */
  current: PhaseName | null;
  /** The first log line of the phase at work. */
  firstSeq: number;
}

/** Reads a claimed deployment, with what an earlier worker has completed of it. Null when the claim is lost. */
export async function findShipment(deps: DeployDeps, claim: NewClaim): Promise<Shipment | null> {
  const read = claim.shipment ?? (await readShipment(deps.statements, claim));
  if (read === null) return null;
  const { cancel, version, app, phases, lastSeq, trigger, source } = read;
  const masking = createMasking(() => deps.target.secrets(app));
  // Nothing prints what was not loaded: there is no need to ask for it in every phase.
  const environment = createAppEnvironment(deps, app.id, masking.add);
  const output = claim.takenOver ? await measureOutput(deps.prisma, claim.deploymentId) : undefined;
  const writer = createLogWriter({ ...deps, mask: masking.mask }, claim, { lastSeq, output });
  const byName = new Map(phases.map((phase) => [phase.name, phase]));
  const isCompleted = (name: PhaseName) => byName.get(name)?.status === 'completed';
  const stored = PHASES.filter(isCompleted).map((name) => byName.get(name)!.outputs as PhaseOutputs);
  const outputs: PhaseOutputs = Object.assign({}, ...stored);
  // An earlier run's folder is this one's now.
  const moved = outputs.workspace === undefined ? {} : { workspace: workspaceOf(deps.workspacesFolder, claim) };
  return {
    claim,
    cancel,
    writer,
    masking,
    context: {
      claim,
      app,
      version: {
        ...version,
        manifest: version.manifest as PhaseContext['version']['manifest'],
      },
      target: deps.target,
      packages: deps.packages,
      workspacesFolder: deps.workspacesFolder,
      limits: deps.limits,
      migrations: migrationRecord(deps.prisma, app.id, claim),
      environment,
      reusable: reusableOf(trigger, source),
      log: (message, options = {}) => writer.write({ message, ...options }),
    },
    open: PHASES.filter((name) => !isCompleted(name)).map((name) => {
      const { attempt, status } = byName.get(name)!;
      // Beginning it again is its next attempt.
      const isInterrupted = claim.takenOver && status === 'in_progress';
      return { name, attempt: isInterrupted ? attempt + 1 : attempt };
    }),
    outputs: { ...outputs, ...moved },
    current: null,
    firstSeq: lastSeq + 1,
  };
}

function migrationRecord(prisma: PrismaClient, productionAppId: string, claim: Claim): MigrationRecord {
  const { deploymentId, run } = claim;
  return {
    async has(artifactSha256) {
      return (await prisma.appliedMigration.count({ where: { productionAppId, artifactSha256 } })) > 0;
    },
    async add(artifactSha256) {
      const data = [{ productionAppId, artifactSha256, deploymentId }];
      await prisma.appliedMigration.createMany({ data, skipDuplicates: true });
    },
    async markIrreversible() {
      const where = { id: deploymentId, run, status: 'in_progress' } as const;
      const marked = await prisma.deployment.updateMany({ where, data: { isIrreversible: true } });
      if (marked.count === 0) throw new ClaimLostError(claim);
    },
  };
}
