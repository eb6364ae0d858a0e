import { DBOS } from '@dbos-inc/dbos-sdk';
import pg from 'pg';
import { PHASES } from '../../src/domain/deployment.ts';
import type { Engine, EngineOptions } from './engine.ts';

const QUEUE = 'deploy';
/** It has no notification for this. The default is 1 s, which would be measured instead of what it does. */
const POLLING_MS = 10;

/**
 * A workflow of DBOS, two ways: through its queue, as ours goes to any worker; and started in the process that triggers
 * it, which spares it the queue.
 */
export async function openDbos(
  databaseUrl: string,
  { workers, onStart }: EngineOptions,
): Promise<{ queued: Engine; direct: Engine }> {
  const ship = DBOS.registerWorkflow(
    async () => {
      onStart(DBOS.workflowID!);
      for (const phase of PHASES) await DBOS.runStep(async () => {}, { name: phase });
    },
    { name: 'ship' },
  );
  DBOS.setConfig({ name: 'windlass-bench', systemDatabaseUrl: databaseUrl, logLevel: 'error' });
  await DBOS.launch();
  await DBOS.registerQueue(QUEUE, { workerConcurrency: workers, minPollingIntervalMs: POLLING_MS });
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });

  async function countOpen(): Promise<number> {
    const { rows } = await pool.query<{ open: number }>(
      "select count(*)::int as open from dbos.workflow_status where status in ('ENQUEUED', 'PENDING')",
    );
    return rows[0]!.open;
  }

  return {
    queued: {
      name: 'DBOS, queued',
      trigger: async () => (await DBOS.startWorkflow(ship, { queueName: QUEUE })()).workflowID,
      countOpen,
      async close() {
        await DBOS.shutdown();
        await pool.end();
      },
    },
    direct: {
      name: 'DBOS, direct',
      async trigger() {
        const handle = await DBOS.startWorkflow(ship)();
        // Nothing else bounds how many run at a time.
        await handle.getResult();
        return handle.workflowID;
      },
      countOpen,
      close: async () => {},
    },
  };
}
