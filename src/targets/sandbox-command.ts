import { basename, dirname, join } from 'node:path';
import type { Program } from './process-group.ts';

/** Where the sandbox is made, and of what. */
export interface SandboxTools {
  readonly bwrap: string;
  readonly prlimit: string;
  readonly setpriv: string;
  /** Whether this process may take any user's place; else what runs in the sandbox is this process's user. */
  readonly isRoot: boolean;
  /** Read-only in every sandbox, at the same place: system folders, and links between them. */
  readonly folders: readonly string[];
  readonly links: readonly { readonly path: string; readonly target: string }[];
}

export interface SandboxLimits {
  /** Of all processes together where there is a writable cgroup, else of each. */
  readonly memoryBytes: number;
  readonly processes: number;
  /** Of one file, and of what is written to the workspace. */
  readonly diskBytes: number;
}

/** What one command sees and gets. */
export interface SandboxPlan {
  readonly command: string;
  /** A program that runs the command, with its arguments. */
  readonly before: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** By what its processes are found. */
  readonly inherited: Readonly<Record<string, string>>;
  /** The folders it may write to, at the same place. */
  readonly writable: readonly string[];
  /** Becomes its `/tmp`. Empty: what is mounted below `/tmp` must not follow links of the command before. */
  readonly tmp: string;
  /** Beside the system's, at the same place. */
  readonly readable: readonly string[];
  /** Files and sockets at another place. */
  readonly mounts: readonly { readonly from: string; readonly to: string }[];
  readonly user: number;
  readonly limits: SandboxLimits;
  /** The files to which a process writes its number to join a group. Empty: there is none. */
  readonly groupFiles: readonly string[];
}

/** Writes the number of the shell into each file before `--`, and becomes the program behind it. */
const JOIN_GROUPS = 'while [ "$1" != -- ]; do echo $$ > "$1" || exit 125; shift; done; shift; exec "$@"';
const ENVIRONMENT_FILE = '/run/windlass/environment';
const TAKE_ENVIRONMENT = `. ${ENVIRONMENT_FILE}; exec "$@"`;
const INSIDE_USER = 1000;
const SHM_BYTES = 64 * 1024 * 1024;
const OPEN_FILES_MAX = 8_192;

/**
 * What runs a command in a sandbox. It joins its group and gets its limits first, then bubblewrap makes it a world of its
 * own, then it gives up its rights, and only then it gets its environment: that may say what to load into a program, and
 * must not say it to one that still has rights. It comes through a pipe, since arguments are there for all to read.
 */
export function sandboxProgram(tools: SandboxTools, plan: SandboxPlan): Program {
  const { processes, diskBytes, memoryBytes } = plan.limits;
  const limits = [
    `--nproc=${processes}`,
    `--fsize=${diskBytes}`,
    `--nofile=${OPEN_FILES_MAX}`,
    '--core=0',
    // Only where nothing better counts: it is of each process, and of what is reserved.
    ...(plan.groupFiles.length === 0 ? [`--data=${memoryBytes}`] : []),
  ];
  const user = insideUser(tools, plan);
  return {
    file: '/bin/sh',
    args: [
      ['-c', JOIN_GROUPS, 'sandbox', ...plan.groupFiles],
      ['--', tools.prlimit, ...limits, '--', tools.bwrap, '--args', '3', '--'],
      tools.isRoot ? dropRights(tools.setpriv, plan.user) : [],
      ['/bin/sh', '-c', TAKE_ENVIRONMENT, 'sandbox', ...plan.before, '/bin/sh', '-c', plan.command],
    ].flat(),
    inputs: [
      bubblewrapArgs(tools, plan).join('\0'),
      `build:x:${user}:${user}:build:${plan.env['HOME'] ?? '/'}:/bin/sh\n`,
      `build:x:${user}:\n`,
      '127.0.0.1 localhost\n::1 localhost\n',
      exportsOf({ ...plan.env, ...plan.inherited }),
    ],
  };
}

