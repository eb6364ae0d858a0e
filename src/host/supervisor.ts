import { closeSync, existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ARTIFACT_LIMITS, unpackArchive } from '../packages/archive.ts';
import type { PackageStore } from '../packages/store.ts';
import type { ReleaseProblem, ReleaseSpec } from '../store/releases.ts';
import { processIdentity, spawnGroup, terminateGroup } from '../targets/process-group.ts';

const WATCH_INTERVAL_MS = 2_000;
/** Fewer failed checks in a row may be an accident. */
const WATCH_FAILURES = 3;
const HEALTH_INTERVAL_MS = 100;
const HEALTH_DEADLINE_MS = 5_000;
const ALIVE_INTERVAL_MS = 500;

/** A process group that runs a release, and how to find it again after a restart of the host agent. */
export interface AppProcess {
  readonly pid: number;
  readonly identity: string | null;
  readonly port: number;
  /** Resolves when the group is gone, with what its leader's end was, if that is known. */
  readonly exited: Promise<{ exitCode: number | null; signal: string | null }>;
  stop(graceMs: number): Promise<void>;
}

/** Unpacks an artifact, once. A process that dies in the middle leaves a folder that the next one throws away. */
export async function unpackRelease(store: PackageStore, spec: ReleaseSpec, folder: string): Promise<void> {
  if (existsSync(folder)) return;
  const unfinished = `${folder}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await unpackArchive(store.open(spec.artifactKey), unfinished, ARTIFACT_LIMITS);
  await rename(unfinished, folder);
}

export interface AppSurroundings {
  readonly folder: string;
  /** Open files for what it prints. They are closed here. */
  readonly output: { readonly stdout: number; readonly stderr: number };
  readonly home: string;
  readonly commandPath: string;
  readonly marker: string;
  /** What its owner set, and what was provisioned for the app. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Starts a release's command. Its output goes to files, so that it outlives this process. */
export async function startAppProcess(
  start: string,
  spec: ReleaseSpec,
  { folder, output, home, commandPath, marker, environment }: AppSurroundings,
): Promise<AppProcess> {
  const port = await findFreePort();
  const env = {
    PATH: commandPath,
    LANG: 'C.UTF-8',
    NODE_ENV: 'production',
    HOME: home,
    ...spec.env,
    ...environment,
    HOST: '127.0.0.1',
    PORT: String(port),
  };
  const child = spawnGroup(start, { cwd: folder, env, stdio: ['ignore', output.stdout, output.stderr], marker });
  closeSync(output.stdout);
  closeSync(output.stderr);
  const exited = new Promise<{ exitCode: number | null; signal: string | null }>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
  const pid = child.pid;
  if (pid === undefined) {
    await exited; // Rejects with the reason.
    throw new Error('The app has no process.');
  }
  return {
    pid,
    identity: processIdentity(pid),
    port,
    exited,
    stop: (graceMs) => terminateGroup({ leader: pid, marker }, graceMs),
  };
}

/** Takes over a process that an earlier host agent started, if it is still the same one. */
export function adoptApp(pid: number, identity: string, port: number, marker: string): AppProcess | null {
  if (processIdentity(pid) !== identity) return null;
  const stopped = new AbortController();
  const exited = (async () => {
    while (!stopped.signal.aborted && processIdentity(pid) === identity) await delay(ALIVE_INTERVAL_MS);
    return { exitCode: null, signal: null };
  })();
  return {
    pid,
    identity,
    port,
    exited,
    async stop(graceMs) {
      await terminateGroup({ leader: pid, marker }, graceMs);
      stopped.abort();
    },
  };
}

/** Resolves with null once the app answers, or with the reason why it never will. */
export async function untilHealthy(
  app: AppProcess,
  start: string,
  spec: ReleaseSpec,
  signal: AbortSignal,
): Promise<ReleaseProblem | null> {
  const deadline = Date.now() + spec.healthTimeoutMs;
  let ended: { exitCode: number | null; signal: string | null } | null = null;
  let lastAnswer = 'nothing answered';
  void app.exited.then((end) => {
    ended = end;
  });
  while (Date.now() < deadline && !signal.aborted) {
    if (ended) return exitProblem(start, ended, 'before it was healthy');
    const answer = await checkHealth(app.port, spec.healthPath);
    if (answer.isHealthy) return null;
    lastAnswer = answer.seen;
    await delay(HEALTH_INTERVAL_MS);
  }
  if (ended) return exitProblem(start, ended, 'before it was healthy');
  const message = `The release was not healthy within ${spec.healthTimeoutMs} ms: GET ${spec.healthPath}: ${lastAnswer}.`;
  return { kind: 'health_timeout', message, exitCode: null, signal: null };
}

/**
 * Goes on checking a release that was healthy. Resolves with what was seen once several checks in a row have failed, or
 * with null when it is over.
 */
export async function watchHealth(
  app: AppProcess,
  { healthPath }: ReleaseSpec,
  until: number,
  signal: AbortSignal,
): Promise<string | null> {
  let failures = 0;
  while (Date.now() < until && !signal.aborted) {
    const answer = await checkHealth(app.port, healthPath);
    failures = answer.isHealthy ? 0 : failures + 1;
    if (failures === WATCH_FAILURES && !signal.aborted) return answer.seen;
    await delay(WATCH_INTERVAL_MS, undefined, { signal }).catch(() => {}); // It is over.
  }
  return null;
}

export function exitProblem(
  start: string,
  { exitCode, signal }: { exitCode: number | null; signal: string | null },
  when: string,
): ReleaseProblem {
  const how = signal === null ? `exited with code ${exitCode}` : `was ended by ${signal}`;
  return { kind: 'exited', message: `\`${start}\` ${how} ${when}.`, exitCode, signal };
}

/** `fetch` would follow redirects and pool connections; the Host header must not be a name that the app refuses. */
function checkHealth(port: number, path: string): Promise<{ isHealthy: boolean; seen: string }> {
  return new Promise((resolve) => {
    const call = request({ host: '127.0.0.1', port, path, timeout: HEALTH_DEADLINE_MS, agent: false }, (response) => {
      response.resume();
      resolve({ isHealthy: (response.statusCode ?? 500) < 400, seen: `the last answer was ${response.statusCode}` });
    });
    call.on('timeout', () => call.destroy(new Error(`no answer within ${HEALTH_DEADLINE_MS} ms`)));
    call.on('error', (error: NodeJS.ErrnoException) => {
      resolve({ isHealthy: false, seen: error.code === 'ECONNREFUSED' ? 'nothing listened on PORT' : error.message });
    });
    call.end();
  });
}

const handedOut = new Set<number>();

/** A port that is free now and that this process has not given to another app a moment ago. */
async function findFreePort(): Promise<number> {
  for (;;) {
    const port = await new Promise<number>((resolve, reject) => {
      const probe = createServer();
      probe.once('error', reject);
      probe.listen(0, '127.0.0.1', () => {
        const { port: free } = probe.address() as AddressInfo;
        probe.close(() => resolve(free));
      });
    });
    if (handedOut.has(port)) continue;
    handedOut.add(port);
    setTimeout(() => handedOut.delete(port), 60_000).unref();
    return port;
  }
}
