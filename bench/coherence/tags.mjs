// A tag that very many entries carry: what its bump costs, and that nobody looks for them.
import { Redis } from 'ioredis';
import { commandStats, median, numbers, openCache, spread } from './support.mjs';

const BATCH = 1_000;
const BUMPS = 15;
const WARM_UP = 50;
const HEAD = ['n', '1234567', 'e', '1234567890', 's', '0123456789ab', 't', 't', 'k'];
const FIELDS = [...HEAD, JSON.stringify(['p', ['all']])];
/** About three hundred bytes with the head and the tag. */
const value = { text: 'x'.repeat(215) };

export async function tagBump(redis, entries) {
  const admin = new Redis(redis.url);
  // L1 off: the entries are in Redis, and memory here is for the figures.
  const options = { l1: false, l2: { url: redis.url, budget: '5s' }, defaults: { ttl: '1h' } };
  const { app, cache } = await openCache(options);
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
    `tag bump, ${stored} keys of ${Math.round(bytes)} bytes in Redis: ${spread(many.times, 2)} ms (bar: 5), ${(median(many.times) / median(many.raw)).toFixed(2)}x of HSET + XADD in MULTI, ${spread(many.raw, 2)} ms`,
    `tag bump, commands of ${BUMPS} bumps: ${commands}; ${left} of ${sample.length} entries asked for afterwards were there`,
  ];
}

async function bumps(cache, admin) {
  const [times, raw] = [[], []];
  const timed = async (list, act) => {
    const began = performance.now();
    await act();
    list.push(performance.now() - began);
  };
  const byHand = () =>
    admin
      .multi()
      .hset('raw:tags', '=all', 1_234_567)
      .xadd('raw:stream', 'MAXLEN', '~', 10_000, '*', ...FIELDS)
      .exec();
  for (let count = 0; count < WARM_UP; count++) {
    await cache.invalidateTags(['other']);
    await byHand();
  }
  for (let count = 0; count < BUMPS; count++) await timed(raw, byHand);
  await admin.config('RESETSTAT');
  for (let count = 0; count < BUMPS; count++)
    await timed(times, () => cache.invalidateTags(['all']));
  const stats = await commandStats(admin);
  const commands = [...stats].filter(([name]) => !/^(config|info)/.test(name));
  return { times, raw, commands: commands.map(([name, { calls }]) => [name, calls]) };
}
