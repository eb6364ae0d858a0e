import type { DeploymentTrigger, PhaseName, PhaseStatus } from '../domain/deployment.ts';
import type { CancelState } from './cancellations.ts';
import { Prisma } from '../generated/prisma/client.ts';
import type { Claim } from './deployments.ts';
import type { Statements } from './statements.ts';

export interface StoredPhase {
  readonly name: PhaseName;
  readonly status: PhaseStatus;
  readonly attempt: number;
  readonly outputs: unknown;
}

/** All that a worker needs to know of a deployment before it begins. */
export interface StoredShipment {
  readonly cancel: CancelState;
  readonly lastSeq: number;
  readonly trigger: DeploymentTrigger;
  readonly app: { readonly id: string; readonly subdomain: string; readonly buildNetwork: boolean };
  readonly version: {
    readonly id: string;
    readonly version: string;
    readonly packageKey: string;
    readonly packageBytes: number;
    readonly packageSha256: string;
    readonly manifest: unknown;
  };
  readonly phases: readonly StoredPhase[];
  /** What it was made from. */
  readonly source: { readonly number: number; readonly phases: readonly StoredPhase[] } | null;
}

const phasesOf = (deploymentId: Prisma.Sql) => Prisma.sql`(
  select jsonb_agg(jsonb_build_object('name', name, 'status', status, 'attempt', attempt, 'outputs', outputs) order by name)
  from deployment_phases where deployment_id = ${deploymentId})`;

/** A shipment, as one object, of a row of `deployments` that is called `d`. */
export const SHIPMENT = Prisma.sql`(
  select jsonb_build_object(
    'lastSeq', d.last_seq,
    'trigger', d.trigger,
    'cancel', jsonb_build_object('requested', d.cancel_requested_at is not null, 'forced', d.cancel_forced),
    'app', jsonb_build_object('id', a.id, 'subdomain', a.subdomain, 'buildNetwork', a.build_network),
    'version', jsonb_build_object('id', v.id, 'version', v.version, 'packageKey', v.package_key,
      'packageBytes', v.package_bytes, 'packageSha256', v.package_sha256, 'manifest', v.manifest),
    'phases', ${phasesOf(Prisma.sql`d.id`)},
    'source', (
      select jsonb_build_object('number', s.number, 'phases', ${phasesOf(Prisma.sql`s.id`)})
      from deployments s where s.id = d.source_id))
  from production_apps a, versions v where a.id = d.production_app_id and v.id = d.version_id)`;

/** What a worker knows who takes over, as it is now. Null when the claim is lost. */
export async function readShipment(
  statements: Statements,
  { deploymentId, run }: Claim,
): Promise<StoredShipment | null> {
  const [read] = await statements.$queryRaw<{ shipment: StoredShipment }[]>`
    select ${SHIPMENT} as shipment from deployments d
    where d.id = ${deploymentId} and d.run = ${run} and d.status = 'in_progress'`;
  return read?.shipment ?? null;
}
