/** Redis comes back without its data, with old data, or still reading it. */
import { expect } from 'vitest';
import { testCache } from '../../../support/cache.js';
import { endAfterEach } from '../../../support/ends.js';
import { freshNamespace } from '../../../support/servers.js';
import { Load } from '../load.js';
import { row } from '../row.js';
import { adminOf, BUDGET, ownRedis, States } from '../setting.js';

endAfterEach();

row(
  4,
  {
    fault: 'Redis restarted empty, three instances',
    expected: 'memory is forgotten, and every key is loaded once: others wait for the lease',
  },
  async (figures) => {
    const server = await ownRedis();
    const urls = { namespace: freshNamespace(), redis: server.url, budget: 1_000 };
    const caches = await Promise.all([1, 2, 3].map(async () => (await testCache(urls)).cache));
    const states = caches.map((cache) => new States(cache));
    const keys = 20;
    // Longer than they are apart in being back: all three want every key while the first one loads it.
    const load = new Load(caches, { keys, loadMs: 1_000 });
    await load.during(2_000);
    // Whatever chance has left out: all of it is in every memory.
    const names = Array.from({ length: keys }, (_zero, at) => `load:${at}`);
    for (const cache of caches) expect((await cache.getMany(names)).size).toBe(keys);
    await server.kill();
    const killed = performance.now();
    const gone = await load.during(500);
    await server.restart();
    const restarted = performance.now();
    // One may be back before this process has heard that the server is.
    const back = (): boolean => states.every((one) => one.since(killed, true) !== undefined);
    await expect.poll(back, { interval: 1, timeout: 10_000 }).toBe(true);
    const synced = Math.max(...states.map((one) => one.since(killed, true)!));
    figures.ms('ms to sync', Math.max(synced - restarted, 0), 2_000);
    const after = await load.during(2_500);
    await load.stop();
    figures.count('loads per key', after.loads / keys, 1);
    figures.ms('p99 of the app', after.p99);
    figures.count('failed requests', gone.errors.length + after.errors.length, 0);
    figures.count('wrong values', gone.wrong + after.wrong, 0);
    // What memory had is not asked for again while Redis is away, and forgotten when it is back.
    expect(gone.loads).toBe(0);
    expect(after.loads).toBe(keys);
    // And it goes away once only.
    expect(states.map((one) => one.count('down'))).toEqual([1, 1, 1]);
  },
);

row(
  5,
  {
    fault: 'Redis restarted with an old snapshot',
    expected: 'the counter has gone back: a new epoch, and nothing of the snapshot is served',
  },
  async (figures) => {
    const server = await ownRedis();
    const admin = adminOf(server);
    const urls = { namespace: freshNamespace(), redis: server.url, budget: BUDGET };
    const [writer, { cache }] = [await testCache(urls), await testCache(urls)];
    const states = new States(cache);
    const load = new Load([cache]);
    const keys = Array.from({ length: 50 }, (_zero, at) => `k${at}`);
    for (const key of keys) await writer.cache.getOrSet(key, () => 'old');
    await admin.save();
    for (const key of keys) {
      await writer.cache.delete(key);
      await cache.getOrSet(key, () => 'new');
    }
    // Nobody is left who could make its deletes again.
    await writer.close();
    await server.kill();
    const killed = performance.now();
    await load.during(500);
    await server.restart();
    const restarted = performance.now();
    const back = (): number | undefined => states.since(killed, true);
    await expect.poll(back, { interval: 1, timeout: 10_000 }).toBeDefined();
    figures.ms('ms to sync', Math.max(back()! - restarted, 0), 2_000);
    const newcomer = await testCache({ ...urls, l1: false });
    const seen = [];
    for (const one of [cache, newcomer.cache])
      for (const key of keys) seen.push(await one.get(key));
    expect(await admin.dbsize()).toBeGreaterThan(keys.length);
    figures.count('stale reads after sync', seen.filter((value) => value === 'old').length, 0);
    const report = await load.stop();
    figures.count('failed requests', report.errors.length, 0);
    figures.count('wrong values', report.wrong, 0);
  },
);