function insideUser({ isRoot }: SandboxTools, { user }: SandboxPlan): number {
  return isRoot ? user : INSIDE_USER;
}

function dropRights(setpriv: string, user: number): string[] {
  const nothing = ['--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all', '--no-new-privs'];
  return [setpriv, `--reuid=${user}`, `--regid=${user}`, '--clear-groups', ...nothing, '--'];
}

function bubblewrapArgs(tools: SandboxTools, plan: SandboxPlan): string[] {
  const user = ['--unshare-user', '--disable-userns', '--uid', String(INSIDE_USER), '--gid', String(INSIDE_USER)];
  const data = (descriptor: number, path: string) => ['--perms', '0444', '--ro-bind-data', String(descriptor), path];
  return [
    tools.isRoot ? [] : user,
    ['--unshare-pid', '--unshare-net', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'],
    ['--hostname', 'build'],
    tools.folders.flatMap((folder) => ['--ro-bind', folder, folder]),
    tools.links.flatMap(({ path, target }) => ['--symlink', target, path]),
    foldersAbove([...plan.readable, '/var/tmp', '/etc/passwd']),
    plan.readable.flatMap((folder) => ['--ro-bind-try', folder, folder]),
    ['--proc', '/proc', '--dev', '/dev'],
    ['--perms', '1777', '--size', String(SHM_BYTES), '--tmpfs', '/dev/shm'],
    ['--bind', plan.tmp, '/tmp', '--symlink', '../tmp', '/var/tmp'],
    data(4, '/etc/passwd'),
    data(5, '/etc/group'),
    data(6, '/etc/hosts'),
    foldersAbove([...plan.writable, ...plan.mounts.map(({ to }) => to), ENVIRONMENT_FILE]),
    data(7, ENVIRONMENT_FILE),
    plan.writable.flatMap((folder) => ['--bind', folder, folder]),
    plan.mounts.flatMap(({ from, to }) => ['--ro-bind', from, to]),
    ['--remount-ro', '/', '--chdir', plan.cwd, '--clearenv'],
    Object.entries(plan.inherited).flatMap(([name, value]) => ['--setenv', name, value]),
  ].flat();
}

/** As a shell reads them. Names are checked where they are set. */
function exportsOf(env: Readonly<Record<string, string>>): string {
  const lines = Object.entries(env).map(([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'\n`);
  return lines.join('');
}

/** Bubblewrap would make them for the user that it runs as alone. */
function foldersAbove(paths: readonly string[]): string[] {
  const above = paths.flatMap((path) => {
    const parts = dirname(path).split('/').filter(Boolean);
    return parts.map((_part, index) => `/${parts.slice(0, index + 1).join('/')}`);
  });
  return [...new Set(above)].flatMap((folder) => ['--dir', folder]);
}

/** Folders of `/etc` that programs look into and that hold nothing secret. */
export const ETC = [
  'alternatives',
  'ca-certificates',
  'fonts',
  'java',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'localtime',
  'mime.types',
  'nsswitch.conf',
  'perl',
  'python3',
  'ssl/certs',
  'ssl/openssl.cnf',
].map((name) => join('/etc', name));

/** Where package managers look for the mirrors that the machine is set up with. */
export const MIRROR_FILES = ['/etc/npmrc', '/etc/pip.conf', '/etc/gitconfig', '/etc/yarnrc', '/etc/bunfig.toml'];

/**
 * What must be seen of a folder of PATH for its programs to work: `/opt/node` for `/opt/node/bin`, as their libraries are
 * beside them. Of anything but such a folder, only the folder itself.
 */
export function programFolder(folder: string, { hasLib, home }: { hasLib: boolean; home: string }): string {
  const parent = dirname(folder);
  return basename(folder) === 'bin' && hasLib && parent !== '/' && parent !== home ? parent : folder;
}
