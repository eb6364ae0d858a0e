import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { benchControl } from './control.ts';
import { benchPage } from './page.ts';
import { benchPipeline } from './pipeline.ts';
import { benchRefusals } from './refusals.ts';
import { benchStreams } from './streams.ts';

/**
 * Prints measured figures against the budgets of docs/performance.md: of the parts that are named (`control`, `refusals`,
 * `streams`, `pipeline`, `page`), or of all. `--database-url` adds a PostgreSQL server, on which databases are made and
 * dropped; `streams` and `pipeline` need it and a Redis server. `--rows` is how many deployments the lists have,
 * `--lines` how many lines the log on the page has.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'database-url': { type: 'string' },
    'redis-url': { type: 'string', default: 'redis://127.0.0.1:6379' },
    rows: { type: 'string', default: '100000' },
    subscribers: { type: 'string', default: '10000' },
    lines: { type: 'string', default: '200000' },
    browser: { type: 'string', default: '/usr/bin/chromium' },
  },
});
const isWanted = (part: string) => positionals.length === 0 || positionals.includes(part);
const serverUrl = values['database-url'] ?? null;

const memory = Math.round(totalmem() / 2 ** 30);
console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${memory} GiB\n`);
if (isWanted('control')) {
  await benchControl({ serverUrl: null, rows: Number(values.rows) });
  if (serverUrl) await benchControl({ serverUrl, rows: Number(values.rows) });
}
if (isWanted('refusals')) {
  await benchRefusals({ serverUrl: null });
  if (serverUrl) await benchRefusals({ serverUrl });
}
if (isWanted('streams') || isWanted('pipeline')) {
  if (serverUrl) {
    const servers = { serverUrl, redisUrl: values['redis-url'] };
    if (isWanted('streams')) await benchStreams({ ...servers, subscribers: Number(values.subscribers) });
    if (isWanted('pipeline')) await benchPipeline(servers);
  } else console.log('Streams and the pipeline need a PostgreSQL server: give --database-url.');
}
if (isWanted('page')) await benchPage({ lines: Number(values.lines), browser: values.browser });
