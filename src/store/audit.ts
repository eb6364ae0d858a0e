import type { Viewer } from '../domain/access.ts';
import { createId } from '../domain/ids.ts';
import { Prisma, type PrismaClient } from '../generated/prisma/client.ts';
import { currentRequest } from '../telemetry.ts';
import type { Statements } from './statements.ts';

/** Something that a caller did, or was refused. */
export interface Audited {
  readonly organizationId: string;
  /** The name of the operation, such as `triggerDeployment`. */
  readonly action: string;
  /** What it was done to. */
  readonly subjectId?: string | null;
  /** What else is worth knowing. Never a secret, nor the value of a setting. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** The code of the refusal. Default: it was done. */
  readonly refusal?: string;
}

/**
 * Writes down what is done in a transaction: both are stored, or neither. It is the last statement before the commit,
 * since the next one of the organization waits for it: a trigger chains them. Without an actor, it was Windlass itself.
 */
export async function recordAudit(
  tx: Statements,
  actor: Pick<Viewer, 'userId' | 'tokenId'> | null,
  { organizationId, action, subjectId = null, details = {}, refusal }: Audited,
): Promise<void> {
  const request = currentRequest();
  const facts = refusal === undefined ? details : { ...details, code: refusal };
  await tx.$queryRaw`
    insert into audit_events
      (id, organization_id, action, outcome, actor_id, token_id, address, request_id, subject_id, details)
    values (${createId('AuditEvent')}, ${organizationId}, ${action}, ${refusal === undefined ? 'done' : 'refused'},
      ${actor?.userId ?? null}, ${actor?.tokenId ?? null}, ${request?.address ?? null}, ${request?.requestId ?? null}, ${subjectId},
      ${JSON.stringify(facts)}::jsonb)`;
}

/** What is of no single organization, such as a token: each that the actor belongs to hears of it. */
export async function recordAuditEverywhere(
  tx: Statements,
  actor: Viewer,
  audited: Omit<Audited, 'organizationId'>,
): Promise<void> {
  // In one order, since each waits for others of its organization.
  const organizationIds = actor.memberships.map(({ organizationId }) => organizationId).toSorted();
  for (const organizationId of organizationIds) await recordAudit(tx, actor, { ...audited, organizationId });
}

/** Where a chain of audited events is not as it was written. */
export interface AuditBreak {
  readonly organizationId: string;
  readonly seq: number;
  readonly problem: 'changed' | 'missing';
}

/** Looks through all chains. What was cut off at the end of one is not seen: compare `last` with what was noted before. */
export async function verifyAudit(prisma: PrismaClient): Promise<{ breaks: AuditBreak[]; last: AuditHead[] }> {
  const breaks = await prisma.$queryRaw<AuditBreak[]>`
    select organization_id as "organizationId", seq, case when hash <> expected then 'changed' else 'missing' end as problem
    from (
      select organization_id, seq, hash, previous_hash,
        encode(sha256(convert_to(audit_text(e), 'UTF8')), 'hex') as expected,
        lag(hash, 1, '') over chain as before, lag(seq, 1, 0) over chain as seq_before
      from audit_events e window chain as (partition by organization_id order by seq)
    ) checked
    where hash <> expected or previous_hash <> before or seq <> seq_before + 1
    order by 1, 2`;
  return { breaks, last: await findAuditHeads(prisma) };
}

/** The end of a chain. Whoever notes it somewhere else can tell later that nothing before it was changed. */
export interface AuditHead {
  readonly organizationId: string;
  readonly seq: number;
  readonly hash: string;
}

function findAuditHeads(prisma: PrismaClient): Promise<AuditHead[]> {
  return prisma.$queryRaw<AuditHead[]>(Prisma.sql`
    select distinct on (organization_id) organization_id as "organizationId", seq, hash
    from audit_events order by organization_id, seq desc`);
}
