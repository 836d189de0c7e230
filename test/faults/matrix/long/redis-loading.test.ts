/** Redis that answers LOADING while it reads its data. */
import { expect } from 'vitest';
import { testCache } from '../../../support/cache.js';
import { endAfterEach } from '../../../support/ends.js';
import { databaseUrl, freshNamespace } from '../../../support/servers.js';
import { Load } from '../load.js';
import { row } from '../row.js';
import { adminOf, BUDGET, ownRedis, States } from '../setting.js';

endAfterEach();

/** Redis is told to take this long over its data, ms. */
const LOADING_MS = 4_000;

row(
  6,
  {
    fault: 'Redis LOADING its data for 4 s',
    expected: 'as good as gone: nobody waits for it; used when it is ready',
  },
  async (figures) => {
    const keys = 400;
    const delay = Math.round((LOADING_MS * 1_000) / keys);
    const server = await ownRedis(
      '--key-load-delay',
      `${delay}`,
      '--loading-process-events-interval-bytes',
      '1024',
    );
    const { cache } = await testCache({
      namespace: freshNamespace(),
      redis: server.url,
      database: databaseUrl(),
      budget: BUDGET,
      l1Ttl: 50,
    });
    const states = new States(cache);
    const admin = adminOf(server);
    for (let at = 0; at < keys; at++) await admin.set(`filler:${at}`, 'x'.repeat(500));
    const load = new Load([cache], { writeEvery: 20 });
    await load.during(500);
    await admin.save();
    await server.kill();
    await load.next();
    const began = performance.now();
    const ready = server.restart();
    const said = async (): Promise<string> => {
      try {
        return await admin.info('persistence');
      } catch (error) {
        return String(error);
      }
    };
    await expect.poll(said, { timeout: 5_000 }).toMatch(/loading:1/);
    const loading = await load.during(LOADING_MS / 2);
    expect(cache.stats().tiers.l2.state).not.toBe('up');
    await ready;
    const end = performance.now();
    const up = (): number | undefined => states.since(began, true);
    await expect.poll(up, { interval: 1, timeout: 10_000 }).toBeDefined();
    figures.ms('p99 of the app while it loads', loading.p99, 50);
    figures.ms('used again after', Math.max(up()! - end, 0), 3_000);
    const after = await load.stop();
    figures.count('failed requests', loading.errors.length + after.errors.length, 0);
    figures.count('wrong values', loading.wrong + after.wrong, 0);
  },
);
