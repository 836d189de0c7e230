// How cost grows with the size of a value, tier by tier.
import { Redis } from 'ioredis';
import { startPostgres, startRedis } from 'throwaway-servers';
import { cpuNsOf, fill, keyAt, numbers, openCache, reader, usOf, valueOf } from './support.mjs';

const SIZES = [100, 1_024, 10_240, 102_400];
const KEYS = 200;
const WIDTH = 16;

export async function values({ trials }) {
  const [redis, postgres] = [await startRedis(), await startPostgres()];
  const admin = new Redis(redis.url);
  const options = { defaults: { ttl: '1h' } };
  const l2 = { url: redis.url, budget: '5s' };
  const l3 = { url: postgres.url, budget: '5s' };
  const opened = {
    memory: await openCache({ ...options, l1: { maxSize: '1gb' } }),
    redis: await openCache({ ...options, namespace: 'two', l1: false, l2 }),
    postgres: await openCache({ ...options, namespace: 'three', l1: false, l3 }),
  };
  const { memory, redis: second, postgres: third } = opened;
  const names = numbers(KEYS).map((at) => keyAt(at, KEYS));
  const found = {};
  const push = (name, value) => (found[name] ??= []).push(value);
  try {
    for (const size of SIZES) {
      const value = valueOf(size);
      for (const { cache } of Object.values(opened))
        await fill(cache, { to: KEYS, value, batch: 20 });
      const count = size > 50_000 ? 200 : 2_000;
      const read = (cache) => reader(cache, KEYS);
      const hit = (index) => memory.cache.get(names[index % KEYS]);
      const write = (cache) => (index) => cache.set(keyAt(index, KEYS), value);
      push('L1 hit', await cpuNsOf({ trials, count: 200_000 }, hit));
      const how = { trials, count, width: WIDTH };
      push('L2 hit', await usOf(how, read(second.cache)));
      push('L3 hit', await usOf(how, read(third.cache)));
      push('L1 write', await usOf(how, write(memory.cache)));
      push('L2 write', await usOf(how, write(second.cache)));
      push('L3 write', await usOf({ ...how, count: count / 2 }, write(third.cache)));
      push('JSON', JSON.stringify(value).length);
      push('Redis entry', await entryBytes(admin));
    }
  } finally {
    await Promise.all(Object.values(opened).map(({ app }) => app.close()));
    admin.disconnect();
    await Promise.all([redis.stop(), postgres.stop()]);
  }
  const column = (name, unit) => ({ name, unit, values: found[name] });
  return {
    title: 'Size of a value',
    x: { label: 'value', values: SIZES, log: true, names: ['100 B', '1 KiB', '10 KiB', '100 KiB'] },
    columns: [
      column('JSON', 'B'),
      column('L1 hit', 'ns'),
      column('L2 hit', 'µs'),
      column('L3 hit', 'µs'),
      column('L1 write', 'µs'),
      column('L2 write', 'µs'),
      column('L3 write', 'µs'),
      column('Redis entry', 'B'),
    ],
    charts: [
      {
        file: 'scale-values.svg',
        title: `Hits and writes in L2 and L3, by size of the value, ${WIDTH} in flight (µs)`,
        of: ['L2 hit', 'L3 hit', 'L2 write', 'L3 write'],
      },
    ],
  };
}

/** What one entry takes there with its name. */
async function entryBytes(admin) {
  const [, names] = await admin.scan(0, 'MATCH', '*:e:*', 'COUNT', 1_000);
  return admin.memory('USAGE', names[0]);
}
