import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { manifestFile } from '../src/domain/manifest.ts';
import { printedSchema } from '../src/graphql/print-schema.ts';
import { withAccessTable } from './access-table.ts';

/**
 * Writes the generated files that are committed; with `--check`, compares them instead and fails when one is stale.
 * `prisma generate` must have run before.
 */
const FILES: Record<string, string> = {
  'schema.graphql': printedSchema(),
  'docs/security.md': withAccessTable(readFileSync('docs/security.md', 'utf8')),
  'docs/manifest.schema.json': `${JSON.stringify(z.toJSONSchema(manifestFile, { io: 'input' }), null, 2)}\n`,
};

const isCheck = process.argv.includes('--check');
const stale = Object.entries(FILES).filter(([file, text]) => isCheck && readFileSync(file, 'utf8') !== text);
for (const [file] of stale) console.error(`${file} is stale: run "npm run generate" and commit it.`);
if (stale.length > 0) process.exit(1);
if (!isCheck) for (const [file, text] of Object.entries(FILES)) writeFileSync(file, text);
