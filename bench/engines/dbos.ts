import { DBOS } from '@dbos-inc/dbos-sdk';
import pg from 'pg';
import { PHASES } from '../../src/domain/deployment.ts';
import type { Engine, EngineOptions } from './engine.ts';

const QUEUE = 'deploy';
/** It has no notification for this. The default is 1 s, which would be measured instead of what it does. */
const POLLING_MS = 10;

/**
 * A workflow of DBOS: through its queue, as ours goes to any worker; or started in the process that triggers it, which
 * spares it the queue.
 */
export async function openDbos(
  databaseUrl: string,
  { workers, onStart }: EngineOptions,
  { isQueued }: { isQueued: boolean },
): Promise<Engine> {
  const ship = DBOS.registerWorkflow(
    async () => {
      onStart(DBOS.workflowID!);
      for (const phase of PHASES) await DBOS.runStep(async () => {}, { name: phase });
    },
    { name: 'ship' },
  );
  DBOS.setConfig({ name: 'windlass-bench', systemDatabaseUrl: databaseUrl, logLevel: 'error' });
  await DBOS.launch();
  if (isQueued) await DBOS.registerQueue(QUEUE, { workerConcurrency: workers, minPollingIntervalMs: POLLING_MS });
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });

  return {
    async trigger() {
      const handle = await DBOS.startWorkflow(ship, isQueued ? { queueName: QUEUE } : {})();
      // Nothing else bounds how many run at a time.
      if (!isQueued) await handle.getResult();
      return handle.workflowID;
    },
    async countOpen() {
      const { rows } = await pool.query<{ open: number }>(
        "select count(*)::int as open from dbos.workflow_status where status in ('ENQUEUED', 'PENDING')",
      );
      return rows[0]!.open;
    },
    async close() {
      await DBOS.shutdown();
      await pool.end();
    },
  };
}
