import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const ROOT = '/sys/fs/cgroup';
const NAME = 'windlass-';
const REMOVE_ATTEMPTS = 100;
const REMOVE_AGAIN_MS = 20;

export interface GroupLimits {
  readonly memoryBytes: number;
  readonly processes: number;
}

/** A group of processes that the kernel counts together. */
export interface ControlGroup {
  /** A process that writes its number to each of these is in it, with all that it starts. */
  readonly files: readonly string[];
  remove(): Promise<void>;
}

/** Makes groups with limits. */
export interface ControlGroups {
  create(name: string, limits: GroupLimits): Promise<ControlGroup>;
}

interface Hierarchy {
  readonly folder: string;
  settings(limits: GroupLimits): readonly (readonly [file: string, value: number, isOptional?: boolean])[];
}

/** Null where this process may not make groups, or the kernel counts no memory in them. */
export async function openControlGroups(): Promise<ControlGroups | null> {
  for (const hierarchies of [unified(), separate()]) {
    if (hierarchies === null) continue;
    const groups = createControlGroups(hierarchies);
    try {
      await (await groups.create(`probe-${process.pid}`, { memoryBytes: 64 * 1024 * 1024, processes: 8 })).remove();
      await removeLeftovers(hierarchies);
      return groups;
    } catch {
      // Read-only, not ours, or without the controller: as good as none.
    }
  }
  return null;
}

function createControlGroups(hierarchies: readonly Hierarchy[]): ControlGroups {
  return {
    async create(name, limits) {
      const folders = hierarchies.map(({ folder }) => join(folder, NAME + name));
      for (const [index, folder] of folders.entries()) {
        await mkdir(folder, { recursive: true });
        for (const [file, value, isOptional = false] of hierarchies[index]!.settings(limits)) {
          const written = writeFile(join(folder, file), String(value));
          await (isOptional ? written.catch(() => {}) : written); // Not every kernel counts swap.
        }
      }
      return {
        files: folders.map((folder) => join(folder, 'cgroup.procs')),
        remove: async () => void (await Promise.all(folders.map(removeGroup))),
      };
    },
  };
}

/** Its processes are gone; the kernel may need a moment to see it. */
async function removeGroup(folder: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await rmdir(folder);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      // Whoever starts next removes it.
      if (code !== 'EBUSY' || attempt === REMOVE_ATTEMPTS) return;
      await delay(REMOVE_AGAIN_MS);
    }
  }
}

/** Of workers that died. A group that is in use cannot be removed. */
async function removeLeftovers(hierarchies: readonly Hierarchy[]): Promise<void> {
  for (const { folder } of hierarchies) {
    for (const name of readdirSync(folder).filter((entry) => entry.startsWith(NAME))) {
      await rmdir(join(folder, name)).catch(() => {});
    }
  }
}

/** Version 2: one tree. Groups are made beside the processes of this one, in its parent, or at the root of what is seen. */
function unified(): Hierarchy[] | null {
  if (!existsSync(join(ROOT, 'cgroup.controllers'))) return null;
  const settings = ({ memoryBytes, processes }: GroupLimits) =>
    [
      ['memory.max', memoryBytes],
      ['pids.max', processes],
      ['memory.swap.max', 0, true],
      ['memory.oom.group', 1, true],
    ] as const;
  return [{ folder: ROOT, settings }];
}

/** Version 1: a tree for each controller. */
function separate(): Hierarchy[] | null {
  const own = readOwnGroups();
  const [memory, pids] = [own.get('memory'), own.get('pids')];
  if (memory === undefined || pids === undefined) return null;
  return [
    {
      folder: existingFolder('memory', memory),
      settings: ({ memoryBytes }) => [
        ['memory.limit_in_bytes', memoryBytes],
        ['memory.memsw.limit_in_bytes', memoryBytes, true],
      ],
    },
    { folder: existingFolder('pids', pids), settings: ({ processes }) => [['pids.max', processes]] },
  ];
}

/** In a container, the own path may be one of the machine that is not seen here. */
function existingFolder(controller: string, path: string): string {
  const folder = join(ROOT, controller, path);
  return existsSync(folder) ? folder : join(ROOT, controller);
}

function readOwnGroups(): Map<string, string> {
  if (!existsSync('/proc/self/cgroup')) return new Map();
  const lines = readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n');
  return new Map(
    lines.flatMap((line) => {
      const [, controllers = '', path = '/'] = line.split(':');
      return controllers.split(',').map((controller): [string, string] => [controller, path]);
    }),
  );
}
