import { defineConfig } from 'vitest/config';

export default defineConfig({
  ssr: { resolve: { conditions: ['mlc-source'] } },
  test: { include: ['test/browser/*.test.ts'], testTimeout: 60_000, hookTimeout: 300_000 },
});
