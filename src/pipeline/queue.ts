import { fromPrisma, PgBoss, type Db, type Job, type JobAttempt } from 'pg-boss';
import { Prisma } from '../generated/prisma/client.ts';
import type { Database } from '../store/db.ts';
import type { Statements } from '../store/statements.ts';
import { findNextTurn } from '../store/turns.ts';
import type { Log } from '../telemetry.ts';
import { openQueueConnection } from './queue-connection.ts';

const QUEUE = 'deploy';
const HEARTBEAT_SECONDS = 10;
/** The most that the queue lists at once. */
const TICKETS_MAX = 100_000;

/** Reads what pg-boss keeps: it has no call that asks for keys. */
const WITHOUT_TICKET = `
  select app.id from unnest($2::text[]) as app(id)
  where not exists (
    select from pgboss.job where name = $1 and singleton_key = app.id and state in ('created', 'retry', 'active')
  )`;

interface Ticket {
  readonly productionAppId: string;
}

/** A ticket in a handler's hands. */
export interface HeldTicket {
  /** A condition that holds while it is this handler's: after a freeze, or an outage of the database, it may be another's. */
  readonly isHeld: Prisma.Sql;
}

/**
 * Delivers tickets. A ticket names an app that has open work, not a deployment: which one is next is the database's to
 * say. At most one ticket of an app is out at any time, and a dead worker's comes back within about 11 seconds. Waiting
 * tickets are handed out by the turns of their apps' next deployments, so that no organization holds up the others.
 */
export interface Queue {
  /**
   * In the transaction of what it is for: neither exists without the other. The only way to enqueue. Whoever knows the
   * turn of the app's next deployment says it.
   */
  sendTicket(tx: Statements, productionAppId: string, turn?: number): Promise<void>;
  /** For what waits behind the deployment whose ticket is in hand: nothing is lost with it that this one does not mend. */
  sendNextTicket(productionAppId: string, turn: number): Promise<void>;
  /** Hands out tickets to this many handlers at once. A handler that throws gives its ticket back. */
  work(handlers: number, handler: (productionAppId: string, ticket: HeldTicket) => Promise<void>): Promise<void>;
  /** Hands out no more tickets here. Those that are out stay out until their handlers end. */
  pause(): Promise<void>;
  /** Of some apps, those that no ticket is out or waiting for. */
  findWithoutTicket(productionAppIds: readonly string[]): Promise<string[]>;
  /** Gives back what a process that died left in its hands. Only for who knows that no other process lives. */
  reclaimAll(): Promise<number>;
  close(): Promise<void>;
}

