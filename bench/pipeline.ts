import { once } from 'node:events';
import { ENGINE_NAMES, type EngineName, type EngineSettings } from './engines/engine.ts';
import { createServerDatabase, startProcess, type BenchProcess } from './fixtures.ts';
import { printFigure, printRow, spreadOf } from './measure.ts';
import { startPlane, type BenchPlane, type PlaneOptions } from './plane.ts';
import { benchTakeOver } from './take-over.ts';

const WORKERS = 8;
const ROUNDS = 5;
const PIECES = 200;
const STARTS = 30;

const SHOWN: Record<EngineName, string> = {
  windlass: 'Windlass',
  'dbos-queued': 'DBOS, queued',
  'dbos-direct': 'DBOS, direct',
  bullmq: 'BullMQ',
};

/** What the pipeline itself costs, beside two others that store their steps; and how soon it takes over and cancels. */
export async function benchPipeline(servers: PlaneOptions): Promise<void> {
  console.log('Pipeline, on PostgreSQL and Redis');
  const plane = await startPlane(servers);
  try {
    await benchEngines(plane, servers);
    await benchTakeOver(plane);
  } finally {
    await plane.close();
  }
  console.log();
}

interface Figures {
  readonly rates: number[];
  readonly starts: number[];
}

/**
 * In turns, so that whatever else the machine does meets them all. Each has a process of its own, and the others stand
 * still meanwhile: what is idle looks for work all the same.
 */
async function benchEngines(plane: BenchPlane, { serverUrl, redisUrl }: PlaneOptions): Promise<void> {
  const servers = { redisUrl, redisPrefix: plane.redisPrefix, ids: plane.ids };
  const databases: Awaited<ReturnType<typeof createServerDatabase>>[] = [];
  const engines = new Map<EngineName, BenchProcess>();
  const figures = new Map<EngineName, Figures>();
  try {
    for (const name of ENGINE_NAMES) {
      const own = name.startsWith('dbos') ? await createServerDatabase(serverUrl) : null;
      if (own) databases.push(own);
      const settings = { ...servers, name, workers: WORKERS, databaseUrl: own?.url ?? plane.databaseUrl };
      engines.set(name, await startEngine(settings));
      figures.set(name, { rates: [], starts: [] });
    }
    for (let round = 0; round <= ROUNDS; round += 1) {
      for (const [name, engine] of engines) {
        const { latencies, rate } = await measure(engine);
        // In the first one, code is compiled and plans are made.
        if (round === 0) continue;
        figures.get(name)!.starts.push(...latencies);
        figures.get(name)!.rates.push(rate);
      }
    }
    printFigures(figures);
  } finally {
    for (const { child } of engines.values()) {
      child.kill('SIGCONT');
      child.disconnect();
      await once(child, 'exit');
    }
    for (const database of databases) await database.drop();
  }
}

async function startEngine(settings: EngineSettings): Promise<BenchProcess> {
  const engine = startProcess(['--import', 'tsx', 'bench/engines/main.ts', JSON.stringify(settings)]);
  await engine.printed(/^open$/m);
  engine.child.kill('SIGSTOP');
  return engine;
}

async function measure({ child }: BenchProcess): Promise<{ latencies: number[]; rate: number }> {
  child.kill('SIGCONT');
  child.send({ starts: STARTS, pieces: PIECES });
  const [measured] = (await once(child, 'message')) as [{ latencies: number[]; rate: number }];
  child.kill('SIGSTOP');
  return measured;
}

function printFigures(figures: ReadonlyMap<EngineName, Figures>): void {
  const rateOf = (name: EngineName) => spreadOf(figures.get(name)!.rates).p50;
  console.log(
    `  ${WORKERS} workers each, ${ROUNDS} × ${PIECES} deployments of eight steps that do nothing; the median`,
  );
  for (const [name, { starts }] of figures) {
    const isOurs = name === 'windlass';
    const ratio = isOurs ? '' : `ours: ${(rateOf('windlass') / rateOf(name)).toFixed(2)} ×`;
    const budget = name.startsWith('dbos') ? ', budget: ≥ 1 ×' : '';
    printFigure(`  ${SHOWN[name]}: per second`, rateOf(name).toFixed(1), ratio + budget);
    printRow(`  ${SHOWN[name]}: trigger → first step`, spreadOf(starts), isOurs ? 'budget: 15 / 50' : '');
  }
}
