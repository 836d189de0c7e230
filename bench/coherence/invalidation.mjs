// What one invalidation costs Redis: round trips and processor time, against the same two commands sent by hand.
import { Redis } from 'ioredis';
import { commandsSent, commandStats, median, numbers, openCache, spread } from './support.mjs';

const DELETES = 2_000;
const ROUNDS = 5;
/** What the script of a deletion runs by itself. */
const INNER = { get: 1, exists: 1, incr: 1, unlink: 1, xadd: 1 };
const value = { id: 42, name: 'a value of about one hundred bytes', price: 19.99, stock: true };

export async function invalidation(redis) {
  const { cpu, times, trips } = await measureInvalidation(redis);
  const ratio = (list) => (median(list.cache) / median(list.raw)).toFixed(2);
  return [
    `one delete: ${spread(trips, 3)} Redis round trips (bar: 1)`,
    `one delete: Redis CPU ${spread(cpu.cache)} µs (bar: 20), ${ratio(cpu)}x of UNLINK + XADD in MULTI, ${spread(cpu.raw)} µs`,
    `one delete: ${spread(times.cache)} µs until it resolves, ${ratio(times)}x of that`,
  ];
}

/** Of each round: µs of Redis and until it resolves, of the cache and by hand, and round trips of the cache. */
export async function measureInvalidation(redis, { rounds = ROUNDS, deletes = DELETES } = {}) {
  const admin = new Redis(redis.url);
  const { app, cache } = await openCache({ l2: { url: redis.url, budget: '2s' } });
  const keys = numbers(deletes).map((index) => `product:${index}`);
  const ways = {
    cache: {
      prepare: () => cache.setMany(keys.map((key) => [key, value])),
      act: (key) => cache.delete(key),
    },
    raw: {
      prepare: async () => {
        const pipeline = admin.pipeline();
        for (const key of keys) pipeline.set(`raw:${key}`, JSON.stringify(value));
        await pipeline.exec();
      },
      act: (key) =>
        admin
          .multi()
          .unlink(`raw:${key}`, `raw:lease:${key}`)
          .xadd('raw:stream', 'MAXLEN', '~', 10_000, '*', ...fields(key))
          .exec(),
    },
  };
  const cpu = { cache: [], raw: [] };
  const times = { cache: [], raw: [] };
  const trips = [];
  for (let round = -1; round < rounds; round++) {
    for (const [name, { prepare, act }] of Object.entries(ways)) {
      await prepare();
      await admin.config('RESETSTAT');
      const began = performance.now();
      for (const key of keys) await act(key);
      const ms = performance.now() - began;
      const stats = await commandStats(admin);
      if (round < 0) continue;
      times[name].push((ms / deletes) * 1_000);
      const usec = (command) => (stats.get(command)?.usec ?? 0) / deletes;
      cpu[name].push(
        name === 'raw' ? usec('unlink') + usec('xadd') + usec('exec') : usec('evalsha'),
      );
      if (name === 'cache') trips.push(commandsSent(stats, INNER) / deletes);
    }
  }
  await app.close();
  admin.disconnect();
  return { cpu, times, trips };
}

const HEAD = ['n', '1234567', 'e', '1234567890', 's', '0123456789ab', 't', 'd', 'k'];
const fields = (key) => [...HEAD, JSON.stringify([['p', 'default', key]])];
