import { defineConfig } from 'vitest/config';

// `npm run test:faults`: every row, one file after the other, for each has servers and load of its own.
export default defineConfig({
  ssr: { resolve: { conditions: ['mlc-source'] } },
  test: {
    globalSetup: 'test/support/global-setup.ts',
    include: ['test/faults/matrix/{quick,long}/**/*.test.ts'],
    reporters: ['default', './test/faults/matrix/reporter.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
