import { defineConfig } from 'vitest/config';

export default defineConfig({
  // graphql 16 ships CommonJS ("main") and modules ("module"): Vite takes the one, Node's own import the other, and two
  // copies of graphql do not know each other's types. Node's it is.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['test/**/*.test.ts'],
    // `npm run test:faults` and `npm run test:page`.
    exclude: ['test/faults/**', 'test/page/**'],
    globalSetup: ['test/kit/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 180_000,
    hookTimeout: 120_000,
    reporters: ['default', './test/kit/reporter.ts'],
  },
});
