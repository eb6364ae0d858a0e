import { request } from 'node:http';
import { PhaseFailure } from '../domain/errors.ts';
import type { KeyRing } from '../domain/sealing.ts';
import { HINT_POLL_MS, type EventBus } from '../events/bus.ts';
import type { PrismaClient, Release } from '../generated/prisma/client.ts';
import { ClaimLostError } from '../store/deployments.ts';
import { outlastOutage } from '../store/outage.ts';
import {
  findGateways,
  loadRelease,
  releaseProblem,
  switchToRelease,
  wantRelease,
  withdrawRelease,
  type ReleaseProblem,
} from '../store/releases.ts';
import type { RuntimeLogReader } from '../store/runtime-logs.ts';
import type { Statements } from '../store/statements.ts';
import { loadAppEnvironment } from './app-environment.ts';
import { appFolders } from './app-folders.ts';
import { provisionApp } from './provision.ts';
import { sealEnvironment } from './release-environment.ts';
import { secretsOf, secretsOfUrl, secretsOfWebhook } from './secrets.ts';
import { purgeCdn, type Cdn } from './cdn.ts';
import type { Purge, ReleasePlan, Target, TargetApp, TargetContext } from './target.ts';

export interface LocalTargetDeps {
  readonly prisma: PrismaClient;
  readonly statements: Statements;
  readonly bus: EventBus;
  readonly keyRing: KeyRing;
  /** Shared with the host agent of this machine. */
  readonly appsFolder: string;
  /** Where apps get databases; null: a SQLite file each. */
  readonly appsDatabaseUrl: string | null;
  /** Apps answer at `<subdomain>.<domain>`. */
  readonly gatewayDomain: string;
  /** What its apps print, as their host keeps it. */
  readonly runtimeLogs: RuntimeLogReader;
  readonly cdn: Cdn;
}

/** How long a host may take to notice what is wanted of it, before we say that there is none. */
const HOST_DEADLINE_MS = 15_000;
const PURGE_DEADLINE_MS = 5_000;
const PURGE_ATTEMPTS = 3;
const APP_OUTPUT_LINES_SHOWN = 40;

/** Runs apps on this machine: it writes down what is wanted, and the machine's host agent does it. */
export function createLocalTarget(deps: LocalTargetDeps): Target {
  return {
    provision: (app, context) => provisionApp(deps, app, context),
    environment: (app) => loadAppEnvironment(appFolders(deps.appsFolder, app.id).root),
    secrets: (app) => loadSecrets(deps, app),
    startRelease: (app, plan, context) => startRelease(deps, app, plan, context),
    switchTraffic: (releaseId, context) => switchTraffic(deps, releaseId, context),
    withdraw: (context) => withdraw(deps, context),
    purge: (app, what, context) => purge(deps, app, what, context),
  };
}

async function loadSecrets({ appsFolder, appsDatabaseUrl, cdn }: LocalTargetDeps, app: TargetApp): Promise<string[]> {
  const { purgeUrl, purgeWebhook } = cdn;
  return [
    ...secretsOf(await loadAppEnvironment(appFolders(appsFolder, app.id).root)),
    ...[appsDatabaseUrl, purgeUrl].flatMap((url) => (url === null ? [] : secretsOfUrl(url))),
    ...(purgeWebhook === null ? [] : secretsOfWebhook(purgeWebhook)),
  ];
}

async function startRelease(deps: LocalTargetDeps, app: TargetApp, plan: ReleasePlan, context: TargetContext) {
  const { statements, bus, keyRing } = deps;
  const { variables, ...spec } = plan;
  const sealedEnvironment = sealEnvironment(keyRing, context.claim.deploymentId, variables);
  const wanted = { spec: { ...spec, env: { ...spec.env } }, sealedEnvironment };
  const releaseId = await wantRelease(statements, context.claim, app.id, wanted);
  if (releaseId === null) throw new ClaimLostError(context.claim);
  bus.publish('releases', { kind: 'wanted' });
  context.log(
    plan.service.kind === 'static'
      ? `Unpacking the release, whose folder ${plan.service.folder} the gateway serves.`
      : `Starting the release: ${plan.service.start}`,
  );

  const settled = await untilRelease(deps, releaseId, context.signal, {
    deadlineMs: HOST_DEADLINE_MS + plan.healthTimeoutMs,
    isReached: ({ observed, hostId }, waitedMs) => {
      if (hostId === null && waitedMs > HOST_DEADLINE_MS) throw noHost();
      return observed === 'healthy' || observed === 'unhealthy' || observed === 'stopped';
    },
  });
  await showAppOutput(deps, app, context);
  if (settled.observed !== 'healthy') throw startFailure(plan, releaseProblem.nullable().parse(settled.problem));
  context.log(settled.port === null ? 'The release is ready.' : `The release is healthy on port ${settled.port}.`);
  return releaseId;
}

