import type pg from 'pg';
import { Prisma } from '../generated/prisma/client.ts';

/** Runs single statements. A PrismaClient does, and so does a transaction, in which they belong together. */
export interface Statements {
  $queryRaw<T = unknown>(query: TemplateStringsArray | Prisma.Sql, ...values: unknown[]): Promise<T>;
  /** A text that others wrote, with its values. */
  $queryRawUnsafe<T = unknown>(text: string, ...values: unknown[]): Promise<T>;
}

/**
 * Runs statements that belong together: they are committed when `work` is done, and taken back when it throws. `last` is
 * one more statement, sent with the commit: what it locks is held for as long as the server needs for both, and not until
 * its answer has come here and the commit has gone back. It must send its statement before it waits for anything, and fail
 * in the server: what fails before that is too late to keep the rest from being committed.
 */
export type Transact<Tx = Statements> = <T>(
  work: (tx: Tx) => Promise<T>,
  last?: (tx: Tx) => Promise<unknown>,
) => Promise<T>;

/** Gives a statement the name by which the server keeps its plan; empty: none. */
export type StatementNames = (statement: { readonly sql: string }) => string;

/**
 * Statements for what is done again and again, without Prisma in between: `select 1` takes 0.6 ms of processor time
 * through Prisma, and 0.2 ms so. They are written as for Prisma, but int8, numeric and bytea come as `pg` reads them.
 */
export function createStatements(pool: pg.Pool | pg.PoolClient, nameOf: StatementNames = () => ''): Statements {
  async function run<T>(text: string, values: unknown[]): Promise<T> {
    const { rows } = await pool.query({ name: nameOf({ sql: text }), text, values });
    return rows as T;
  }
  return {
    async $queryRaw<T>(query: TemplateStringsArray | Prisma.Sql, ...values: unknown[]) {
      const statement = query instanceof Prisma.Sql ? query : Prisma.sql(query, ...values);
      return run<T>(statement.text, statement.values);
    },
    $queryRawUnsafe: (text, ...values) => run(text, values),
  };
}

/**
 * Transactions of such statements, each on a connection of its own. The pool's connections must send a statement without
 * waiting for the answer to the one before (`pipeline`).
 */
export function createTransact(pool: pg.Pool, nameOf?: StatementNames): Transact {
  return (work, last) =>
    onConnection(pool, async (client) => {
      const tx = createStatements(client, nameOf);
      const begun = client.query('begin');
      // The connection broke, and what comes after it fails as well.
      begun.catch(() => {});
      const answer = await work(tx);
      const [, committed] = await Promise.all([last?.(tx), client.query('commit'), begun]);
      // After a statement that failed, and whose error `work` kept to itself.
      if (committed.command !== 'COMMIT') throw new Error('The transaction was taken back by the database.');
      return answer;
    });
}

/** Does something on a connection that nobody else uses meanwhile. When it throws, its open transaction is taken back. */
export async function onConnection<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  // A connection that breaks while it is held says so here, and to the statement that waits for it.
  let broken: Error | undefined;
  const onError = (error: Error) => {
    broken = error;
  };
  client.on('error', onError);
  try {
    return await work(client);
  } catch (error) {
    await client.query('rollback').catch((cause: Error) => {
      broken ??= cause;
    });
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}

/** A connection keeps the plan of each name until it ends. */
const NAMED_STATEMENTS_MAX = 200;
const UNNAMED = '';

/**
 * Names the statements that come more than once, so that the server plans them once for each connection: that was a
 * quarter of the time of a phase's transition.
 */
export function createStatementNames(): StatementNames {
  const names = new Map<string, string>();
  let namesGiven = 0;
  return ({ sql }) => {
    if (!names.has(sql)) {
      // Most of what comes once, such as a list of ids of another length, never comes again.
      if (names.size < NAMED_STATEMENTS_MAX * 10) names.set(sql, UNNAMED);
      return UNNAMED;
    }
    const known = names.get(sql)!;
    if (known !== UNNAMED || namesGiven === NAMED_STATEMENTS_MAX) return known;
    namesGiven += 1;
    const name = `windlass_${namesGiven}`;
    names.set(sql, name);
    return name;
  };
}
