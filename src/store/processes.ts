import { setTimeout as delay } from 'node:timers/promises';
import type { PrismaClient } from '../generated/prisma/client.ts';
import type { Log } from '../telemetry.ts';
import { isDatabaseAway } from './outage.ts';

const BEAT_MS = 3_000;
const STOP_MS_MAX = 2_000;
/** As long as a worker's ticket stays its own without a sign of life. */
const SILENT_SECONDS_MAX = 10;
/** How long a process that died is still told of. */
const DEAD_SECONDS_MAX = 3_600;

/** What a process says of itself. */
export interface ProcessFacts {
  readonly id: string;
  readonly roles: readonly string[];
  readonly version: string;
  readonly startedAt: Date;
  /** Of a worker. */
  readonly slots?: number;
  readonly isSandboxed?: boolean;
  /** Of a host agent. */
  readonly hostId?: string;
}

export interface Heartbeat {
  /** Resolves when the process is not told of any more. */
  stop(): Promise<void>;
}

/** Writes down that this process lives, now and again and again, and forgets those that are long dead. */
export async function startHeartbeat(
  { prisma, log }: { prisma: PrismaClient; log: Log },
  facts: ProcessFacts,
  isBusConnected: () => boolean,
): Promise<Heartbeat> {
  const stopping = new AbortController();
  await beat(prisma, facts, isBusConnected());
  const beating = (async () => {
    while (!stopping.signal.aborted) {
      await delay(BEAT_MS, undefined, { signal: stopping.signal }).catch(() => {}); // Stopped while it waited.
      if (stopping.signal.aborted) return;
      await beat(prisma, facts, isBusConnected()).catch((error: unknown) => {
        // Of an outage others tell.
        if (!isDatabaseAway(error)) log.warn({ err: error }, 'A sign of life could not be written; the next one may');
      });
    }
  })();
  return {
    async stop() {
      stopping.abort();
      const leaving = beating
        .then(() => prisma.process.deleteMany({ where: { id: facts.id } }))
        .catch((error: unknown) => {
          // Whoever stops while the database is away is told of as dead, and forgotten later.
          if (!isDatabaseAway(error)) log.warn({ err: error }, 'It could not be written down that this process ends');
        });
      // What this process is at is stopped after this, and must not wait for a database that stands still.
      await Promise.race([leaving, delay(STOP_MS_MAX, undefined, { ref: false })]);
    },
  };
}

/** By the clock of the database: those of machines may differ. */
async function beat(prisma: PrismaClient, facts: ProcessFacts, isBusConnected: boolean): Promise<void> {
  const { id, roles, version, startedAt, slots = null, isSandboxed = null, hostId = null } = facts;
  await prisma.$executeRaw`
    insert into processes
      (id, roles, version, started_at, seen_at, is_bus_connected, slots, is_sandboxed, host_id)
    values (${id}, ${[...roles]}, ${version}, ${startedAt}, now(), ${isBusConnected}, ${slots}::int,
      ${isSandboxed}::boolean, ${hostId}::text)
    on conflict (id) do update set seen_at = excluded.seen_at, is_bus_connected = excluded.is_bus_connected`;
  await prisma.$executeRaw`
    delete from processes where seen_at < now() - ${DEAD_SECONDS_MAX} * interval '1 second'`;
}

/** Only for who knows that no other process lives. */
export async function forgetProcesses(prisma: PrismaClient): Promise<void> {
  await prisma.process.deleteMany();
}

/** A process as it was last heard of. */
export interface ListedProcess {
  readonly id: string;
  readonly roles: readonly string[];
  readonly version: string;
  readonly startedAt: Date;
  readonly seenAt: Date;
  readonly isAlive: boolean;
  readonly isBusConnected: boolean;
  readonly slots: number | null;
  readonly isSandboxed: boolean | null;
  readonly hostId: string | null;
  /** Of all tenants: how many deployments it is at, and how many releases run on its host. */
  readonly deploymentCount: number;
  readonly releaseCount: number;
}

/** Those that live and those that died lately, who started first comes first. */
export function listProcesses(prisma: PrismaClient): Promise<ListedProcess[]> {
  return prisma.$queryRaw<ListedProcess[]>`
    select p.id, p.roles, p.version, p.started_at as "startedAt", p.seen_at as "seenAt",
      p.seen_at > now() - ${SILENT_SECONDS_MAX} * interval '1 second' as "isAlive",
      p.is_bus_connected as "isBusConnected", p.slots, p.is_sandboxed as "isSandboxed", p.host_id as "hostId",
      (select count(*)::int from deployments d where d.status = 'in_progress' and d.worker_id = p.id)
        as "deploymentCount",
      (select count(*)::int from releases r where r.host_id = p.host_id and r.observed in ('healthy', 'unhealthy'))
        as "releaseCount"
    from processes p order by p.id`;
}
