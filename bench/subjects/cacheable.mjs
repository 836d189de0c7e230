// cacheable: with its default memory, which clones, and with one that does not. Its Redis is @keyv/redis, whose client pipelines by itself.
import { Cacheable, createKeyv } from 'cacheable';
import KeyvRedis from '@keyv/redis';

const subject = (name, memory, tiers) => ({
  name,
  kind: 'peer',
  package: 'cacheable',
  tiers,
  open({ tiers: chosen, redisUrl, maxEntries, load }) {
    const below = chosen.includes('l2') && new KeyvRedis(redisUrl);
    const primary = () => createKeyv({ lruSize: maxEntries, ...memory });
    const cache = new Cacheable(
      chosen === 'l2'
        ? { primary: below, ttl: '1h' }
        : { primary: primary(), ttl: '1h', ...(below && { secondary: below }) },
    );
    return {
      get: (key) => cache.get(key),
      getOrSet: (key) => cache.getOrSet(key, () => load(key)),
      wrapped: cache.wrap(async (key) => load(key), { keyPrefix: 'wrapped' }),
      set: (key, value) => cache.set(key, value),
      getMany: (keys) => cache.getMany(keys),
      setMany: (entries) => cache.setMany(entries.map(([key, value]) => ({ key, value }))),
      ...(chosen !== 'l2' && { dropMemory: () => cache.setPrimary(primary()) }),
      close: () => cache.disconnect(),
    };
  },
});

export const subjects = [
  subject('cacheable', {}, ['l1', 'l2', 'l1+l2']),
  subject('cacheable, useClone: false', { useClone: false }, ['l1', 'l1+l2']),
];
