// lru-cache with a ttl: what memory costs without a cache around it.
import { LRUCache } from 'lru-cache';

export const memoryOf = (maxEntries) => new LRUCache({ max: maxEntries, ttl: 3_600_000 });

export const subjects = [
  {
    name: 'lru-cache with ttl',
    kind: 'raw',
    package: 'lru-cache',
    tiers: ['l1'],
    open({ maxEntries }) {
      const lru = memoryOf(maxEntries);
      const get = (key) => lru.get(key);
      return {
        get,
        getOrSet: get,
        peek: get,
        set: (key, value) => void lru.set(key, value),
        dropMemory: () => lru.clear(),
        close: () => lru.clear(),
      };
    },
  },
];
