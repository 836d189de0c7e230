/** Redis has no room left, whatever it does about it. */
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { testCache } from '../../../support/cache.js';
import { endAfterEach } from '../../../support/ends.js';
import { freshNamespace } from '../../../support/servers.js';
import { Load } from '../load.js';
import { row } from '../row.js';
import { adminOf, ownRedis } from '../setting.js';

endAfterEach();

/** Beside what an empty server takes. */
const ROOM = 6 * 1024 ** 2;

const POLICIES = ['allkeys-lru', 'allkeys-lfu', 'volatile-lru', 'noeviction'] as const;

for (const policy of POLICIES)
  row(
    17,
    {
      fault: `Redis at its maxmemory, ${policy}`,
      expected:
        policy === 'noeviction'
          ? 'what would fill it is not stored, what is in it is read'
          : 'misses, and nothing else',
    },
    async (figures) => {
      const server = await ownRedis('--maxmemory-policy', policy);
      const admin = adminOf(server);
      const { cache } = await testCache({
        namespace: freshNamespace(),
        redis: server.url,
        l1: false,
        budget: 100,
      });
      const used = /used_memory:(\d+)/.exec(await admin.info('memory'))![1];
      await admin.config('SET', 'maxmemory', Number(used) + ROOM);
      const padding = randomBytes(8 * 1_024).toString('base64');
      // The first keys fit in, and are asked for all the time; all of them together do not.
      const hot = new Load([cache], { prefix: 'hot', keys: 50, padding, perSecond: 100 });
      await hot.during(1_500);
      const many = new Load([cache], { keys: 1_000, padding, perSecond: 200, writeEvery: 50 });
      const [first] = await Promise.all([many.during(5_000), hot.during(5_000)]);
      const hits = (): number => cache.stats().tiers.l2.hits;
      const before = hits();
      const reports = await Promise.all([many.during(3_000), hot.during(3_000)]);
      const read = hits() - before;
      const { state } = cache.stats().tiers.l2;
      const all = [first, ...reports, await many.stop(), await hot.stop()];
      const evicted = Number(/evicted_keys:(\d+)/.exec(await admin.info('stats'))![1]);
      figures.count('read from Redis in 3 s', read);
      figures.count('evicted', evicted);
      figures.ms('p99 of the app', reports[0].p99, 100);
      figures.count(
        'errors to the app',
        all.reduce((sum, { errors }) => sum + errors.length, 0),
        0,
      );
      figures.count(
        'wrong values',
        all.reduce((sum, { wrong }) => sum + wrong, 0),
        0,
      );
      expect(read).toBeGreaterThan(50);
      // It is full indeed.
      if (policy === 'noeviction') expect(evicted).toBe(0);
      else expect(evicted).toBeGreaterThan(100);
      expect(state).not.toBe('down');
    },
  );
