import type { PhaseName } from '../domain/deployment.ts';
import { PhaseFailure } from '../domain/errors.ts';
import { announceState } from '../events/bus.ts';
import { metrics } from '../metrics.ts';
import { findCompletedPhase, findEnd } from '../store/confirmations.ts';
import { findCancelRequest } from '../store/cancellations.ts';
import {
  beginPhase,
  ClaimLostError,
  completeDeployment,
  completePhase,
  failDeployment,
  handOverDeployment,
  type Claim,
  type NewClaim,
  type PhaseEnd,
  type StateChange,
} from '../store/deployments.ts';
import { isDatabaseAway, outlastOutage } from '../store/outage.ts';
import { terminateGroup } from '../targets/process-group.ts';
import { runCommand } from './command.ts';
import { describeFailure, maskFailure } from './failure.ts';
import { markerOf, markersBefore, removeWorkspace, takeWorkspace, workspaceOf } from './fence.ts';
import type { LogWriter } from './log-writer.ts';
import type { Phase, PhaseResult, RunOptions } from './phase.ts';
import { decidePhase } from './plan.ts';
import { build } from './phases/build.ts';
import { cacheInvalidation } from './phases/cache-invalidation.ts';
import { download } from './phases/download.ts';
import { infra } from './phases/infra.ts';
import { migrate } from './phases/migrate.ts';
import { orchestrate } from './phases/orchestrate.ts';
import { packagePhase } from './phases/package.ts';
import { serviceDeploy } from './phases/service-deploy.ts';
import { findShipment, type DeployDeps, type Shipment } from './shipment.ts';
import { CancelledError, ShutdownError, watchForStop, type StopSignals } from './stop.ts';

const PHASE: Record<PhaseName, Phase> = {
  orchestrate,
  download,
  infra,
  build,
  package: packagePhase,
  migrate,
  service_deploy: serviceDeploy,
  cache_invalidation: cacheInvalidation,
};

/** Before the manifest is known, which sets its own limits. */
const LIMIT_MS_BEFORE_MANIFEST = 900_000;
const FAILURE_LINES_SHOWN = 20;

/** A deployment that so many workers died with is not given to another one. */
const LOST_WORKERS_MAX = 3;

/**
 * Takes one claimed deployment through the phases that it has not completed yet, to its end. Answers whether it came to
 * that; if not, another worker holds it now. Throws ShutdownError when it was handed over, and the database's own error
 * when that is away.
 */
export async function deploy(deps: DeployDeps, claim: NewClaim, shutdown: AbortSignal): Promise<boolean> {
  await using stop = await watchForStop(deps, claim, shutdown);
  const shipment = await findShipment(deps, claim);
  if (shipment === null) return lostIt(deps, claim);
  stop.heed(shipment.cancel);
  try {
    await runOpenPhases(deps, shipment, stop.signals);
    // Of a deployment whose phases are all completed nothing but its end is left.
    if (shipment.open.length === 0) announce(deps, (await complete(deps, claim, null)) ?? lost(claim));
    metrics.deploymentsEnded.inc({ status: 'completed' });
    deps.bus.publish('releases', { kind: 'wanted' });
    deps.log.info({ deploymentId: claim.deploymentId }, 'Deployment completed');
  } catch (error) {
    const reason = await whyStopped(deps, claim, error, stop.signals);
    if (reason instanceof ShutdownError) {
      await shipment.writer.flush().catch(() => {}); // The next worker starts the phase again, and logs it again.
      await handOverDeployment(deps.prisma, claim);
      deps.log.info({ deploymentId: claim.deploymentId, run: claim.run }, 'Deployment given back');
      throw reason;
    }
    if (isDatabaseAway(reason)) throw reason;
    if (reason instanceof ClaimLostError || !(await fail(deps, shipment, reason))) return lostIt(deps, claim);
  }
  await removeWorkspace(deps.workspacesFolder, claim.deploymentId).catch((error: unknown) => {
    deps.log.warn({ err: error, deploymentId: claim.deploymentId }, 'A workspace could not be removed');
  });
  return true;
}

function lostIt({ log }: DeployDeps, { deploymentId, run }: Claim): false {
  log.warn({ deploymentId, run }, 'Another worker has the deployment');
  return false;
}

