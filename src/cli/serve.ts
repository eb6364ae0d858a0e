import { setFlagsFromString } from 'node:v8';
import closeWithGrace from 'close-with-grace';
import { startApp, type App } from '../app.ts';
import type { Role } from '../domain/process.ts';
import { loadConfig } from '../config.ts';
import { createLog } from '../telemetry.ts';

const STOP_DEADLINE_MS = 20_000;

/**
 * By default V8 lets the heap of a busy process grow to four times what is alive in it before it looks for garbage. A
 * worker that stores a million lines took 390 MiB so, and takes 240 MiB with this, in the same time.
 */
const HEAP_GROWING_PERCENT = 30;

/** Runs the given roles until the process is told to stop. */
export async function serve(roles: readonly Role[]): Promise<void> {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
  const config = loadConfig();
  const log = createLog(config.logLevel);
  const app = await startApp(config, { roles, log });
  stopWithProcess(app);
  for (const line of announcement(app, config.databaseUrl === null)) console.log(line);
}

function announcement({ url, gatewayPort, metricsUrl, madeToken }: App, isEmbedded: boolean): string[] {
  return [
    `Windlass runs, on ${isEmbedded ? 'the embedded database' : 'PostgreSQL'}.`,
    ...(url ? [`  API      ${url}/graphql (GraphiQL in a browser), ${url}/api`] : []),
    ...(gatewayPort ? [`  Apps     at port ${gatewayPort}`] : []),
    ...(metricsUrl ? [`  Metrics  ${metricsUrl}`] : []),
    ...(madeToken ? ['', '  Owner token, shown this once:', `  ${madeToken}`] : []),
  ];
}

/** SIGTERM, SIGINT and unexpected errors stop the app in an orderly way; a second signal ends the process at once. */
export function stopWithProcess(app: App): void {
  closeWithGrace({ delay: STOP_DEADLINE_MS, logger: false }, async ({ err }) => {
    if (err) console.error(err);
    await app.stop();
  });
}
