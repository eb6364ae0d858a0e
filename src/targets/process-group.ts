import { spawn, type ChildProcess, type IOType } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

/** Inherited by everything that a process of ours starts, also by what leaves its group (`setsid`, double fork). */
const MARKER = 'WINDLASS_PROCESS_MARKER';
const LOOK_AGAIN_MS = 20;

/** By what processes of ours are found: the leader of their group, and the marker that they inherited, or one of several. */
export interface ProcessTrace {
  readonly leader: number | null;
  readonly marker: string | readonly string[] | null;
}

/** A program, and what it reads from the descriptors 3, 4 and so on. */
export interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly inputs: readonly string[];
}

/** A shell command; or a program, made with what the processes that it starts must have in their environment. */
export type Startable = string | ((inherited: Readonly<Record<string, string>>) => Program);

export interface GroupOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdio: readonly [IOType | number, IOType | number, IOType | number];
  readonly marker: string;
}

/** Starts a command as the leader of a new process group, with exactly this environment and the marker. */
export function spawnGroup(command: Startable, { cwd, env, stdio, marker }: GroupOptions): ChildProcess {
  const inherited = { [MARKER]: marker };
  const { file, args, inputs } =
    typeof command === 'string' ? { file: '/bin/sh', args: ['-c', command], inputs: [] } : command(inherited);
  const child = spawn(file, args, {
    cwd,
    env: { ...env, ...inherited },
    stdio: [...stdio, ...inputs.map(() => 'pipe' as const)],
    detached: true,
  });
  for (const [index, text] of inputs.entries()) {
    const input = child.stdio[stdio.length + index] as Writable | null | undefined;
    input?.on('error', () => {}); // It ended without reading all of it, and says why by how it ended.
    input?.end(text);
  }
  return child;
}

/** SIGTERM, after the grace SIGKILL, to a group and to what left it. Resolves when all of it is gone. */
export async function terminateGroup(trace: ProcessTrace, graceMs: number): Promise<void> {
  signalAll(trace, 'SIGTERM');
  const deadline = Date.now() + graceMs;
  while (Date.now() < deadline) {
    if (!isGroupAlive(trace)) return;
    await delay(LOOK_AGAIN_MS);
  }
  while (isGroupAlive(trace)) {
    signalAll(trace, 'SIGKILL');
    await delay(LOOK_AGAIN_MS);
  }
}

/** Whether anything of a group still runs. A zombie does not. */
export function isGroupAlive(trace: ProcessTrace): boolean {
  return membersOf(trace).length > 0;
}

function signalAll(trace: ProcessTrace, signal: NodeJS.Signals): void {
  const group = trace.leader === null ? [] : [-trace.leader];
  for (const pid of [...group, ...membersOf(trace)]) {
    try {
      process.kill(pid, signal);
    } catch {
      // It ended by itself since we looked.
    }
  }
}

function membersOf({ leader, marker }: ProcessTrace): number[] {
  if (!existsSync('/proc/self/stat')) return leader !== null && isSignalable(-leader) ? [leader] : [];
  const markers = marker === null ? [] : [marker].flat();
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const stat = readStat(pid);
      if (stat === null || stat.state === 'Z') return false;
      if (stat.group === leader) return true;
      const inherited = markers.length > 0 ? readMarker(pid) : null;
      return inherited !== null && markers.includes(inherited);
    });
}

function isSignalable(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The marker that a process inherited. Null when it has none. */
function readMarker(pid: number): string | null {
  try {
    const variables = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
    return variables.find((variable) => variable.startsWith(`${MARKER}=`))?.slice(MARKER.length + 1) ?? null;
  } catch {
    return null; // Gone since we looked, or another user's.
  }
}

/** All running processes that something of ours started, with the marker they inherited. Empty where there is no /proc. */
export function findMarkedProcesses(): { pid: number; marker: string }[] {
  if (!existsSync('/proc/self/stat')) return [];
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name);
    const marker = Number.isInteger(pid) && readStat(pid)?.state !== 'Z' ? readMarker(pid) : null;
    return marker === null ? [] : [{ pid, marker }];
  });
}

/** A process's name, which may hold anything, stands in brackets before the fields. */
function readStat(pid: number): { state: string; group: number; startedAt: string } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0]!, group: Number(fields[2]), startedAt: fields[19]! };
  } catch {
    return null; // Gone since we looked.
  }
}

/**
 * Tells a process apart from a later one with the same number: when it started, and since which boot of the machine.
 * Null when there is no such process, or no way to tell.
 */
export function processIdentity(pid: number): string | null {
  const stat = readStat(pid);
  if (!stat || stat.state === 'Z') return null;
  return `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()}:${stat.startedAt}`;
}
