import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type CDPSession, type Page } from 'playwright-core';
import { startApp } from '../src/app.ts';
import { createApiClient } from '../src/client/api.ts';
import { loadConfig } from '../src/config.ts';
import { Secret } from '../src/secret.ts';
import { PHASES, type Failure, type PhaseName } from '../src/domain/deployment.ts';
import type { Database } from '../src/store/db.ts';
import {
  claimNextDeployment,
  completePhase,
  failDeployment,
  insertDeployment,
  type Claim,
} from '../src/store/deployments.ts';
import { appendLogLines, type NewLogLine } from '../src/store/logs.ts';
import { createLog } from '../src/telemetry.ts';
import { seed, startProcess, type Ids } from './fixtures.ts';
import { printFigure, spreadOf } from './measure.ts';

const BATCH_LINES = 2_000;
const LOADS = 9;
const JUMPS = 60;
/** As slowly as somebody who looks at where he has come to. */
const LOOK_MS = 250;

/** What a deployment with a long log costs in a browser: its way there, and its memory of it. */
export async function benchPage({ lines, browser: path }: { lines: number; browser: string }): Promise<void> {
  if (!existsSync(path)) return console.log(`The page needs Chromium: there is none at ${path}. Give --browser.`);
  const folder = mkdtempSync(join(tmpdir(), 'windlass-bench-'));
  const token = `wl_${randomUUID()}`;
  const browser = await chromium.launch({ executablePath: path });
  try {
    const id = await seedFolder(folder, token, lines);
    // The built server, with the limits that every user has.
    const server = startProcess(['dist/main.js', 'serve'], {
      WINDLASS_DATA_DIR: folder,
      WINDLASS_PORT: '0',
      WINDLASS_GATEWAY_PORT: '0',
      WINDLASS_LOG_LEVEL: 'warn',
      WINDLASS_RATE_LIMIT: '600',
    });
    try {
      const [, url] = await server.printed(/API\s+(http:\S+)\/graphql/);
      console.log(`A deployment with ${lines.toLocaleString('en')} lines, in Chromium ${browser.version()}`);
      const page = await browser.newPage({ viewport: { width: 1_440, height: 900 } });
      await signIn(page, url!, token);
      await benchLoad(page, `${url}/deployments/${id}`, lines);
      await benchJumps(page, lines);
    } finally {
      await server.stop();
    }
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
  console.log();
}

/** Writes the deployment in this process: the database in a folder belongs to one. */
async function seedFolder(folder: string, token: string, lines: number): Promise<string> {
  const config = {
    ...loadConfig(),
    port: 0,
    gatewayPort: 0,
    dataDir: folder,
    databaseUrl: null,
    redisUrl: null,
    bootstrapToken: new Secret(token),
  };
  const app = await startApp(config, { roles: ['api'], log: createLog('silent') });
  try {
    const ids = await seed(app.database, createApiClient({ url: app.url!, token }));
    return await writeDeployment(app.database, ids, lines);
  } finally {
    await app.stop();
  }
}

/** One that said nearly everything in `build`, and failed in its last phase. */
export async function writeDeployment(database: Database, ids: Ids, lines: number): Promise<string> {
  const { prisma, statements } = database;
  const { organizationId, productionAppId, versionId, userId } = ids;
  const about = { organizationId, productionAppId, versionId, triggeredById: userId } as const;
  await prisma.$transaction((tx) => insertDeployment(tx, { ...about, trigger: 'manual', reason: 'A long build' }));
  const claim = (await claimNextDeployment(prisma, productionAppId, 'bench'))!;
  const few = 12;
  for (const [index, phase] of PHASES.entries()) {
    await writeLines(database, claim, phase, phase === 'build' ? lines - few * (PHASES.length - 1) : few);
    const end = { phase, outputs: {}, skipReason: null };
    const next = PHASES[index + 1];
    if (next) await completePhase(statements, claim, end, next);
    else await failDeployment(statements, claim, 'failed', FAILURE);
  }
  return claim.deploymentId;
}

const FAILURE: Failure = {
  code: 'INTERNAL',
  phase: 'cache_invalidation',
  message: 'The end of a measurement.',
  exitCode: null,
  signal: null,
  retryable: true,
  hint: null,
  firstSeq: null,
  lastSeq: null,
};

async function writeLines(database: Database, claim: Claim, phase: PhaseName, count: number): Promise<void> {
  for (let from = 0; from < count; from += BATCH_LINES) {
    const length = Math.min(BATCH_LINES, count - from);
    const batch = Array.from({ length }, (_unused, index) => lineOf(phase, from + index));
    await appendLogLines(database.statements, claim, batch);
  }
}

function lineOf(phase: PhaseName, index: number): NewLogLine {
  const about = { at: new Date(), phase, attempt: 1, truncated: false } as const;
  const name = `node_modules/package-${index % 997}/dist/module-${index}.js`;
  if (index % 5_000 === 4_999) {
    return {
      ...about,
      stream: 'stderr',
      level: 'error',
      message: `\u001b[31merror\u001b[0m ${name}: unexpected token`,
    };
  }
  if (index % 400 === 399) {
    return { ...about, stream: 'stderr', level: 'warn', message: `\u001b[33mwarning\u001b[0m ${name} is deprecated` };
  }
  return {
    ...about,
    stream: 'stdout',
    level: 'info',
    message: `\u001b[32m✓\u001b[0m transformed ${name} in ${index % 90} ms`,
  };
}

async function signIn(page: Page, url: string, token: string): Promise<void> {
  await page.goto(url);
  await page.getByLabel('Token').fill(token);
  await page.getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Apps' }).waitFor();
}

/** The first load is that of a browser that knows nothing yet; the others find in their cache what never changes. */
async function benchLoad(page: Page, address: string, lines: number): Promise<void> {
  const network = await page.context().newCDPSession(page);
  const { files, answers } = await countBytes(network, async () => {
    await page.goto(address);
    await untilLine(page, lines);
    await page.waitForLoadState('networkidle');
  });
  printFigure('first load: files, compressed', `${(files / 1_024).toFixed(0)} KiB`, 'budget: ≤ 200 KiB');
  printFigure('first load: what the API answers', `${(answers / 1_024).toFixed(0)} KiB`);
  const samples: number[] = [];
  for (let load = 0; load < LOADS; load += 1) {
    await page.goto('about:blank');
    await page.goto(address, { waitUntil: 'commit' });
    samples.push(await untilLine(page, lines));
  }
  const { p50, p95 } = spreadOf(samples);
  printFigure(
    'reload → the last lines are drawn',
    `p50 ${p50.toFixed(0)} ms   most ${p95.toFixed(0)} ms`,
    'budget: ≤ 500 ms',
  );
  const nodes = await page.evaluate(() => document.querySelectorAll('*').length);
  printFigure('elements of the page', `${nodes}`, 'budget: ≤ 1,500');
}

/** What is sent for the page, without headers: its files, each compressed, and what the API answers. */
async function countBytes(network: CDPSession, run: () => Promise<void>): Promise<{ files: number; answers: number }> {
  const answerIds = new Set<string>();
  const bytes = { files: 0, answers: 0 };
  await network.send('Network.enable');
  await network.send('Network.clearBrowserCache');
  network.on('Network.requestWillBeSent', ({ requestId, request }) => {
    if (request.method === 'POST') answerIds.add(requestId);
  });
  network.on('Network.dataReceived', ({ requestId, encodedDataLength }) => {
    bytes[answerIds.has(requestId) ? 'answers' : 'files'] += encodedDataLength;
  });
  await run();
  await network.detach();
  return bytes;
}

/**
 * When a line's text was there to be painted, in milliseconds since the page was asked for; with `jump`, since its address
 * was gone to.
 */
function untilLine(page: Page, line: number, { jump = false } = {}): Promise<number> {
  return page.evaluate(
    async ({ seq, isJump }) => {
      const begun = isJump ? performance.now() : 0;
      if (isJump) location.hash = `L${seq}`;
      for (;;) {
        const row = document.querySelector(`[aria-label="Line ${seq}"]`)?.parentElement;
        if (row && row.textContent.length > 20) return performance.now() - begun;
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
    },
    { seq: line, isJump: jump },
  );
}

/** From the address of a line to its text on the screen. Nearly all of them were never read before. */
async function benchJumps(page: Page, lines: number): Promise<void> {
  const samples: number[] = [];
  for (let jump = 0; jump < JUMPS; jump += 1) {
    await page.waitForTimeout(LOOK_MS);
    const seq = 100 + Math.floor(Math.random() * (lines - 200));
    samples.push(await untilLine(page, seq, { jump: true }));
  }
  const { p50, p95 } = spreadOf(samples);
  printFigure(
    'jump to a line → it is drawn',
    `p50 ${p50.toFixed(0)} ms   p95 ${p95.toFixed(0)} ms`,
    'budget: p95 ≤ 50 ms',
  );
}
