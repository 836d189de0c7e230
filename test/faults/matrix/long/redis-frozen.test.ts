/** Redis frozen for long, and what is kept of that time when it goes on. */
import { expect } from 'vitest';
import { testCache } from '../../../support/cache.js';
import { endAfterEach } from '../../../support/ends.js';
import { databaseUrl, freshNamespace } from '../../../support/servers.js';
import { Load } from '../load.js';
import { row } from '../row.js';
import { BUDGET, ownRedis, States, Watched } from '../setting.js';

endAfterEach();

/** Calls that may find out that it does not answer. */
const MOST_ASKED = 10;
const MOST_IN_FLIGHT = 256;

row(
  1,
  {
    fault: 'Redis SIGSTOP 10 s',
    expected:
      'the app is served from L1 and L3, the breaker opens, what waits for Redis is bounded',
  },
  async (figures) => {
    const server = await ownRedis();
    const watched = new Watched(server.url);
    const made = await testCache({
      namespace: freshNamespace(),
      l2: watched.l2,
      database: databaseUrl(),
      budget: BUDGET,
      l1Ttl: 50,
    });
    const states = new States(made.cache);
    const load = new Load([made.cache], { perSecond: 100, writeEvery: 20 });
    const before = await load.during(1_000);
    await expect.poll(() => made.cache.stats().tiers.l2.state).toBe('up');
    const asked = made.l2!.reads;
    const frozen = performance.now();
    await server.freeze();
    await expect
      .poll(() => states.since(frozen, false), { interval: 1, timeout: 5_000 })
      .toBeDefined();
    figures.count('calls asked until the breaker is open', made.l2!.reads - asked, MOST_ASKED);
    figures.ms('ms to open', states.since(frozen, false)! - frozen, 200);
    const during = await load.during(10_000);
    await server.thaw();
    await load.stop();
    figures.ms('p50 of the app before', before.p50);
    figures.ms('p50 of the app', during.p50, 5);
    figures.ms('p99 of the app', during.p99, 50);
    figures.count('most commands in flight', watched.most, MOST_IN_FLIGHT);
    figures.count('failed requests', during.errors.length, 0);
    figures.count('wrong values', during.wrong, 0);
    expect(during.requests).toBeGreaterThan(900);
  },
);

row(
  1,
  {
    fault: 'Redis SIGSTOP while 5 times 600 keys are asked for at once',
    expected: 'all are answered, and no more is sent than two pipelines hold',
  },
  async (figures) => {
    const server = await ownRedis();
    const watched = new Watched(server.url);
    const { cache } = await testCache({
      namespace: freshNamespace(),
      l2: watched.l2,
      database: databaseUrl(),
      budget: BUDGET,
    });
    const load = new Load([cache], { perSecond: 100 });
    await load.during(500);
    await server.freeze();
    const frozen = performance.now();
    const asked: Promise<number>[] = [];
    for (let burst = 0; burst < 5; burst++) {
      for (let at = 0; at < 600; at++) asked.push(cache.getOrSet(`burst:${burst}:${at}`, () => at));
      await load.during(10);
    }
    const values = await Promise.all(asked);
    figures.ms('ms to answer all', performance.now() - frozen);
    await load.during(2_000);
    const report = await load.stop();
    figures.count('most commands in flight', watched.most, 2 * 1_000 + 2);
    figures.count('failed requests', report.errors.length, 0);
    figures.count('wrong values', values.filter((value, at) => value !== at % 600).length, 0);
  },
);
