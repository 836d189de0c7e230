/** Redis frozen, thawed, killed, under the load of an application. */
import { expect } from 'vitest';
import { testCache } from '../../../support/cache.js';
import { endAfterEach, kept } from '../../../support/ends.js';
import { databaseUrl, freshNamespace, startRedis } from '../../../support/servers.js';
import { Load } from '../load.js';
import { row } from '../row.js';
import { BUDGET } from '../setting.js';

endAfterEach();

row(
  3,
  {
    fault: 'Redis SIGKILL, port refused',
    expected: 'fails fast, no failed request, no unhandled rejection; used again when it is back',
  },
  async (figures) => {
    const server = await kept(startRedis());
    const { cache } = await testCache({
      namespace: freshNamespace(),
      redis: server.url,
      database: databaseUrl(),
      budget: BUDGET,
    });
    const load = new Load([cache], { ttl: 50, writeEvery: 20 });
    await load.during(500);
    await server.kill();
    const gone = await load.during(2_000);
    await server.restart();
    const back = performance.now();
    await expect.poll(() => cache.stats().tiers.l2.state, { timeout: 10_000 }).toBe('up');
    figures.ms('used again after', performance.now() - back, 2_000);
    const after = await load.stop();
    figures.ms('p99 of the app while it is gone', gone.p99);
    figures.count('failed requests', gone.errors.length + after.errors.length, 0);
    figures.count('wrong values', gone.wrong + after.wrong, 0);
    expect(gone.requests).toBeGreaterThan(100);
  },
);
