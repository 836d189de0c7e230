// layered-loader: `ManualCache` where values are put into it, `Loader` where it loads them. Its Redis connection pipelines by itself.
import { Redis } from 'ioredis';
import { Loader, ManualCache, RedisCache } from 'layered-loader';

const HOUR = 3_600_000;

export const LAYERED = 'layered-loader';

export const subjects = [
  {
    name: LAYERED,
    kind: 'peer',
    package: 'layered-loader',
    tiers: ['l1', 'l2', 'l1+l2'],
    open({ tiers, redisUrl, maxEntries, load }) {
      const redis = tiers.includes('l2') && new Redis(redisUrl, { enableAutoPipelining: true });
      const build = () => {
        const layers = {
          inMemoryCache: tiers.includes('l1') && {
            cacheType: 'lru-map',
            ttlInMsecs: HOUR,
            maxItems: maxEntries,
          },
          ...(redis && { asyncCache: new RedisCache(redis, { json: true, ttlInMsecs: HOUR }) }),
        };
        const cacheKeyFromValueResolver = ({ id }) => `product:${id}`;
        return [
          new ManualCache({ ...layers, cacheKeyFromValueResolver }),
          new Loader({ ...layers, dataSourceGetOneFn: async (key) => load(key) }),
        ];
      };
      let [cache, loader] = build();
      return {
        get: (key) => cache.get(key),
        getOrSet: (key) => loader.get(key),
        set: (key, value) => cache.set(key, value),
        // Of the two only this one is read by `getOrSet`.
        setLoaded: (key, value) => loader.forceSetValue(key, value),
        getMany: (keys) => cache.getMany(keys),
        ...(tiers.includes('l1') && { dropMemory: () => void ([cache, loader] = build()) }),
        close: async () => {
          await Promise.all([cache.close(), loader.close()]);
          if (redis) await redis.quit();
        },
      };
    },
  },
];
