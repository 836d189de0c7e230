// A tag that very many entries carry: what its bump costs, and that nobody looks for them.
import { Redis } from 'ioredis';
import { commandStats, median, numbers, openCache, spread } from './support.mjs';

const BATCH = 1_000;
const BUMPS = 15;
const WARM_UP = 50;
/** About three hundred bytes with the head and the tag. */
const value = { text: 'x'.repeat(215) };

export async function tagBump(redis, entries) {
  const admin = new Redis(redis.url);
  // L1 off: the entries are in Redis, and memory here is for the figures.
  const options = { l1: false, l2: { url: redis.url, budget: '5s' }, defaults: { ttl: '1h' } };
  const { app, cache } = await openCache(options);
  const few = await bumps(cache, admin);
  for (let from = 0; from < entries; from += BATCH)
    await cache.setMany(
      numbers(Math.min(BATCH, entries - from)).map((index) => [`item:${from + index}`, value]),
      { tags: ['all'] },
    );
  const stored = await admin.dbsize();
  const bytes = Number(/used_memory:(\d+)/.exec(await admin.info('memory'))[1]) / stored;
  const before = await cache.get('item:0');
  const many = await bumps(cache, admin);
  const sample = numbers(100).map((index) => `item:${Math.floor((index * entries) / 100)}`);
  const left = (await cache.getMany(sample)).size;
  await app.close();
  admin.disconnect();
  if (before === undefined) throw new Error('the entries were not there before the bump');
  const commands = [...many.commands].map(([name, count]) => `${name} ${count}`).join(', ');
  return [
    `tag bump, ${stored} keys of ${Math.round(bytes)} bytes in Redis: ${spread(many.times, 2)} ms (bar: 5), ${(median(many.times) / median(few.times)).toFixed(2)}x of an empty Redis`,
    `tag bump, commands of ${BUMPS} bumps: ${commands}; ${left} of ${sample.length} entries asked for afterwards were there`,
  ];
}

async function bumps(cache, admin) {
  const times = [];
  for (let count = 0; count < WARM_UP; count++) await cache.invalidateTags(['other']);
  await admin.config('RESETSTAT');
  for (let count = 0; count < BUMPS; count++) {
    const began = performance.now();
    await cache.invalidateTags(['all']);
    times.push(performance.now() - began);
  }
  const stats = await commandStats(admin);
  const commands = [...stats].filter(([name]) => !/^(config|info)/.test(name));
  return { times, commands: commands.map(([name, { calls }]) => [name, calls]) };
}
