import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

/** Another one each time, unless it is given. */
const seed = process.env['FAULT_SEED'] ?? String(Date.now() % 1_000_000);
console.log(`FAULT_SEED=${seed} has these faults again.`);

/** Faults on purpose, in real processes, on a PostgreSQL server of each file's own. They run what `npm run build` made. */
export default defineConfig({
  ...base,
  test: {
    include: ['test/faults/**/*.test.ts'],
    env: { FAULT_SEED: seed },
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 180_000,
    reporters: ['default', './test/kit/reporter.ts'],
  },
});
