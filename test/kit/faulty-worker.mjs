import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { startApp } from '../../dist/app.js';
import { stopWithProcess } from '../../dist/cli/serve.js';
import { loadConfig } from '../../dist/config.js';
import { createLog } from '../../dist/telemetry.js';

/*
 * A worker that ends itself, or stands still, at a chosen moment of a chosen phase. The deployment's reason says where:
 * `kill build during`, `hold migrate before`. Only its first run does.
 */
const DURING_MS_MAX = 20;
const config = loadConfig();
const log = createLog(config.logLevel);
let prisma;

async function checkpoint(phase, moment, claim, signal) {
  if (claim.run > 1) return;
  const { reason } = await prisma.deployment.findUniqueOrThrow({ where: { id: claim.deploymentId } });
  const [action, ...where] = (reason ?? '').split(' ');
  if (where.join(' ') !== `${phase} ${moment}`) return;
  if (moment === 'during') await delay(Math.random() * DURING_MS_MAX);
  if (action === 'kill') process.kill(process.pid, 'SIGKILL');
  if (action !== 'hold') return;
  console.log(`Holds ${claim.deploymentId}.`);
  if (!signal.aborted) await once(signal, 'abort');
  throw signal.reason;
}

const app = await startApp(config, { roles: ['worker'], log, checkpoint: (...at) => checkpoint(...at) });
prisma = app.database.prisma;
stopWithProcess(app);
console.log('Windlass runs, with faults.');
