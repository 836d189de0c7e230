// async-cache-dedupe: functions with a cache of one tier, in memory or on Redis, whose connection pipelines by itself. It is read by
// calling the function, which is its `getOrSet` as well.
import { Redis } from 'ioredis';
import { createCache } from 'async-cache-dedupe';

const HOUR_IN_SECONDS = 3_600;

export const subjects = [
  {
    name: 'async-cache-dedupe',
    kind: 'peer',
    package: 'async-cache-dedupe',
    tiers: ['l1', 'l2'],
    open({ tiers, redisUrl, maxEntries, load }) {
      const client = tiers === 'l2' && new Redis(redisUrl, { enableAutoPipelining: true });
      const storage = client
        ? { type: 'redis', options: { client } }
        : { type: 'memory', options: { size: maxEntries } };
      const cache = createCache({ ttl: HOUR_IN_SECONDS, storage });
      cache.define('fetch', (key) => load(key));
      const get = (key) => cache.fetch(key);
      return {
        get,
        getOrSet: get,
        wrapped: get,
        set: (key, value) => cache.set('fetch', `fetch~${key}`, value, HOUR_IN_SECONDS),
        close: () => client && client.quit(),
      };
    },
  },
];
