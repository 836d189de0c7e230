// `npm run bench`: what a hit costs, as a ratio to the raw library under it, in the same process. Medians of interleaved rounds.
import { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import os from 'node:os';
import { NestFactory } from '@nestjs/core';
import { provideServers } from 'throwaway-servers';
import { CacheManager, MultiLevelCacheModule } from 'nestjs-multi-level-cache';

const ROUNDS = 7;
const KEYS = 1_000;
const value = {
  id: 42,
  name: 'a value of about one hundred bytes',
  tags: ['one', 'two'],
  price: 19.99,
  stock: true,
};
const keys = Array.from({ length: KEYS }, (_, index) => `product:${index}`);
// Zipf-like order, the same for everybody.
const order = Array.from(
  { length: 1 << 14 },
  (_, index) => keys[Math.floor(KEYS ** ((index * 0.6180339887) % 1)) - 1],
);

const servers = await provideServers();
const open = async (options) => {
  const app = await NestFactory.createApplicationContext(
    MultiLevelCacheModule.forRoot({ namespace: 'bench', ...options }),
    { logger: false },
  );
  return { app, cache: app.get(CacheManager) };
};

async function compare(title, subjects, operations) {
  const rates = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  for (let round = -1; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(subjects)) {
      const began = performance.now();
      await run(operations);
      if (round >= 0) rates[name].push(operations / (performance.now() - began));
    }
  }
  const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
  const [[, raw], ...rest] = Object.entries(rates).map(([name, list]) => [name, median(list)]);
  console.log(`\n${title} (raw: ${Math.round(raw)}k/s)`);
  for (const [name, rate] of rest) console.log(`  ${name.padEnd(44)} ${(rate / raw).toFixed(2)}`);
}

console.log(
  `Node ${process.version}, ${os.cpus().length} cores, ${os.cpus()[0]?.model ?? 'unknown CPU'}, ${new Date().toISOString().slice(0, 10)}`,
);
console.log('Ratios to the first subject of each table; 1.00 = as fast as the raw library.');

// L1
const memory = await open({});
const lru = new LRUCache({ max: 10_000, ttl: 300_000 });
for (const key of keys) {
  lru.set(key, value);
  await memory.cache.set(key, value);
}
const at = (index) => order[index & (order.length - 1)];
await compare(
  'L1 hit, awaited',
  {
    'lru-cache with ttl, awaited': async (n) => {
      for (let i = 0; i < n; i++) await lru.get(at(i));
    },
    'cache.get': async (n) => {
      for (let i = 0; i < n; i++) await memory.cache.get(at(i));
    },
    'cache.getOrSet': async (n) => {
      const load = () => value;
      for (let i = 0; i < n; i++) await memory.cache.getOrSet(at(i), load);
    },
  },
  1_000_000,
);
let sink = 0;
await compare(
  'L1 hit, synchronous',
  {
    'lru-cache with ttl': (n) => {
      for (let i = 0; i < n; i++) sink += lru.get(at(i)).id;
    },
    'cache.peek': (n) => {
      for (let i = 0; i < n; i++) sink += memory.cache.peek(at(i)).id;
    },
  },
  1_000_000,
);
await memory.app.close();

// L2: the same bytes for both
const shared = await open({ l1: false, l2: { url: servers.redisUrl, budget: '5s' } });
const redis = new Redis(servers.redisUrl);
for (const key of keys) {
  await shared.cache.set(key, value);
  await redis.set(`raw:${key}`, JSON.stringify(value));
}
const inFlight = (width, ask) => async (n) => {
  let next = 0;
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < n) await ask(at(next++));
    }),
  );
};
/** What coalescing alone gives: same-tick GETs as one MGET, one bulk read in flight while the next gathers. */
function coalesced(client) {
  let waiting = [];
  let busy = 0;
  const send = async () => {
    while (waiting.length > 0 && busy < 2) {
      const batch = waiting;
      waiting = [];
      busy++;
      const values = await client.mget(batch.map(([key]) => key));
      busy--;
      batch.forEach(([, resolve], index) => resolve(values[index]));
    }
  };
  return (key) =>
    new Promise((resolve) => {
      waiting.push([key, resolve]);
      if (waiting.length === 1 && busy < 2) process.nextTick(send);
    });
}
const mget = coalesced(redis);
for (const width of [1, 64, 512]) {
  if (width > 1)
    await compare(
      `L2 hit against coalesced MGET, ${width} in flight`,
      {
        'coalesced MGET': inFlight(width, (key) => mget(`raw:${key}`)),
        'coalesced MGET + JSON.parse': inFlight(width, async (key) =>
          JSON.parse(await mget(`raw:${key}`)),
        ),
        'cache.get, L1 off': inFlight(width, (key) => shared.cache.get(key)),
      },
      40_000,
    );
  await compare(
    `L2 hit, ${width} in flight`,
    {
      'ioredis GET + JSON.parse': inFlight(width, async (key) =>
        JSON.parse(await redis.get(`raw:${key}`)),
      ),
      'cache.get, L1 off': inFlight(width, (key) => shared.cache.get(key)),
    },
    width === 1 ? 4_000 : 40_000,
  );
}
redis.disconnect();
await shared.app.close();
await servers.stop();
if (sink === 0) process.exitCode = 1;
