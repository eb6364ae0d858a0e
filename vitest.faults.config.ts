import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

/** Faults on purpose, in real processes, on a PostgreSQL server of each file's own. They run what `npm run build` made. */
export default defineConfig({
  ...base,
  test: {
    include: ['test/faults/**/*.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 180_000,
    reporters: ['default', './test/kit/reporter.ts'],
  },
});
