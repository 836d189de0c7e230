import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// `npm run test:ioredis6`: the same tests with the next major version of the client.
const alias: Record<string, string> = process.env['IOREDIS'] === '6' ? { ioredis: 'ioredis6' } : {};

/** The simulation takes longest and keeps one core busy: begun last, it would have the other one wait. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): boolean => moduleId.includes('/simulation/');
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  resolve: { alias },
  // Workspace packages resolve to their sources, so tests need no build. Nothing else belongs in this list: 'import' or
  // 'default' here would be handed to Node and change how CommonJS dependencies load.
  ssr: { resolve: { conditions: ['mlc-source'] } },
  test: {
    globalSetup: 'test/support/global-setup.ts',
    sequence: { sequencer: LongestFirst },
    testTimeout: 15_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'side by side',
          include: ['libs/*/test/**/*.test.ts', 'apps/*/test/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: ['**/node_modules/**', '**/dist/**', 'test/browser/**', 'test/faults/**'],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          // They stop servers, flood them and stand event loops: whatever runs beside them would be a second fault.
          name: 'alone',
          include: ['test/faults/**/*.test.ts'],
          exclude: ['test/faults/matrix/long/**'],
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
