import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

/** The built page of a real server, in a real browser. */
export default defineConfig({
  ...base,
  test: {
    include: ['test/page/**/*.test.ts'],
    globalSetup: ['test/kit/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ['default', './test/kit/reporter.ts'],
  },
});
