import { openBullMq } from './engines/bullmq.ts';
import { openDbos } from './engines/dbos.ts';
import type { Engine } from './engines/engine.ts';
import { openWindlass } from './engines/windlass.ts';
import { createServerDatabase } from './fixtures.ts';
import { printFigure, printRow, spreadOf } from './measure.ts';
import { startPlane, type PlaneOptions } from './plane.ts';
import { benchTakeOver } from './take-over.ts';

const WORKERS = 8;
const ROUNDS = 3;
const PIECES = 100;
const STARTS = 30;
const LOOK_EVERY_MS = 10;

/** What the pipeline itself costs, beside two others that store their steps; and how soon it takes over and cancels. */
export async function benchPipeline(servers: PlaneOptions): Promise<void> {
  console.log('Pipeline, on PostgreSQL and Redis');
  const plane = await startPlane(servers);
  try {
    await benchEngines({ ...servers, ...plane });
    await benchTakeOver(plane);
  } finally {
    await plane.close();
  }
  console.log();
}

/** In turns, so that whatever else the machine does meets them all. */
async function benchEngines(options: Parameters<typeof openWindlass>[0] & PlaneOptions): Promise<void> {
  const started = new Map<string, number>();
  const engineOptions = {
    workers: WORKERS,
    onStart: (id: string) => void started.set(id, performance.now()),
  };
  const ours = await openWindlass(options, engineOptions);
  const bullMq = await openBullMq(options, engineOptions);
  const server = await createServerDatabase(options.serverUrl);
  const dbos = await openDbos(server.url, engineOptions);
  const engines = [ours, dbos.queued, dbos.direct, bullMq];
  try {
    const figures = new Map(engines.map((engine) => [engine, { rates: [] as number[], starts: [] as number[] }]));
    for (const engine of engines) await measureRate(engine, WORKERS);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [engine, { rates, starts }] of figures) {
        starts.push(...(await measureStarts(engine, started)));
        rates.push(await measureRate(engine, PIECES));
      }
    }
    printFigures(ours, figures);
  } finally {
    for (const engine of engines) await engine.close();
    await server.drop();
  }
}

/** One at a time, with nothing else to do: from the call that triggers it to the code of its first step. */
async function measureStarts(engine: Engine, started: ReadonlyMap<string, number>): Promise<number[]> {
  const latencies: number[] = [];
  for (let index = 0; index < STARTS; index += 1) {
    const begun = performance.now();
    const id = await engine.trigger();
    await untilNoneIsOpen(engine);
    latencies.push(started.get(id)! - begun);
  }
  return latencies;
}

/** How many pieces a second come to their end, when they are triggered as fast as they are taken. */
async function measureRate(engine: Engine, count: number): Promise<number> {
  let left = count;
  const begun = performance.now();
  const triggerSome = async () => {
    while ((left -= 1) >= 0) await engine.trigger();
  };
  await Promise.all(Array.from({ length: WORKERS }, triggerSome));
  await untilNoneIsOpen(engine);
  return count / ((performance.now() - begun) / 1_000);
}

async function untilNoneIsOpen(engine: Engine): Promise<void> {
  while ((await engine.countOpen()) > 0) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
}

function printFigures(ours: Engine, figures: ReadonlyMap<Engine, { rates: number[]; starts: number[] }>): void {
  const rateOf = (engine: Engine) => spreadOf(figures.get(engine)!.rates).p50;
  console.log(
    `  ${WORKERS} workers each, ${ROUNDS} × ${PIECES} deployments of eight steps that do nothing; the median`,
  );
  for (const [engine, { starts }] of figures) {
    const ratio = engine === ours ? '' : `ours: ${(rateOf(ours) / rateOf(engine)).toFixed(2)} ×`;
    const budget = engine.name.startsWith('DBOS') ? ', budget: ≥ 1 ×' : '';
    printFigure(`  ${engine.name}: per second`, rateOf(engine).toFixed(1), ratio + budget);
    printRow(`  ${engine.name}: trigger → first step`, spreadOf(starts), engine === ours ? 'budget: 15 / 50' : '');
  }
}
