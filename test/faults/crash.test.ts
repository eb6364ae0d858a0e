import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { isTerminal, PHASES } from '../../src/domain/deployment.ts';
import { TriggerDocument } from '../../src/generated/gql/graphql.ts';
import { PHASE_MOMENTS } from '../../src/pipeline/shipment.ts';
import { startCluster } from '../kit/cluster.ts';
import { IS_SHORT, sampleOf } from '../kit/faults.ts';
import { startPoller } from '../kit/poller.ts';
import { POSTGRES_BINARIES, startPostgresServer } from '../kit/postgres-server.ts';
import type { WindlassProcess } from '../kit/process.ts';
import { appFiles, createApp, pushVersion } from '../kit/seed.ts';
import { until } from '../kit/until.ts';

const WORKERS = 4;
const ALL_CASES = PHASES.flatMap((phase) => PHASE_MOMENTS.map((moment) => `${phase} ${moment}`));
const CASES = IS_SHORT ? sampleOf(ALL_CASES, 8) : ALL_CASES;

/** Keeps some workers running: what kills itself is started again. */
function keepWorkers(start: () => Promise<WindlassProcess>, count: number) {
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal);
  const lanes = Array.from({ length: count }, async () => {
    while (!stopping.signal.aborted) {
      const worker = await start();
      const stop = () => worker.child.kill('SIGTERM');
      stopping.signal.addEventListener('abort', stop);
      if (stopping.signal.aborted) stop();
      await worker.exited();
    }
  });
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await Promise.all(lanes);
    },
  };
}

describe.runIf(POSTGRES_BINARIES)('a worker that is killed', () => {
  test(
    `before, during and after the effect of each phase, and before its commit, loses nothing: ${CASES.length} kills`,
    { timeout: 900_000 },
    async () => {
      await using server = await startPostgresServer();
      await using cluster = await startCluster(server.url);
      const { owner, database } = cluster;
      const { prisma } = database;
      const serving = await createApp(owner);
      await using workers = keepWorkers(() => cluster.startFaultyWorker(), WORKERS);
      void workers;
      const begin = async (app: typeof serving, version: string, reason: string | null) => {
        const files = appFiles(version, { build: 'echo built > built.txt', migrate: 'echo migrated' });
        const versionId = await pushVersion(owner, app.entityId, files);
        const input = { productionAppId: app.productionAppId, versionId, reason };
        return (await owner.client.request(TriggerDocument, { input })).triggerDeployment.deployment.id;
      };
      const untilEnd = (id: string) =>
        until(
          `deployment ${id} has ended`,
          async () => {
            const row = await prisma.deployment.findUniqueOrThrow({ where: { id }, include: { phases: true } });
            return isTerminal(row.status) ? row : null;
          },
          600_000,
        );
      expect((await untilEnd(await begin(serving, 'serving', null))).status).toBe('completed');
      await using poller = startPoller(cluster, serving.subdomain, { everyMs: 100 });

      const begun = [];
      for (const where of CASES) {
        const app = await createApp(owner);
        begun.push({ where, app, id: await begin(app, where, `kill ${where}`) });
      }

      for (const { where, app, id } of begun) {
        const { status, run, lostWorkers, phases, errorMessage } = await untilEnd(id);
        expect({ where, status, errorMessage }).toEqual({ where, status: 'completed', errorMessage: null });
        expect(lostWorkers).toBeGreaterThanOrEqual(1);
        const repeated = phases.filter(({ attempt }) => attempt > 1).map(({ name, attempt }) => `${name} ${attempt}`);
        // On a machine that is overloaded, a worker may be late with its signs of life, and be replaced as well.
        if (run === 2) expect(repeated).toEqual([`${where.split(' ')[0]} 2`]);
        expect((await cluster.visit(app.subdomain)).body).toBe(where);
      }
      await poller.stop();
      expect(poller.failures()).toEqual([]);
      expect(await cluster.diagnose()).toEqual([]);
    },
  );
});
