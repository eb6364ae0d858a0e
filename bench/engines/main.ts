import { openBullMq } from './bullmq.ts';
import { openDbos } from './dbos.ts';
import { measureRate, measureStarts, type Engine, type EngineName, type EngineSettings } from './engine.ts';
import { openWindlass } from './windlass.ts';

/** One engine in a process of its own. It measures what its parent asks for, and ends with the connection to it. */
const { name, workers, ...servers } = JSON.parse(process.argv[2]!) as EngineSettings;
const started = new Map<string, number>();
const options = { workers, onStart: (id: string) => void started.set(id, performance.now()) };

const OPEN: Record<EngineName, () => Promise<Engine>> = {
  windlass: () => openWindlass(servers, options),
  'dbos-queued': () => openDbos(servers.databaseUrl, options, { isQueued: true }),
  'dbos-direct': () => openDbos(servers.databaseUrl, options, { isQueued: false }),
  bullmq: () => openBullMq(servers, options),
};
const engine = await OPEN[name]();

process.on('message', ({ starts, pieces }: { starts: number; pieces: number }) => {
  void (async () => {
    const latencies = await measureStarts(engine, starts, started);
    process.send!({ latencies, rate: await measureRate(engine, pieces, workers) });
  })();
});
process.once('disconnect', () => void engine.close());
console.log('open');