/** `databaseUrl` is null for the embedded database, whose one connection the queue shares. */
export async function openQueue(database: Database, databaseUrl: string | null, log: Log): Promise<Queue> {
  const lanes = new Lanes((lane) => boss.notifyWorker(lane));
  const connection = openQueueConnection(database, databaseUrl, log, () => lanes.wake());
  const boss = new PgBoss({
    db: connection.db,
    ...(connection.backend ? { backend: connection.backend } : {}),
    useListenNotify: true,
    schedule: false,
    superviseIntervalSeconds: 1,
    // Only what is monitored is looked through for lost heartbeats: with the default a take-over waits for a minute.
    monitorIntervalSeconds: 1,
    monitorVacuum: false,
    registerInstance: false,
  });
  boss.on('error', (error) => log.warn({ err: error }, 'The queue had an error and goes on'));
  await boss.start();
  await boss.createQueue(QUEUE, {
    policy: 'singleton',
    notify: true,
    heartbeatSeconds: HEARTBEAT_SECONDS,
    // Heartbeats do not extend this: with the default of 15 minutes a live deployment would be given out twice.
    expireInSeconds: 86_400,
    retryLimit: 1_000_000,
    retryDelay: 0,
    // Nobody asks what became of a ticket: the deployments say it.
    deleteAfterSeconds: 60,
  });
  let isPaused = false;

  /** Nobody is notified of a ticket that fails, and the next look may be a second away. One too many does no harm. */
  async function giveBack(ticket: Job<Ticket>): Promise<void> {
    await boss.fail(QUEUE, ticket);
    await boss.send(QUEUE, ticket.data, { singletonKey: ticket.data.productionAppId });
  }

  /** One waiting ticket of an app is enough, as long as its turn is right. */
  async function upsertTicket(productionAppId: string, turn: number, options: { db?: Db } = {}): Promise<void> {
    const ticket: Ticket = { productionAppId };
    await boss.upsert(QUEUE, ticket, { ...options, singletonKey: productionAppId, priority: -turn });
  }

  return {
    async sendTicket(tx, productionAppId, turn) {
      const known = turn ?? (await findNextTurn(tx, productionAppId)) ?? 0;
      await upsertTicket(productionAppId, known, { db: fromPrisma(tx) });
    },
    sendNextTicket: (productionAppId, turn) => upsertTicket(productionAppId, turn),
    async work(handlers, handler) {
      const options = {
        pollingIntervalSeconds: 0.5,
        // A lost worker's ticket comes back without a notice.
        notifyPollingIntervalSeconds: 0.5,
        heartbeatRefreshSeconds: 1,
        localConcurrency: 1,
        batchSize: 1,
      };
      for (let i = 0; i < handlers; i += 1) {
        // No look has an answer before this one is there.
        const lane = await boss.work<Ticket>(QUEUE, options, async ([ticket]) => {
          if (!ticket) return;
          lanes.begin(lane);
          try {
            await handler(ticket.data.productionAppId, holdTicket(ticket));
          } catch (error) {
            lanes.rest(lane);
            if (isPaused) await giveBack(ticket);
            throw error;
          }
          lanes.goOn(lane);
        });
        lanes.rest(lane);
      }
    },
    async findWithoutTicket(productionAppIds) {
      const { rows } = await database.pool.query<{ id: string }>(WITHOUT_TICKET, [QUEUE, productionAppIds]);
      return rows.map(({ id }) => id);
    },
    async pause() {
      isPaused = true;
      await boss.offWork(QUEUE, { wait: false });
    },
    async reclaimAll() {
      // Oldest first, and those in somebody's hands are among the newest.
      const tickets = await boss.findJobs<Ticket>(QUEUE, { limit: TICKETS_MAX });
      const held = tickets.filter(({ state }) => state === 'active');
      for (const { id } of held) await boss.fail(QUEUE, id);
      return held.length;
    },
    async close() {
      // Handlers were told to stop before; whoever does not is given up after the time-out.
      await boss.stop({ graceful: true, timeout: 10_000, close: true });
      await connection.close();
    },
  };
}

/** By the attempt, too: whoever gets it after a holder that was lost has another one. */
function holdTicket({ id, retryCount }: JobAttempt): HeldTicket {
  return {
    isHeld: Prisma.sql`exists (
      select from pgboss.job
      where name = ${QUEUE} and id = ${id}::uuid and retry_count = ${retryCount} and state = 'active')`,
  };
}

/**
 * The handlers of one process, each of which pg-boss has look for a ticket twice a second, and when it is woken.
 *
 * One ticket wakes one of those that are idle. It may be on its way to a look already, and find another ticket: then it
 * wakes the next one. Whoever ends a ticket looks again at once, since that notifies nobody, and one of the same app may
 * have waited for it; but not whoever gave it back, which would be tried again without end.
 */
class Lanes {
  readonly #wakeLane: (lane: string) => void;
  /** Those that were woken longest ago first. */
  readonly #idle = new Set<string>();
  /** Tickets that were heard of, as far as it is not known that somebody has them. */
  #heard = 0;

  constructor(wakeLane: (lane: string) => void) {
    this.#wakeLane = wakeLane;
  }

  wake(): void {
    this.#heard = Math.min(this.#heard + 1, this.#idle.size);
    this.#wakeNext();
  }

  begin(lane: string): void {
    this.#idle.delete(lane);
    this.#heard = Math.max(0, this.#heard - 1);
    if (this.#heard > 0) this.#wakeNext();
  }

  rest(lane: string): void {
    this.#idle.add(lane);
  }

  goOn(lane: string): void {
    this.#idle.add(lane);
    this.#wakeLane(lane);
  }

  #wakeNext(): void {
    const [lane] = this.#idle;
    if (lane === undefined) return;
    this.#idle.delete(lane);
    this.#idle.add(lane);
    this.#wakeLane(lane);
  }
}
