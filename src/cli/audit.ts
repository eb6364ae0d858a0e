import { verifyAudit } from '../store/audit.ts';
import { withDatabase } from './operator.ts';

/**
 * Says whether the chains of audited events are as they were written; exit code 1 if one is not. It prints the end of
 * each: noted somewhere else, it tells the next time whether the end was cut off.
 */
export async function runAuditVerify({ json = false }: { json?: boolean }): Promise<void> {
  await withDatabase(async ({ prisma }) => {
    const { breaks, last } = await verifyAudit(prisma);
    if (breaks.length > 0) process.exitCode = 1;
    if (json) return console.log(JSON.stringify({ breaks, last }, null, 2));
    for (const { organizationId, seq, problem } of breaks) {
      const what = problem === 'changed' ? 'was changed after it was written' : 'does not follow the one before it';
      console.log(`${organizationId}: event ${seq} ${what}.`);
    }
    for (const { organizationId, seq, hash } of last)
      console.log(`${organizationId}: ${seq} events, the last is ${hash}.`);
    console.log(breaks.length === 0 ? 'Everything is as it was written.' : `${breaks.length} found.`);
  });
}