function startFailure(plan: ReleasePlan, problem: ReleaseProblem | null): PhaseFailure {
  if (problem?.kind === 'health_timeout') {
    return new PhaseFailure('HEALTH_TIMEOUT', problem.message, {
      hint: `The app must listen on 127.0.0.1 at the port in PORT and answer ${plan.healthPath} with a status below 400 within ${plan.healthTimeoutMs} ms. "health" in windlass.json changes path and time.`,
    });
  }
  return new PhaseFailure('START_FAILED', problem?.message ?? 'The release was stopped before it was healthy.', {
    exitCode: problem?.exitCode ?? null,
    signal: problem?.signal ?? null,
    hint:
      plan.service.kind === 'static'
        ? '"static" in windlass.json names a folder of the package as the build leaves it.'
        : `Run \`${plan.service.start}\` in the built package: it must keep running in the foreground.`,
  });
}

function noHost(): PhaseFailure {
  return new PhaseFailure('START_FAILED', 'No host agent picked up the release.', {
    retryable: true,
    hint: 'Start `windlass host` (or `windlass serve`) with the same data folder and database as the worker.',
  });
}

/** What the app said while it started, as far as it is worth reading. */
async function showAppOutput({ runtimeLogs }: LocalTargetDeps, app: TargetApp, context: TargetContext): Promise<void> {
  const filter = { deploymentId: context.claim.deploymentId, streams: ['stdout', 'stderr'] } as const;
  const lines = await runtimeLogs.read(app.id, { limit: APP_OUTPUT_LINES_SHOWN, fromEnd: true }, filter);
  for (const { message, stream, truncated } of lines) context.log(message, { stream, truncated });
}

async function switchTraffic(deps: LocalTargetDeps, releaseId: string, { claim, signal, log }: TargetContext) {
  const change = await switchToRelease(deps.statements, claim, releaseId);
  if (change === null) throw new ClaimLostError(claim);
  deps.bus.publish('releases', { kind: 'wanted' });
  await untilRelease(deps, releaseId, signal, {
    deadlineMs: HOST_DEADLINE_MS,
    isReached: ({ routedAt }) => routedAt !== null,
  });
  log('The gateway sends all traffic to the new release.');
  return change;
}

async function withdraw(deps: LocalTargetDeps, { claim, log }: Omit<TargetContext, 'signal'>): Promise<void> {
  const withdrawn = await withdrawRelease(deps.statements, claim);
  if (withdrawn === null) return;
  deps.bus.publish('releases', { kind: 'wanted' });
  const signal = AbortSignal.timeout(HOST_DEADLINE_MS);
  const restored = withdrawn.switchedBack ? withdrawn.replacesId : null;
  try {
    if (restored !== null) {
      await untilRelease(deps, restored, signal, {
        deadlineMs: HOST_DEADLINE_MS,
        isReached: ({ routedAt }) => routedAt !== null,
      });
      log('The gateway sends all traffic to the release before again.');
    }
    await untilRelease(deps, withdrawn.releaseId, signal, {
      deadlineMs: HOST_DEADLINE_MS,
      isReached: ({ observed, hostId }) => observed === 'stopped' || hostId === null,
    });
  } catch (error) {
    if (!(error instanceof PhaseFailure) && !signal.aborted) throw error;
    // The rows say what is wanted; the host does it as soon as it is back.
    log('The host has not confirmed yet that the new release is stopped.', { level: 'warn' });
  }
}

