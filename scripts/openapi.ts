import { readFileSync, writeFileSync } from 'node:fs';
import { createOpenApi } from '../src/http/openapi.ts';

/** Writes docs/openapi.json; with `--check`, fails when it is stale. The routes need the generated documents. */
const FILE = 'docs/openapi.json';
const text = `${JSON.stringify(createOpenApi(), null, 2)}\n`;

if (!process.argv.includes('--check')) writeFileSync(FILE, text);
else if (readFileSync(FILE, 'utf8') !== text) {
  console.error(`${FILE} is stale: run "npm run generate" and commit it.`);
  process.exitCode = 1;
}
