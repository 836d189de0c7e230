/** Redis frozen and thawed: what it does late of what it was told before. */
import { expect } from 'vitest';
import { testCache } from '../../../support/cache.js';
import { endAfterEach } from '../../../support/ends.js';
import { freshNamespace } from '../../../support/servers.js';
import { Load } from '../load.js';
import { row } from '../row.js';
import { BUDGET, ownRedis, States } from '../setting.js';

endAfterEach();

row(
  2,
  {
    fault: 'Redis SIGCONT after SIGSTOP',
    expected:
      'used again; nothing it was told before it froze survives an invalidation made meanwhile',
  },
  async (figures) => {
    const server = await ownRedis();
    // Nobody but this process remembers what Redis has not taken.
    const urls = { namespace: freshNamespace(), redis: server.url };
    const { cache } = await testCache({ ...urls, budget: BUDGET, l1Ttl: 50 });
    const states = new States(cache);
    const load = new Load([cache], { keys: 40, writeEvery: 4 });
    await load.during(500);
    await server.freeze();
    const frozen = await load.during(3_000);
    expect(states.told.at(-1)?.state).not.toBe('up');
    const thawed = performance.now();
    await server.thaw();
    await expect
      .poll(() => states.since(thawed, true), { interval: 1, timeout: 10_000 })
      .toBeDefined();
    figures.ms('ms to closed', states.since(thawed, true)! - thawed, 2_000);
    const newcomer = await testCache({ ...urls, l1: false });
    figures.count('stale fills', await load.older(newcomer.cache), 0);
    const after = await load.during(1_000);
    await load.stop();
    figures.count('failed requests', frozen.errors.length + after.errors.length, 0);
    figures.count('wrong values', frozen.wrong + after.wrong, 0);
    expect(cache.stats().tiers.l2.state).toBe('up');
    expect(await load.older(newcomer.cache)).toBe(0);
  },
);
