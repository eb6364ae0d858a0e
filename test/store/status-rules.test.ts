import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEPLOYMENT_STATUSES, mayChange, mayPhaseChange, PHASE_STATUSES } from '../../src/domain/deployment.ts';
import type { Database } from '../../src/store/db.ts';
import { createDatabase } from '../kit/database.ts';
import { createRows, insertPending } from './rows.ts';

let database: Database & AsyncDisposable;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

/** Puts a row into a status past the rules, as no code of ours can, then changes it as any code could. */
async function isRefused(table: string, where: string, from: string, to: string): Promise<boolean> {
  const client = await database.pool.connect();
  try {
    await client.query('begin');
    await client.query(`alter table ${table} disable trigger user`);
    await client.query(`update ${table} set status = '${from}' where ${where}`);
    await client.query(`alter table ${table} enable trigger user`);
    await client.query(`update ${table} set status = '${to}' where ${where}`);
    return false;
  } catch (error) {
    expect(error).toMatchObject({ code: '23514', message: expect.stringContaining(`from ${from} to ${to}`) });
    return true;
  } finally {
    await client.query('rollback');
    client.release();
  }
}

test('the database refuses the changes of a deployment that the domain does not allow, and no others', async () => {
  const id = await insertPending(database.prisma, await createRows(database.prisma));

  for (const from of DEPLOYMENT_STATUSES) {
    for (const to of DEPLOYMENT_STATUSES) {
      const refused = await isRefused('deployments', `id = '${id}'`, from, to);
      expect(refused, `${from} to ${to}`).toBe(from !== to && !mayChange(from, to));
    }
  }
});

test('the database refuses the changes of a phase that the domain does not allow, and no others', async () => {
  const id = await insertPending(database.prisma, await createRows(database.prisma));

  for (const from of PHASE_STATUSES) {
    for (const to of PHASE_STATUSES) {
      const refused = await isRefused('deployment_phases', `deployment_id = '${id}' and name = 'build'`, from, to);
      expect(refused, `${from} to ${to}`).toBe(from !== to && !mayPhaseChange(from, to));
    }
  }
});
