/** Redis behind a slow network: late, or narrow. */
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { testCache, type TestCache } from '../../../support/cache.js';
import { endAfterEach } from '../../../support/ends.js';
import type { Fault, FaultProxy } from '../../../support/fault-proxy.js';
import { databaseUrl, freshNamespace, redisUrl } from '../../../support/servers.js';
import { Load } from '../load.js';
import { row } from '../row.js';
import { BUDGET, States, wayTo } from '../setting.js';

endAfterEach();

/** L2 and L3, and Redis by a way that can be made worse. */
async function behindProxy(): Promise<{ way: FaultProxy; cache: TestCache['cache'] }> {
  const way = await wayTo({ url: redisUrl() });
  const { cache } = await testCache({
    namespace: freshNamespace(),
    redis: way.url,
    database: databaseUrl(),
    l1: false,
    budget: BUDGET,
  });
  return { way, cache };
}

const LATE: readonly { readonly name: string; readonly late: Fault; readonly opens: boolean }[] = [
  { name: '+15 ms', late: { latency: 15 }, opens: false },
  { name: '+5 ms and jitter of 10', late: { latency: 5, jitter: 10 }, opens: false },
  { name: '+100 ms', late: { latency: 100 }, opens: true },
];

for (const { name, late, opens } of LATE)
  row(
    7,
    {
      fault: `Redis late by ${name}, budget ${BUDGET}`,
      expected: opens
        ? 'too slow to be asked: the breaker opens, and nobody waits'
        : 'within the budget: it answers as before',
    },
    async (figures) => {
      const { way, cache } = await behindProxy();
      const states = new States(cache);
      const load = new Load([cache], { perSecond: 100, keys: 50 });
      await load.during(1_000);
      const end = way.worsen({ replies: late });
      // What has been answered late before the breaker knows.
      const first = await load.during(500);
      const hits = cache.stats().tiers.l2.hits;
      const during = await load.during(3_000);
      const share = (cache.stats().tiers.l2.hits - hits) / during.requests;
      const opened = states.count('degraded');
      end();
      await expect.poll(() => cache.stats().tiers.l2.state, { timeout: 5_000 }).toBe('up');
      await load.stop();
      figures.share('answered by Redis', share);
      figures.count('times opened', opened);
      figures.ms('p99 of the app', during.p99, opens ? 10 : BUDGET + 5);
      figures.ms('longest of the first 0.5 s', first.max);
      figures.count('failed requests', first.errors.length + during.errors.length, 0);
      figures.count('wrong values', first.wrong + during.wrong, 0);
      if (opens) expect([opened > 0, share]).toEqual([true, 0]);
      // A busy machine may use up the rest of the budget now and then.
      else expect(share).toBeGreaterThan(0.5);
    },
  );

row(
  8,
  {
    fault: 'Redis behind 64 KB/s, values of 100 KB beside small ones',
    expected: 'large values are not waited for; small ones are served by Redis between them',
  },
  async (figures) => {
    const { way, cache } = await behindProxy();
    const small = new Load([cache], { perSecond: 100, keys: 50, prefix: 'small' });
    const padding = randomBytes(100 * 1_024).toString('base64');
    // A reply takes 1.6 s, and while the way is full nothing else gets through.
    const large = new Load([cache], { perSecond: 0.25, keys: 1, prefix: 'large', padding });
    await Promise.all([small.during(1_000), large.during(1_000)]);
    const end = way.worsen({ replies: { bytesPerSecond: 64 * 1_024 } });
    const before = cache.stats().tiers.l2.hits;
    const [smalls, larges] = await Promise.all([small.during(12_000), large.during(12_000)]);
    const hits = cache.stats().tiers.l2.hits - before;
    end();
    await Promise.all([small.stop(), large.stop()]);
    figures.share('answered by Redis, of the small ones', hits / smalls.requests);
    // A read, a lease and a row of L3, each as long as its budget.
    figures.ms('p99 of small ones', smalls.p99, 4 * BUDGET);
    figures.ms('p99 of large ones', larges.p99, 4 * BUDGET);
    figures.count('failed requests', smalls.errors.length + larges.errors.length, 0);
    figures.count('wrong values', smalls.wrong + larges.wrong, 0);
    expect(hits).toBeGreaterThan(0);
  },
);
