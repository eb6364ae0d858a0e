import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Database } from '../../src/store/db.ts';

/** The value of a secret that every app of the tests has, and that must be found nowhere. */
export const SENTINEL = 'sentinel:Kq7"v\\wX2 pR%9/zM+4tL';
export const SENTINEL_NAME = 'SENTINEL';

/** The texts by which a secret would be found, if it were somewhere. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    bytes.toString('base64'),
    bytes.toString('hex'),
  ];
}

export function expectNoSecret(where: string, text: string, secret = SENTINEL): void {
  const found = formsOf(secret).some((form) => text.includes(form));
  expect(found, `A secret stands in ${where}`).toBe(false);
}

/** Every row of every table, the queue's too, as text. */
export async function dumpDatabase({ pool }: Pick<Database, 'pool'>): Promise<Map<string, string>> {
  const { rows: tables } = await pool.query<{ name: string }>(`
    select quote_ident(table_schema) || '.' || quote_ident(table_name) as name from information_schema.tables
    where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`);
  const dump = new Map<string, string>();
  for (const { name } of tables) {
    const { rows } = await pool.query<{ text: string }>(`select row_to_json(t)::text as text from ${name} t`);
    dump.set(name, rows.map(({ text }) => text).join('\n'));
  }
  return dump;
}

/** No row of a database and no file of the logs below a data folder holds the secret. */
export async function expectSecretKept(
  database: Pick<Database, 'pool'>,
  dataDir: string,
  secret = SENTINEL,
): Promise<void> {
  for (const [table, text] of await dumpDatabase(database)) expectNoSecret(table, text, secret);
  for (const file of filesBelow(join(dataDir, 'apps'))) {
    // In `output` is what apps printed, as they printed it, until it is masked and in the log.
    const isText = /\/logs\/|\.json$/.test(file);
    if (isText) expectNoSecret(file, readFileSync(file, 'utf8'), secret);
  }
}

function filesBelow(folder: string): string[] {
  try {
    if (!statSync(folder).isDirectory()) return [folder];
  } catch {
    return []; // Never made, or gone since we looked.
  }
  return readdirSync(folder).flatMap((name) => (name === 'releases' ? [] : filesBelow(join(folder, name))));
}
