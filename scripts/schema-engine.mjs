#!/usr/bin/env node
// A drop-in for Prisma's native schema engine: the same JSON-RPC over standard input and output, on the WASM build from
// npm and a throw-away embedded database. Enough for `prisma generate` and `prisma migrate diff`; Windlass applies its
// migrations by itself (src/store/migrate.ts).
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { PGlite } from '@electric-sql/pglite';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import pg from 'pg';
import { PGliteStream } from '../src/store/pglite-stream.mjs';

const { values: options } = parseArgs({
  allowPositionals: true,
  strict: false,
  options: { datamodels: { type: 'string', multiple: true }, datasource: { type: 'string' } },
});

const CATALOGUE_CHAR = 18;

async function openThrowAwayDatabase() {
  const database = await PGlite.create();
  const pool = new pg.Pool({
    stream: () => new PGliteStream(database),
    user: 'postgres',
    database: 'postgres',
    max: 1,
  });
  const adapter = await new PrismaPg(pool, { disposeExternalPool: true }).connect();
  // adapter-pg 7.10.0 splits scripts on ";", which breaks function bodies.
  adapter.executeScript = async (script) => void (await pool.query(script));
  // adapter-pg 7.10.0 refuses the catalogue type "char" that the schema engine reads.
  const { performIO, queryRaw } = adapter;
  adapter.performIO = async function (query) {
    const result = await performIO.call(this, query);
    query.charColumns = (result.fields ?? []).flatMap((field, i) => (field.dataTypeID === CATALOGUE_CHAR ? [i] : []));
    for (const i of query.charColumns) result.fields[i].dataTypeID = 25;
    return result;
  };
  adapter.queryRaw = async function (query) {
    const result = await queryRaw.call(this, query);
    for (const i of query.charColumns) result.columnTypes[i] = ColumnTypeEnum.Character;
    return result;
  };
  const dispose = adapter.dispose.bind(adapter);
  adapter.dispose = async () => {
    await dispose();
    await database.close();
  };
  return adapter;
}

async function loadEngine() {
  const bindings = await import('@prisma/schema-engine-wasm/schema_engine_bg');
  // Node 20 cannot import .wasm.
  const wasm = createRequire(import.meta.url)
    .resolve('@prisma/schema-engine-wasm/schema_engine_bg')
    .replace(/\.js$/, '.wasm');
  const { instance } = await WebAssembly.instantiate(readFileSync(wasm), { './schema_engine_bg.js': bindings });
  bindings.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  const factory = bindMigrationAwareSqlAdapterFactory({
    provider: 'postgres',
    adapterName: '@prisma/adapter-pg',
    connect: openThrowAwayDatabase,
    connectToShadowDb: openThrowAwayDatabase,
  });
  const datamodels = options.datamodels?.map((file) => [file, readFileSync(file, 'utf8')]);
  return bindings.SchemaEngine.new({ datamodels }, () => {}, factory);
}

let engine;
const answer = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);

for await (const line of createInterface({ input: process.stdin })) {
  if (!line.trim()) continue;
  const { id, method, params } = JSON.parse(line);
  if (!method) continue; // An acknowledgement of our own "print".
  try {
    engine ??= await loadEngine();
    const result = await engine[method === 'getDatabaseVersion' ? 'version' : method](params);
    if (method === 'diff' && result.stdout) {
      answer({ id: 0, method: 'print', params: { content: result.stdout } });
      result.stdout = null;
    }
    answer({ id, result: result ?? null });
  } catch (error) {
    const message = error?.message ?? String(error);
    answer({ id, error: { code: 4466, message, data: { is_panic: false, message, meta: error?.meta ?? {} } } });
  }
}
process.exit(0);
