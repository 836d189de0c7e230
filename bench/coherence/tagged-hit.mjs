// A hit in memory of an entry with five tags against one without, while no tag is bumped.
import { setImmediate } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { commandsSent, commandStats, median, numbers, openCache, spread } from './support.mjs';

const KEYS = 1_000;
const HITS = 1_000_000;
const ROUNDS = 7;
/** What a heartbeat runs by itself. */
const INNER = { get: 1, exists: 1, incr: 1, xadd: 1 };
const value = { id: 42, name: 'a value of about one hundred bytes', price: 19.99, stock: true };

export async function taggedHit(redis) {
  const admin = new Redis(redis.url);
  const options = { l2: { url: redis.url, budget: '2s' }, defaults: { ttl: '1h', jitter: 0 } };
  const { app, cache } = await openCache(options);
  const names = (kind) => numbers(KEYS).map((index) => `${kind}:${index}`);
  const subjects = { plain: names('plain'), tagged: names('tagged') };
  for (const [at, key] of subjects.tagged.entries()) {
    const tags = numbers(5).map((tag) => `tag:${tag}:${at % 50}`);
    await cache.getOrSet(key, () => value, { tags });
  }
  for (const key of subjects.plain) await cache.getOrSet(key, () => value);
  // Each tag has been bumped once, so that there is something to look at.
  const rates = { plain: [], tagged: [] };
  await admin.config('RESETSTAT');
  const began = performance.now();
  for (let round = -1; round < ROUNDS; round++) {
    for (const [name, keys] of Object.entries(subjects)) {
      const start = performance.now();
      for (let hit = 0; hit < HITS; hit++) {
        await cache.get(keys[hit % KEYS]);
        // Timers and sockets have their turn, so that whatever would be sent is.
        if (hit % 10_000 === 0) await setImmediate();
      }
      if (round >= 0) rates[name].push(((performance.now() - start) / HITS) * 1e6);
    }
  }
  const seconds = (performance.now() - began) / 1_000;
  const stats = await commandStats(admin);
  const sent = commandsSent(stats, INNER);
  const { misses } = cache.stats().tiers.l1;
  await app.close();
  admin.disconnect();
  const millions = (2 * (ROUNDS + 1) * HITS) / 1e6;
  return [
    `L1 hit with 5 tags: ${(median(rates.tagged) / median(rates.plain)).toFixed(2)}x of one without (bar: 1.3x), ${spread(rates.tagged, 0)} to ${spread(rates.plain, 0)} ns`,
    `L1 hit with 5 tags: ${sent} Redis commands in ${millions} million hits and ${seconds.toFixed(0)} s, heartbeats of the stream among them; ${misses - 2 * KEYS} misses`,
  ];
}
