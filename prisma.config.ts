import { fileURLToPath } from 'node:url';
import { defineConfig } from 'prisma/config';

// Prisma's command line looks for a native engine and would download it. This one is ours, on the WASM build from npm;
// PRISMA_NATIVE_ENGINE=1 goes back to Prisma's own.
if (!process.env['PRISMA_NATIVE_ENGINE']) {
  process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= fileURLToPath(new URL('./scripts/schema-engine.mjs', import.meta.url));
}

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: 'postgresql://localhost/embedded' },
});
