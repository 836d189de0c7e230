/** Nobody who could say where Redis is answers at boot: the application starts and serves all the same. */
import { startCluster, startSentinel } from 'throwaway-servers';
import { expect } from 'vitest';
import type { L2Options } from '../../../../libs/multi-level-cache/src/core/options.js';
import { testCache } from '../../../support/cache.js';
import { endAfterEach, kept, later } from '../../../support/ends.js';
import { databaseUrl, freshNamespace, type Server } from '../../../support/servers.js';
import { Load } from '../load.js';
import { row } from '../row.js';
import { unharmed, untilUp } from '../stage.js';

const BUDGET = 20;
/** The first contact may take a second. */
const BOOT_MS = 1_100;

endAfterEach();

interface Fleet {
  readonly l2: Partial<L2Options>;
  /** All that the application knows of. */
  readonly known: readonly Server[];
}

const FLEETS = [
  {
    fault: 'All Sentinels are down at boot',
    start: async (): Promise<Fleet> => {
      const { name, sentinels, sentinelServers } = await kept(startSentinel());
      return { l2: { name, sentinels }, known: sentinelServers };
    },
  },
  {
    fault: 'All nodes of the cluster are down at boot',
    start: async (): Promise<Fleet> => {
      const { nodes, servers } = await kept(startCluster());
      return { l2: { cluster: nodes }, known: servers };
    },
  },
];

for (const { fault, start } of FLEETS)
  row(
    31,
    {
      fault,
      expected: 'boots within a second, serves, says that L2 is down; uses it when it comes',
    },
    async (figures) => {
      const { l2, known } = await start();
      await Promise.all(known.map((server) => server.kill()));
      const began = performance.now();
      const made = await testCache({
        namespace: freshNamespace(),
        database: databaseUrl(),
        budget: BUDGET,
        mayBeDown: true,
        l2,
      });
      figures.ms('boot', performance.now() - began, BOOT_MS);
      expect(made.cache.stats().tiers.l2).toMatchObject({
        state: 'down',
        reason: expect.stringContaining('not reachable') as string,
      });
      const load = new Load([made.cache], { ttl: 50, writeEvery: 20 });
      later(() => load.stop());
      const without = await load.during(2_000);
      expect(made.cache.stats().tiers.l2.state).toBe('down');
      await Promise.all(known.map((server) => server.restart()));
      figures.ms('used after their return', await untilUp(made, 'l2'), 5_000);
      await expect
        .poll(() => made.cache.stats().tiers.l2.writes, { timeout: 10_000 })
        .toBeGreaterThan(0);
      figures.ms('p99 of the app without them', without.p99, BUDGET);
      unharmed(figures, without, await load.stop());
    },
  );
