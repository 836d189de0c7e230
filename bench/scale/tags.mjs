// How cost grows with the number of tags an entry has.
import { Redis } from 'ioredis';
import { startRedis } from 'throwaway-servers';
import { cpuNsOf, keyAt, median, numbers, openCache, redisCpuUs, usOf } from './support.mjs';

const COUNTS = [0, 1, 4, 16];
const KEYS = 1_000;
const HITS = 200_000;
const CALLS = 1_000;
const value = { id: 42, name: 'a value of about one hundred bytes', price: 19.99, stock: true };

export async function tags({ trials }) {
  const redis = await startRedis();
  const admin = new Redis(redis.url);
  const l2 = { url: redis.url, budget: '5s' };
  const memory = await openCache({ l2, defaults: { ttl: '1h' } });
  const second = await openCache({ namespace: 'two', l1: false, l2, defaults: { ttl: '1h' } });
  const names = numbers(KEYS).map((at) => keyAt(at, KEYS));
  const found = {};
  const push = (name, figure) => (found[name] ??= []).push(figure);
  try {
    for (const count of COUNTS) {
      const options = (key) => ({
        tags: numbers(count).map((tag) => `${count}:${tag}:${key % 50}`),
      });
      const set = (cache) => (index) => cache.set(keyAt(index, KEYS), value, options(index));
      for (let index = 0; index < KEYS; index++) {
        await set(memory.cache)(index);
        await set(second.cache)(index);
      }
      const hits = [];
      for (let round = 0; round < trials; round++) {
        // Something else is invalidated: every entry has to be looked at once more.
        await memory.cache.invalidateTags([`unrelated:${round}`]);
        hits.push(
          await cpuNsOf({ trials: 1, count: HITS }, (index) =>
            memory.cache.get(names[index % KEYS]),
          ),
        );
      }
      push('L1 hit', median(hits));
      const wide = { trials, count: 10_000, width: 64 };
      push('L2 hit', await usOf(wide, (index) => second.cache.get(keyAt(index, KEYS))));
      const writes = { trials, count: CALLS };
      push('set', await usOf(writes, set(memory.cache)));
      push(
        'Redis, a set',
        await spent(admin, (trials + 1) * CALLS, () => usOf(writes, set(memory.cache))),
      );
      const bump = (index) => memory.cache.invalidateTags(options(index).tags);
      push('invalidate', count === 0 ? NaN : await usOf(writes, bump));
      push(
        'Redis, an invalidation',
        count === 0 ? NaN : await spent(admin, (trials + 1) * CALLS, () => usOf(writes, bump)),
      );
    }
  } finally {
    await Promise.all([memory.app.close(), second.app.close()]);
    admin.disconnect();
    await redis.stop();
  }
  const column = (name, unit) => ({ name, unit, values: found[name] });
  return {
    title: 'Tags',
    x: { label: 'tags', values: COUNTS },
    columns: [
      column('L1 hit', 'ns'),
      column('L2 hit', 'µs'),
      column('set', 'µs'),
      column('invalidate', 'µs'),
      column('Redis, a set', 'µs'),
      column('Redis, an invalidation', 'µs'),
    ],
    charts: [
      {
        file: 'scale-tags.svg',
        title: 'A set and an invalidation of all its tags, one at a time (µs)',
        of: ['set', 'invalidate', 'Redis, a set', 'Redis, an invalidation'],
      },
    ],
  };
}

/** us of Redis's processor for each of so many calls. */
async function spent(admin, calls, work) {
  const before = await redisCpuUs(admin);
  await work();
  return ((await redisCpuUs(admin)) - before) / calls;
}
