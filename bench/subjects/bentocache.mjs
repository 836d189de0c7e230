// bentocache: with its default memory driver, which keeps text, and with `serialize: false`, which keeps objects. Its connection to
// Redis pipelines by itself: one that was left as it comes is slower. Without a bus: it tells no other process anything.
import { Redis } from 'ioredis';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisDriver } from 'bentocache/drivers/redis';

const subject = (name, driver) => ({
  name,
  kind: 'peer',
  package: 'bentocache',
  // Version 1.6.1 with `serialize: false` cannot read what it has brought up from Redis.
  tiers: driver.serialize === false ? ['l1'] : ['l1', 'l2', 'l1+l2'],
  open({ tiers, redisUrl, maxEntries, load }) {
    const redis = tiers.includes('l2') && new Redis(redisUrl, { enableAutoPipelining: true });
    const build = () => {
      const store = bentostore();
      if (tiers.includes('l1')) store.useL1Layer(memoryDriver({ maxItems: maxEntries, ...driver }));
      if (redis) store.useL2Layer(redisDriver({ connection: redis }));
      return new BentoCache({ default: 'cache', ttl: '1h', stores: { cache: store } });
    };
    let cache = build();
    return {
      get: (key) => cache.get({ key }),
      getOrSet: (key) => cache.getOrSet({ key, factory: () => load(key) }),
      set: (key, value) => cache.set({ key, value }),
      ...(tiers.includes('l1') && { dropMemory: () => void (cache = build()) }),
      close: () => cache.disconnect(),
    };
  },
});

export const subjects = [
  subject('bentocache', {}),
  subject('bentocache, serialize: false', { serialize: false }),
];