async function runOpenPhases(deps: DeployDeps, shipment: Shipment, stop: StopSignals): Promise<void> {
  const { claim, writer, masking, context, open } = shipment;
  for (const [index, { name, attempt }] of open.entries()) {
    shipment.current = name;
    writer.enter(name, attempt);
    await masking.refresh();
    if (index === 0 && claim.takenOver) await resume(deps, claim, name, writer);
    const { outputs = {}, skipReason: reason = null } = await carryOut(deps, name, shipment, stop);
    const skipReason = reason === null ? null : masking.mask(reason);
    if (skipReason !== null) context.log(`Skipped: ${skipReason}`);
    shipment.firstSeq = (await writer.flush()) + 1;
    await deps.checkpoint?.(name, 'commit', claim, stop.soft);
    const next = open[index + 1]?.name ?? null;
    const ended = await endPhase(deps, claim, { phase: name, outputs, skipReason }, next);
    announce(deps, ended ?? lost(claim));
    // The deployment has ended with its last phase: nothing stops it any more.
    if (next === null) return;
    shipment.outputs = { ...shipment.outputs, ...outputs };
    stop.soft.throwIfAborted();
  }
}

function endPhase(deps: DeployDeps, claim: Claim, end: PhaseEnd, next: PhaseName | null): Promise<StateChange | null> {
  if (next === null) return complete(deps, claim, end);
  return outlastOutage(
    () => completePhase(deps.statements, claim, end, next),
    () => findCompletedPhase(deps.prisma, claim, end.phase),
  );
}

function complete({ prisma, statements }: DeployDeps, claim: Claim, last: PhaseEnd | null) {
  return outlastOutage(
    () => completeDeployment(statements, claim, last),
    () => findEnd(prisma, claim, 'completed'),
  );
}

/**
 * Begins the interrupted phase again. What the workers before left running would race with it, and is ended first.
 * Throws PhaseFailure instead when it has cost too many workers.
 */
async function resume(deps: DeployDeps, claim: NewClaim, phase: PhaseName, writer: LogWriter): Promise<void> {
  const isHopeless = claim.lostWorkers >= LOST_WORKERS_MAX;
  if (!isHopeless) announce(deps, (await beginPhase(deps.statements, claim, phase)) ?? lost(claim));
  writer.write({ message: takeOverMessage(claim), level: 'warn' });
  await terminateGroup({ leader: null, marker: markersBefore(claim) }, deps.killGraceMs);
  await takeWorkspace(deps.workspacesFolder, claim);
  if (!isHopeless) return;
  throw new PhaseFailure(
    'WORKER_LOST',
    `${claim.lostWorkers} workers were lost with this deployment, one after another.`,
    {
      retryable: true,
      hint: `The last one was lost in the phase ${phase}. Look whether that phase takes the machine's memory, and why the workers ended.`,
    },
  );
}

function takeOverMessage({ run, workerId, previousWorkerId }: NewClaim): string {
  const begun = `as run ${run} of the deployment: ${workerId}.`;
  if (previousWorkerId === workerId) return `The worker goes on after an outage of the database, ${begun}`;
  const before = previousWorkerId === null ? 'The one before had given it back.' : `${previousWorkerId} was lost.`;
  return `A new worker took over, ${begun} ${before}`;
}

function lost(claim: Claim): never {
  throw new ClaimLostError(claim);
}

function announce({ bus }: DeployDeps, change: StateChange): void {
  announceState(bus, change);
}

/** Runs a phase, unless what an earlier deployment made stands for it, or it has nothing to do. */
async function carryOut(
  deps: DeployDeps,
  name: PhaseName,
  shipment: Shipment,
  stop: StopSignals,
): Promise<PhaseResult> {
  const { context, outputs } = shipment;
  const plan = await decidePhase(name, { ...context, outputs });
  if (plan.action !== 'run') return { outputs: plan.outputs, skipReason: plan.reason };
  if (context.reusable.source !== null) context.log(plan.reason);
  return runPhase(deps, (deps.phases ?? PHASE)[name], shipment, stop);
}

