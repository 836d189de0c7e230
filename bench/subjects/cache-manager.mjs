// cache-manager over Keyv: its default memory, @keyv/redis, and @keyv/postgres as the tier below, which no other peer has.
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import { KeyvPostgres } from '@keyv/postgres';
import KeyvRedis from '@keyv/redis';
import { createKeyv } from 'cacheable';

const POOL = 4;
const HOUR = 3_600_000;

const subject = (name, memory, tiers, packageName = 'cache-manager') => ({
  name,
  kind: 'peer',
  package: packageName,
  tiers,
  open({ tiers: chosen, redisUrl, postgresUrl, maxEntries, load }) {
    const below = [];
    if (chosen.includes('l2')) below.push(new Keyv({ store: new KeyvRedis(redisUrl) }));
    if (chosen.includes('l3'))
      below.push(new Keyv({ store: new KeyvPostgres({ uri: postgresUrl, max: POOL }) }));
    const build = () =>
      createCache({
        ttl: HOUR,
        stores: [...(chosen.includes('l1') ? [memory(maxEntries)] : []), ...below],
      });
    let cache = build();
    return {
      get: (key) => cache.get(key),
      getOrSet: (key) => cache.wrap(key, () => load(key)),
      // What `get` finds below stays there.
      bringUp: (key) => cache.wrap(key, () => load(key)),
      set: (key, value) => cache.set(key, value),
      getMany: (keys) => cache.mget(keys),
      setMany: (entries) => cache.mset(entries.map(([key, value]) => ({ key, value }))),
      ...(chosen.includes('l1') && { dropMemory: () => void (cache = build()) }),
      close: () => cache.disconnect(),
    };
  },
});

/** What `createCache()` takes by itself: a Map, unbounded, objects as they are. */
function plainMemory() {
  const keyv = new Keyv();
  keyv.serialize = undefined;
  keyv.deserialize = undefined;
  return keyv;
}

const boundedMemory = (maxEntries) => createKeyv({ lruSize: maxEntries, useClone: false });

export const subjects = [
  subject('cache-manager', plainMemory, ['l1', 'l2', 'l1+l2']),
  subject('cache-manager, bounded memory', boundedMemory, ['l1']),
  subject('cache-manager on @keyv/postgres', plainMemory, ['l3'], '@keyv/postgres'),
];
