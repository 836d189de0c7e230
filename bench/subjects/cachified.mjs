// cachified: a function over a store of one's own. In memory lru-cache, as its documentation has it; on Redis a connection that
// pipelines by itself. It is read by `cachified()` alone.
import { Redis } from 'ioredis';
import { cachified, createCacheEntry, totalTtl } from '@epic-web/cachified';
import { LRUCache } from 'lru-cache';

const HOUR = 3_600_000;

function memory(maxEntries) {
  const lru = new LRUCache({ max: maxEntries });
  return {
    set: (key, entry) => {
      const ttl = totalTtl(entry?.metadata);
      lru.set(key, entry, {
        ttl: ttl === Infinity ? undefined : ttl,
        start: entry?.metadata?.createdTime,
      });
    },
    get: (key) => lru.get(key),
    delete: (key) => lru.delete(key),
  };
}

const shared = (redis) => ({
  set: (key, entry) =>
    redis.set(`cachified:${key}`, JSON.stringify(entry), 'PX', totalTtl(entry.metadata)),
  get: async (key) => {
    const text = await redis.get(`cachified:${key}`);
    return text === null ? undefined : JSON.parse(text);
  },
  delete: (key) => redis.del(`cachified:${key}`),
});

export const subjects = [
  {
    name: 'cachified',
    kind: 'peer',
    package: '@epic-web/cachified',
    tiers: ['l1', 'l2'],
    open({ tiers, redisUrl, maxEntries, load }) {
      const redis = tiers === 'l2' && new Redis(redisUrl, { enableAutoPipelining: true });
      const cache = redis ? shared(redis) : memory(maxEntries);
      const get = (key) => cachified({ key, cache, ttl: HOUR, getFreshValue: () => load(key) });
      return {
        get,
        getOrSet: get,
        set: (key, value) => cache.set(key, createCacheEntry(value, { ttl: HOUR })),
        close: () => redis && redis.quit(),
      };
    },
  },
];
