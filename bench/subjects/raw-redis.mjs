// ioredis by hand, one command by command to coalesced; with lru-cache above it where memory is asked for.
import { Redis } from 'ioredis';
import { gather } from '../lib/gather.mjs';
import { memoryOf } from './raw-lru.mjs';

const HOUR = 3_600_000;
const WAYS = 2;
const nameOf = (key) => `raw:${key}`;

const one = {
  get: (redis) => async (key) => JSON.parse(await redis.get(nameOf(key))),
  set: (redis) => (key, value) => redis.set(nameOf(key), JSON.stringify(value), 'PX', HOUR),
};

/** A single key goes as GET. */
export const texts = (redis) =>
  gather(WAYS, async (batch) => {
    const names = batch.map(({ ask }) => nameOf(ask));
    const found = names.length === 1 ? [await redis.get(names[0])] : await redis.mget(names);
    batch.forEach(({ resolve }, at) => resolve(found[at] ?? undefined));
  });

const parsed = (redis) => {
  const text = texts(redis);
  return async (key) => JSON.parse(await text(key));
};

export const written = (redis) => {
  const write = gather(WAYS, async (batch) => {
    const pipeline = redis.pipeline();
    for (const { ask } of batch) pipeline.set(nameOf(ask[0]), ask[1], 'PX', HOUR);
    await pipeline.exec();
    for (const { resolve } of batch) resolve(true);
  });
  return (key, value) => write([key, JSON.stringify(value)]);
};

function subject(
  name,
  { get, set, autopipelining = false, tiers = ['l2', 'l1+l2'], bare = false },
) {
  const open = ({ tiers: chosen, redisUrl, maxEntries }) => {
    const redis = new Redis(redisUrl, { enableAutoPipelining: autopipelining });
    const below = { get: get(redis), set: set(redis) };
    const close = () => redis.quit();
    const getMany = async (keys) => {
      const found = await redis.mget(keys.map(nameOf));
      return found.map((text) => JSON.parse(text));
    };
    if (chosen === 'l2') return { ...below, ...(!bare && { getMany }), close };
    return withMemory({ ...below, getMany, close }, maxEntries);
  };
  return { name, kind: 'raw', package: 'ioredis', tiers, bare, open };
}

function withMemory(below, maxEntries) {
  const lru = memoryOf(maxEntries);
  return {
    get: (key) => lru.get(key) ?? fetched(key),
    getMany: async (keys) => {
      const values = await below.getMany(keys);
      keys.forEach((key, at) => lru.set(key, values[at]));
      return values;
    },
    set: (key, value) => {
      lru.set(key, value);
      return below.set(key, value);
    },
    dropMemory: () => lru.clear(),
    close: below.close,
  };
  async function fetched(key) {
    const value = await below.get(key);
    lru.set(key, value);
    return value;
  }
}

export const ONE = 'ioredis, one by one';
export const COALESCED = 'ioredis, coalesced by hand';

export const subjects = [
  subject(ONE, one),
  subject('ioredis, autopipelined', { ...one, autopipelining: true }),
  subject(COALESCED, { get: parsed, set: written }),
  subject('the same, text not parsed', { get: texts, set: written, tiers: ['l2'], bare: true }),
];
