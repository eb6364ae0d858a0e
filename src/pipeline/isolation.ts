import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PhaseFailure } from '../domain/errors.ts';
import type { PublicHosts } from '../packages/public-hosts.ts';
import { watchDisk, type DiskProblem } from '../targets/disk-watch.ts';
import { exec, type ExecOptions, type ExecResult } from '../targets/exec.ts';
import { MIRROR_FILES } from '../targets/sandbox-command.ts';
import { openNetwork } from '../targets/sandbox-network.ts';
import type { Sandbox } from '../targets/sandbox.ts';
import type { RunOptions } from './phase.ts';
import { removeFolder } from '../targets/removal.ts';

/** How the commands of packages are kept from everything that is not theirs. */
export interface Isolation {
  /** Null: they are not, but for their environment. */
  readonly sandbox: Sandbox | null;
  /** What they may reach when their app has network. */
  readonly hosts: PublicHosts;
  /** Settings of this machine that name the mirrors of package registries; they go with the network. */
  readonly mirrors: Readonly<Record<string, string>>;
}

/** Whose command it is. */
export interface IsolatedApp {
  readonly id: string;
  readonly buildNetwork: boolean;
}

const ENTRIES_MAX = 1_000_000;
/** With less than this free, what writes is stopped. */
const FREE_BYTES = 512 * 1024 * 1024;

/** Runs a command as `exec` does, in the sandbox where there is one. Throws PhaseFailure when it fills the disk. */
export async function execIsolated(
  { sandbox, hosts, mirrors }: Isolation,
  app: IsolatedApp,
  { command, workspace, ...given }: { command: string; workspace: string } & RunOptions,
  options: ExecOptions,
): Promise<ExecResult> {
  if (sandbox === null) return exec(command, options);
  const [home, tmp] = [join(workspace, 'home'), join(workspace, 'tmp')];
  await removeFolder(tmp).catch((cause: unknown) => {
    throw leftoverFailure(command, given, cause);
  });
  for (const folder of [home, tmp]) await mkdir(folder, { recursive: true });
  const databaseUrl = given.reachesDatabase ? serverUrlOf(options.env) : null;
  await using network = await openNetwork({ hosts: app.buildNetwork ? hosts : null, databaseUrl });
  const stop = new AbortController();
  using _watch = watchDisk(
    [options.cwd, home, tmp],
    { bytesMax: sandbox.limits.diskBytes, entriesMax: ENTRIES_MAX, bytesFree: FREE_BYTES },
    (problem) => stop.abort(diskFailure(problem, command, given, sandbox)),
  );
  const access = {
    owner: app.id,
    writable: [options.cwd, home, ...(given.writable ?? [])],
    tmp,
    readable: app.buildNetwork ? MIRROR_FILES : [],
    network,
  };
  // Waited for here: what is used until then is closed when this returns.
  return await sandbox.exec(command, access, {
    ...options,
    env: { ...(app.buildNetwork ? mirrors : {}), HOME: home, ...withoutHome(options.env, workspace) },
    signal: AbortSignal.any([options.signal, stop.signal]),
  });
}

/** Unless the package sets one of its own. */
function withoutHome(env: Readonly<Record<string, string>>, workspace: string): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name, value]) => name !== 'HOME' || value !== workspace));
}

function serverUrlOf({ DATABASE_URL: url = '' }: Readonly<Record<string, string>>): string | null {
  return url.startsWith('postgres') ? url : null;
}

function leftoverFailure(command: string, { failureCode }: RunOptions, cause: unknown) {
  const message = `\`${command}\` was not started: what a command before it left in /tmp cannot be removed.`;
  return new PhaseFailure(failureCode, message, {}, { cause });
}

function diskFailure(problem: DiskProblem, command: string, { failureCode }: RunOptions, { limits }: Sandbox) {
  if (problem === 'free') {
    return new PhaseFailure('NO_SPACE', `\`${command}\` was stopped: the disk of the worker is almost full.`, {
      retryable: true,
      hint: 'Free some space in the data folder, then retry.',
    });
  }
  if (problem === 'hidden') {
    const message = `\`${command}\` was stopped: it made folders that cannot be read, so that what it wrote cannot be counted.`;
    return new PhaseFailure(failureCode, message, {
      hint: 'Folders must be readable, and no path longer than 4096 bytes.',
    });
  }
  const what =
    problem === 'bytes' ? `more than ${limits.diskBytes} bytes` : `more than ${ENTRIES_MAX} files and folders`;
  return new PhaseFailure(failureCode, `\`${command}\` was stopped: it made ${what}.`, {
    hint: 'WINDLASS_BUILD_DISK_BYTES_MAX sets how much a build may write.',
  });
}
