// What is left of two tiers when everything is taken away but what has to be sent: nothing is told to anybody, and two who miss load twice.
import { Redis } from 'ioredis';
import { COALESCED, texts, written } from '../subjects/raw-redis.mjs';
import { memoryOf } from '../subjects/raw-lru.mjs';

function open({ redisUrl, maxEntries, load }) {
  const redis = new Redis(redisUrl);
  const lru = memoryOf(maxEntries);
  const [text, store] = [texts(redis), written(redis)];
  const set = (key, value) => {
    lru.set(key, value);
    return store(key, value);
  };
  const below = async (key) => {
    const found = await text(key);
    if (found === undefined) {
      const value = await load(key);
      await set(key, value);
      return value;
    }
    const value = JSON.parse(found);
    lru.set(key, value);
    return value;
  };
  return { getOrSet: (key) => lru.get(key) ?? below(key), set, close: () => redis.quit() };
}

export const subjects = [{ name: COALESCED, open }];