/** One wrapper for all phases: time limit, signals, and the commands they run. */
async function runPhase(
  deps: DeployDeps,
  phase: Phase,
  { context, outputs, writer, claim }: Shipment,
  stop: StopSignals,
): Promise<PhaseResult> {
  const limitMs = outputs.manifest?.limitsMs[phase.name] ?? LIMIT_MS_BEFORE_MANIFEST;
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(timeoutFailure(phase.name, limitMs)), limitMs);
  const signal = AbortSignal.any([stop.soft, timeout.signal]);
  const surroundings = {
    writer,
    killGraceMs: deps.killGraceMs,
    commandPath: deps.commandPath,
    workspace: workspaceOf(deps.workspacesFolder, claim),
    isolation: deps.isolation,
    app: context.app,
    marker: markerOf(claim),
  };
  const run = (command: string, options: RunOptions) =>
    runCommand(
      { ...surroundings, signal: options.isUninterrupted ? AbortSignal.any([stop.hard, timeout.signal]) : signal },
      command,
      options,
    );
  const stopClock = metrics.phaseSeconds.startTimer({ phase: phase.name });
  try {
    signal.throwIfAborted();
    await deps.checkpoint?.(phase.name, 'before', claim, signal);
    const running = phase.run({ ...context, outputs, signal, run });
    await Promise.all([running, deps.checkpoint?.(phase.name, 'during', claim, signal)]);
    await deps.checkpoint?.(phase.name, 'after', claim, signal);
    return await running;
  } finally {
    stopClock();
    clearTimeout(timer);
  }
}

function timeoutFailure(phase: PhaseName, limitMs: number): PhaseFailure {
  return new PhaseFailure(
    'PHASE_TIMEOUT',
    `The phase ${phase} took longer than its limit of ${limitMs} ms and was stopped.`,
    {
      hint: `"timeouts": { "${phase}": … } in windlass.json sets the limit.`,
    },
  );
}

/** An error tells what stopped the work only if nothing else had asked for it to stop, and the work was still ours. */
async function whyStopped(
  { statements }: DeployDeps,
  claim: Claim,
  error: unknown,
  { soft }: StopSignals,
): Promise<unknown> {
  if (soft.aborted) return soft.reason;
  if (isDatabaseAway(error)) return error;
  const held = await findCancelRequest(statements, claim);
  if (held === null) return new ClaimLostError(claim);
  if (!(error instanceof ClaimLostError)) return error;
  // The claim is still ours: a write was refused because of a cancel that we had not heard of, or its facts are wrong.
  return held.requested ? new CancelledError() : new Error('The database does not say what it must.', { cause: error });
}

/** Answers whether the deployment was still ours to fail. */
async function fail(deps: DeployDeps, shipment: Shipment, reason: unknown): Promise<boolean> {
  const { claim, writer, masking, current, firstSeq } = shipment;
  await masking.refresh().catch((error: unknown) => {
    deps.log.warn({ err: error, deploymentId: claim.deploymentId }, 'The secrets of an app could not be read');
  });
  await deps.target.withdraw({ claim, log: (message) => writer.write({ message, level: 'warn' }) });
  const status = reason instanceof CancelledError ? 'cancelled' : 'failed';
  const facts = maskFailure(await describeFailure(deps, claim, reason, current), masking.mask);
  writer.write({ message: facts.message, level: status === 'failed' ? 'error' : 'warn' });
  if (facts.hint) writer.write({ message: facts.hint });
  const lastSeq = await writer.flush().catch((error: unknown) => {
    if (error instanceof ClaimLostError) return null;
    throw error;
  });
  if (lastSeq === null) return false;
  const failure = { ...facts, firstSeq: Math.max(firstSeq, lastSeq - FAILURE_LINES_SHOWN + 1), lastSeq };
  const change = await outlastOutage(
    () => failDeployment(deps.statements, claim, status, failure),
    () => findEnd(deps.prisma, claim, status),
  );
  if (change === null) return false;
  announce(deps, change);
  metrics.deploymentsEnded.inc({ status });
  deps.log.info({ deploymentId: claim.deploymentId, status, code: failure.code }, 'Deployment ended');
  return true;
}
