import { TriggerDocument } from '../src/generated/gql/graphql.ts';
import type { DeploymentPhase } from '../src/generated/prisma/client.ts';
import { markersBefore } from '../src/pipeline/fence.ts';
import { isGroupAlive } from '../src/targets/process-group.ts';
import { asDocument, pushFiles } from './fixtures.ts';
import { preciseNow, printFigure, spreadOf } from './measure.ts';
import type { BenchPlane } from './plane.ts';

const TAKE_OVERS = 3;
const CANCELS = 5;
const STUBBORN_CANCELS = 2;
const KILL_GRACE_MS = 2_000;
/** A deployment is taken over once here. */
const RUNS_MAX = 2;
const LOOK_EVERY_MS = 10;
const SETTINGS = { WINDLASS_WORKERS: '1', WINDLASS_KILL_GRACE: `${KILL_GRACE_MS}ms` };

/** Builds that do not end by themselves, with a child of their own. Each says when it runs. */
const OBEDIENT =
  "require('node:child_process').spawn('sleep', ['1000']); setInterval(() => {}, 1_000); console.log('up');";
const STUBBORN = `process.on('SIGTERM', () => {}); ${OBEDIENT}`;

/** How soon a worker goes on with the deployment of one that was killed, and how soon a cancel has ended all processes. */
export async function benchTakeOver(plane: BenchPlane): Promise<void> {
  const obedient = await push(plane, OBEDIENT);
  const stubborn = await push(plane, STUBBORN);
  let worker = await plane.start('worker', SETTINGS);
  const takenOver: number[] = [];
  const runsAgain: number[] = [];
  const cancelled: number[] = [];
  for (let index = 0; index < TAKE_OVERS; index += 1) {
    const id = await triggerUntilUp(plane, obedient);
    const heir = await plane.start('worker', SETTINGS);
    const killedAt = preciseNow();
    worker.child.kill('SIGKILL');
    runsAgain.push((await untilUp(plane, id, 2)) - killedAt);
    takenOver.push((await loadBuild(plane, id)).startedAt!.getTime() - killedAt);
    cancelled.push(await timeCancel(plane, id));
    worker = heir;
  }
  while (cancelled.length < CANCELS) cancelled.push(await timeCancel(plane, await triggerUntilUp(plane, obedient)));
  const stopped: number[] = [];
  while (stopped.length < STUBBORN_CANCELS)
    stopped.push(await timeCancel(plane, await triggerUntilUp(plane, stubborn)));

  printSeconds('kill -9 → another worker has it', takenOver, 'budget: ≤ 12 s');
  printSeconds('kill -9 → its command runs again', runsAgain);
  printSeconds('cancel → no process of it is left', cancelled, 'budget: ≤ 2 s');
  const grace = KILL_GRACE_MS / 1_000;
  printSeconds('the same, of one that ignores SIGTERM', stopped, `budget: ≤ 2 s and the grace of ${grace} s`);
}

function push({ client, ids }: BenchPlane, build: string): Promise<string> {
  const manifest = { build: 'node build.cjs', static: '.' };
  return pushFiles(client, ids.entityId, { 'build.cjs': build, 'windlass.json': JSON.stringify(manifest) });
}

async function triggerUntilUp(plane: BenchPlane, versionId: string): Promise<string> {
  const input = { productionAppId: plane.ids.productionAppId, versionId };
  const { id } = (await plane.client.request(TriggerDocument, { input })).triggerDeployment.deployment;
  await untilUp(plane, id, 1);
  return id;
}

/** When the build said that it runs. */
async function untilUp(plane: BenchPlane, deploymentId: string, attempt: number): Promise<number> {
  for (;;) {
    const where = { deploymentId, attempt, phase: 'build', message: 'up' } as const;
    const line = await plane.database.prisma.logLine.findFirst({ where });
    if (line) return line.at.getTime();
    const { status, errorMessage } = await loadBuild(plane, deploymentId);
    if (status === 'failed') throw new Error(`The build failed: ${errorMessage}`);
    await lookAgain();
  }
}

function loadBuild({ database }: BenchPlane, deploymentId: string): Promise<DeploymentPhase> {
  return database.prisma.deploymentPhase.findUniqueOrThrow({
    where: { deploymentId_name: { deploymentId, name: 'build' } },
  });
}

/** From the call to the moment at which nothing runs any more that bears the mark of any of its runs. */
async function timeCancel({ client, database }: BenchPlane, id: string): Promise<number> {
  if (!isRunning(id)) throw new Error('Nothing runs that could be cancelled.');
  const cancel = 'mutation ($id: ID!) { cancelDeployment(input: { deploymentId: $id }) { deployment { id } } }';
  const askedAt = preciseNow();
  await client.request(asDocument(cancel), { id });
  while (isRunning(id)) await lookAgain();
  const took = preciseNow() - askedAt;
  while ((await database.prisma.deployment.count({ where: { id, status: 'cancelled' } })) === 0) await lookAgain();
  return took;
}

function isRunning(deploymentId: string): boolean {
  return isGroupAlive({ leader: null, marker: markersBefore({ deploymentId, run: RUNS_MAX + 1 }) });
}

function lookAgain(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
}

function printSeconds(what: string, samplesMs: readonly number[], budget = ''): void {
  const seconds = (ms: number) => (ms / 1_000).toFixed(2);
  printFigure(
    `  ${what}`,
    `p50 ${seconds(spreadOf(samplesMs).p50)} s   most ${seconds(Math.max(...samplesMs))} s`,
    budget,
  );
}