/** Waits until the host has seen to it that something holds of a release. The time of an outage does not count. */
async function untilRelease(
  { prisma, bus }: LocalTargetDeps,
  releaseId: string,
  signal: AbortSignal,
  { deadlineMs, isReached }: { deadlineMs: number; isReached: (release: Release, waitedMs: number) => boolean },
): Promise<Release> {
  let begunAt = Date.now();
  let wake = () => {};
  const unsubscribe = await bus.subscribe(`release:${releaseId}`, () => wake());
  signal.addEventListener('abort', () => wake());
  try {
    for (;;) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      signal.throwIfAborted();
      const askedAt = Date.now();
      const release = await outlastOutage(() => loadRelease(prisma, releaseId));
      begunAt += Date.now() - askedAt;
      const waitedMs = Date.now() - begunAt;
      if (release !== null && isReached(release, waitedMs)) return release;
      if (waitedMs > deadlineMs) throw noAnswer();
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([woken, new Promise((resolve) => (timer = setTimeout(resolve, HINT_POLL_MS)))]);
      clearTimeout(timer);
    }
  } finally {
    unsubscribe();
  }
}

function noAnswer(): PhaseFailure {
  return new PhaseFailure('START_FAILED', 'The host agent did not answer in time.', {
    retryable: true,
    hint: 'Look whether `windlass host` (or `windlass serve`) runs on the machine of the app.',
  });
}

/** First the gateway's own cache, then those before it: they would fill themselves with what it still has. */
async function purge(deps: LocalTargetDeps, app: TargetApp, what: Purge, context: TargetContext): Promise<number> {
  const purged = await purgeGateways(deps, app, what, context);
  const host = `${app.subdomain}.${deps.gatewayDomain}`;
  await purgeCdn(deps.cdn, { id: app.id, host }, what, context);
  return purged;
}

async function purgeGateways(
  { prisma }: LocalTargetDeps,
  app: TargetApp,
  { paths, surrogateKeys }: Purge,
  { signal, log }: TargetContext,
): Promise<number> {
  const isAll = paths.length + surrogateKeys.length === 0;
  const calls = (isAll ? ['*'] : paths).map((path) => ({ path, headers: {} }));
  const byKey = { path: '*', headers: { 'surrogate-key': surrogateKeys.join(' ') } };
  let purged = 0;
  for (const gateway of await findGateways(prisma, app.id)) {
    for (const call of surrogateKeys.length > 0 ? [...calls, byKey] : calls) {
      signal.throwIfAborted();
      purged += await purgeGateway(gateway, call, log);
    }
  }
  return purged;
}

type Gateway = Awaited<ReturnType<typeof findGateways>>[number];

interface PurgeCall {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

async function purgeGateway(gateway: Gateway, call: PurgeCall, log: TargetContext['log']): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await sendPurge(gateway, call);
    } catch (cause) {
      const message = `The gateway's cache could not be purged: ${(cause as Error).message}.`;
      if (attempt === PURGE_ATTEMPTS) {
        const hint = 'Look whether the host agent runs and its gateway answers, then retry.';
        throw new PhaseFailure('PURGE_FAILED', message, { retryable: true, hint }, { cause });
      }
      log(`${message} Trying again.`, { level: 'warn' });
    }
  }
}

/** `fetch` would drop the Host header, and Node does not resolve names below localhost everywhere. */
function sendPurge({ gatewayUrl, purgeSecret, subdomain }: Gateway, { path, headers }: PurgeCall): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request(
      gatewayUrl,
      {
        method: 'PURGE',
        path,
        timeout: PURGE_DEADLINE_MS,
        headers: { host: subdomain, authorization: `Bearer ${purgeSecret}`, ...headers },
      },
      (response) => {
        response.resume();
        if (response.statusCode === 204) resolve(Number(response.headers['x-purged'] ?? 0));
        else reject(new Error(`it answered ${response.statusCode}`));
      },
    );
    call.on('timeout', () => call.destroy(new Error('it did not answer in time')));
    call.on('error', reject);
    call.end();
  });
}
