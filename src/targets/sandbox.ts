import { createHash, randomUUID } from 'node:crypto';
import { existsSync, lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { lchown, mkdir, mkdtemp, opendir, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { openControlGroups, type ControlGroups } from './control-group.ts';
import { exec, type ExecOptions, type ExecResult } from './exec.ts';
import { ETC, programFolder, sandboxProgram, type SandboxLimits, type SandboxTools } from './sandbox-command.ts';
import { NO_NETWORK, type OpenedNetwork } from './sandbox-network.ts';

/** Where the users of builds begin: far above those of people, services and containers. Each app has one of 65,536. */
const FIRST_USER = 0x7000_0000;
const USERS = 65_536;
const SYSTEM_FOLDERS = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];
const TOOL_FOLDERS = ['/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin'];

export class SandboxError extends Error {
  override readonly name = 'SandboxError';
}

export interface SandboxSettings {
  /** Where commands find programs. */
  readonly commandPath: string;
  /** What commands may read beside the system. */
  readonly folders: readonly string[];
  readonly limits: SandboxLimits;
}

/** What one command may see and do. */
export interface SandboxedCommand {
  /** Whose user runs it. */
  readonly owner: string;
  readonly writable: readonly string[];
  /** An empty folder of its own, which becomes its `/tmp`. */
  readonly tmp: string;
  readonly readable?: readonly string[];
  /** Default: none at all. */
  readonly network?: OpenedNetwork;
}

/** Runs commands of strangers, so that they reach nothing but what they are given. */
export interface Sandbox {
  readonly limits: SandboxLimits;
  /** What of it does not hold on this machine, as sentences. */
  readonly gaps: readonly string[];
  /** As `exec` does. */
  exec(command: string, given: SandboxedCommand, options: ExecOptions): Promise<ExecResult>;
}

/** Finds out with a real command whether this machine can do it. Throws SandboxError that says why it cannot. */
export async function openSandbox(settings: SandboxSettings): Promise<Sandbox> {
  const tools = findTools(settings);
  const groups = await openControlGroups();
  const sandbox = createSandbox(tools, groups, settings.limits);
  await probe(sandbox);
  return sandbox;
}

function findTools({ commandPath, folders }: SandboxSettings): SandboxTools {
  if (process.platform !== 'linux') throw new SandboxError('Only Linux has what it takes to isolate builds.');
  const seen = SYSTEM_FOLDERS.filter((folder) => existsSync(folder));
  const isLink = (path: string) => lstatSync(path).isSymbolicLink();
  const programs = commandPath.split(delimiter).filter((folder) => folder.startsWith('/') && existsSync(folder));
  const ownPrograms = programs
    .map((folder) => realpathSync(folder))
    .filter((folder) => !seen.some((known) => `${folder}/`.startsWith(`${known}/`)))
    .map((folder) => programFolder(folder, { hasLib: existsSync(join(folder, '..', 'lib')), home: homedir() }));
  return {
    bwrap: findTool('bwrap', 'bubblewrap'),
    prlimit: findTool('prlimit', 'util-linux'),
    setpriv: findTool('setpriv', 'util-linux'),
    isRoot: process.getuid?.() === 0,
    folders: [...new Set([...seen.filter((folder) => !isLink(folder)), ...ownPrograms, ...folders])],
    links: seen.filter(isLink).map((path) => ({ path, target: readlinkSync(path) })),
  };
}

function findTool(name: string, from: string): string {
  const found = TOOL_FOLDERS.map((folder) => join(folder, name)).find((file) => existsSync(file));
  if (found) return found;
  throw new SandboxError(`There is no ${name} on this machine: install the package ${from}.`);
}

function createSandbox(tools: SandboxTools, groups: ControlGroups | null, limits: SandboxLimits): Sandbox {
  return {
    limits,
    gaps: gapsOf(tools, groups),
    async exec(command, given, options) {
      const user = tools.isRoot ? userOf(given.owner) : (process.getuid?.() ?? 0);
      if (tools.isRoot) for (const folder of [given.tmp, ...given.writable]) await giveTo(folder, user);
      const group = (await groups?.create(randomUUID(), limits)) ?? null;
      const { env, cwd } = options;
      const { writable, tmp, readable = [], network = NO_NETWORK } = given;
      const { mounts, before } = network;
      const files = { writable, tmp, readable: [...ETC, ...readable], mounts };
      const plan = { ...files, command, before, cwd, user, limits, groupFiles: group?.files ?? [] };
      try {
        // The folder exists outside as well, but is entered inside only: its user may see what we may not.
        return await exec(
          (inherited) => sandboxProgram(tools, { ...plan, inherited, env: { ...env, ...network.env } }),
          {
            ...options,
            cwd: '/',
            env: {},
          },
        );
      } finally {
        await group?.remove();
      }
    },
  };
}

function gapsOf({ isRoot }: SandboxTools, groups: ControlGroups | null): string[] {
  return [
    ...(isRoot ? [] : ['Builds run as the user of the worker: only root can give them users of their own.']),
    ...(groups
      ? []
      : ['Memory is limited for each process of a build, not for all of them: there is no writable cgroup.']),
  ];
}

/** The same app has the same user again. Two apps may share one: what keeps them apart is that they do not see each other. */
function userOf(owner: string): number {
  return FIRST_USER + (createHash('sha256').update(owner).digest().readUInt32BE() % USERS);
}

/** Folders and files, not what links lead to. Nothing of the app runs in them at this time. */
async function giveTo(path: string, user: number): Promise<void> {
  await lchown(path, user, user);
  if (!lstatSync(path).isDirectory()) return;
  for await (const entry of await opendir(path)) {
    const child = join(path, entry.name);
    await (entry.isDirectory() ? giveTo(child, user) : lchown(child, user, user));
  }
}

async function probe(sandbox: Sandbox): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'windlass-probe-'));
  const said: string[] = [];
  try {
    const [cwd, tmp] = [join(folder, 'work'), join(folder, 'tmp')];
    await mkdir(cwd);
    await mkdir(tmp);
    const { exitCode } = await sandbox.exec(
      'test "$PROBE" = probe && : > probe',
      { owner: 'probe', writable: [cwd], tmp },
      {
        cwd,
        env: { PROBE: 'probe', PATH: '/usr/bin:/bin' },
        signal: AbortSignal.timeout(30_000),
        killGraceMs: 1_000,
        onOutput: (_stream, lines) => void said.push(...lines.map(({ message }) => message)),
      },
    );
    if (exitCode === 0 && statSync(join(cwd, 'probe')).size === 0) return;
    throw new SandboxError(
      `A command cannot be isolated on this machine: ${said.join(' ') || `exit code ${exitCode}`}.`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
