import { fromPrisma, PgBoss, type Db, type Job, type JobAttempt } from 'pg-boss';
import type { Database, Transaction } from '../store/db.ts';
import { findNextTurn } from '../store/turns.ts';
import type { Log } from '../telemetry.ts';

const QUEUE = 'deploy';
const HEARTBEAT_SECONDS = 10;
/** After a sign that a ticket is held, it stays so for this long whatever happens. */
const HELD_FOR_SURE_MS = 1_000;
/** The most that the queue lists at once. */
const TICKETS_MAX = 100_000;

/** Reads what pg-boss keeps: it has no call that asks for keys. */
export const WITHOUT_TICKET = `
  select app.id from unnest($2::text[]) as app(id)
  where not exists (
    select from pgboss.job where name = $1 and singleton_key = app.id and state in ('created', 'retry', 'active')
  )`;

interface Ticket {
  readonly productionAppId: string;
}

/** A ticket in a handler's hands. */
export interface HeldTicket {
  /** Whether it is still this handler's. Nobody knows after a freeze, or an outage of the database, until asked. */
  isHeld(): Promise<boolean>;
}

/**
 * Delivers tickets. A ticket names an app that has open work, not a deployment: which one is next is the database's to
 * say. At most one ticket of an app is out at any time, and a dead worker's comes back within about 11 seconds. Waiting
 * tickets are handed out by the turns of their apps' next deployments, so that no organization holds up the others.
 */
export interface Queue {
  /** In the transaction of what it is for: neither exists without the other. The only way to enqueue. */
  sendTicket(tx: Transaction, productionAppId: string): Promise<void>;
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
  const boss = new PgBoss({
    ...(databaseUrl === null
      ? { db: shareConnection(database), backend: 'pglite' as const }
      : { connectionString: databaseUrl, max: 4 }),
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
  const workers: string[] = [];
  let isPaused = false;

  function holdTicket(ticket: JobAttempt): HeldTicket {
    let heldAt = Date.now();
    return {
      async isHeld() {
        if (Date.now() - heldAt < HELD_FOR_SURE_MS) return true;
        // Its type does not say what it answers.
        const { affected } = (await boss.touch(QUEUE, ticket)) as { affected: number };
        if (affected > 0) heldAt = Date.now();
        return affected > 0;
      },
    };
  }

  /** Nobody is notified of a ticket that fails, and the next look may be a second away. One too many does no harm. */
  async function giveBack(ticket: Job<Ticket>): Promise<void> {
    await boss.fail(QUEUE, ticket);
    await boss.send(QUEUE, ticket.data, { singletonKey: ticket.data.productionAppId });
  }

  return {
    async sendTicket(tx, productionAppId) {
      const turn = (await findNextTurn(tx, productionAppId)) ?? 0;
      const options = { db: fromPrisma(tx), singletonKey: productionAppId, priority: -turn };
      // One waiting ticket of an app is enough, as long as its turn is right.
      await boss.upsert(QUEUE, { productionAppId } satisfies Ticket, options);
    },
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
        workers.push(
          await boss.work<Ticket>(QUEUE, options, async ([ticket]) => {
            if (!ticket) return;
            await handler(ticket.data.productionAppId, holdTicket(ticket)).catch(async (error: unknown) => {
              if (isPaused) await giveBack(ticket);
              throw error;
            });
            // An ending ticket notifies nobody, and one of the same app may have waited for it.
            setTimeout(() => workers.forEach((worker) => boss.notifyWorker(worker)), 20);
          }),
        );
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
    },
  };
}

/** pg-boss on the embedded database's single connection, which others use in between. */
function shareConnection({ pool }: Database): Db {
  return {
    async executeSql(text, values) {
      const client = await pool.connect();
      try {
        const result = await client.query(text, values);
        const results = Array.isArray(result) ? result : [result];
        return { rows: results.flatMap(({ rows }) => rows ?? []) };
      } catch (error) {
        // A script of several statements may have left its transaction open.
        await client.query('rollback');
        throw error;
      } finally {
        client.release();
      }
    },
    async listen(channel, onNotification, onReconnect) {
      const client = await pool.connect();
      const listener = (message: { channel: string; payload?: string }) => {
        if (message.channel === channel) onNotification(message.payload ?? '');
      };
      client.on('notification', listener);
      await client.query(`listen "${channel.replaceAll('"', '""')}"`);
      client.release();
      onReconnect();
      return { close: async () => void client.off('notification', listener) };
    },
  };
}
