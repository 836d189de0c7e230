// `npm run bench:l3 [-- --writes 100000]`: PostgreSQL as a tier, as ratios to raw selects, and what the sweeper costs.
import { parseArgs } from 'node:util';
import os from 'node:os';
import pg from 'pg';
import { NestFactory } from '@nestjs/core';
import { startPostgres } from 'throwaway-servers';
import { CACHE_L3, CacheManager, MultiLevelCacheModule } from 'nestjs-multi-level-cache';

const { values } = parseArgs({ options: { writes: { type: 'string', default: '1000000' } } });
const WRITES = Number(values.writes);
const BATCH = 1_000;
/** As the sweeper does. */
const SWEEP = 250;
const ROUNDS = 5;
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
const at = (index) => order[index & (order.length - 1)];
const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];

const server = await startPostgres();
const raw = new pg.Pool({ connectionString: server.url, max: 4 });
await raw.query('create table plain (k text primary key, v jsonb not null)');
const module = MultiLevelCacheModule.forRoot({
  namespace: 'bench',
  l1: false,
  l3: { url: server.url, budget: '5s' },
  defaults: { jitter: 0 },
});
const app = await NestFactory.createApplicationContext(module, { logger: false });
const cache = app.get(CacheManager);
const tier = app.get(CACHE_L3);
for (const key of keys) await raw.query('insert into plain values ($1, $2)', [key, value]);
await cache.setMany(
  keys.map((key) => [key, value]),
  { ttl: '1h' },
);

const inFlight = async (width, n, ask) => {
  let next = 0;
  const worker = async () => {
    while (next < n) await ask(at(next++));
  };
  await Promise.all(Array.from({ length: width }, worker));
};
const subjects = {
  'raw prepared select, pool of 4': (key) =>
    raw.query({ name: 'one', text: 'select v from plain where k = $1', values: [key] }),
  'cache.get, L3 alone': (key) => cache.get(key),
};
console.log(
  `Node ${process.version}, ${os.cpus().length} cores, ${os.cpus()[0]?.model ?? 'unknown CPU'}, ${new Date().toISOString().slice(0, 10)}`,
);
for (const width of [1, 64, 512]) {
  const rates = Object.keys(subjects).map(() => []);
  for (let round = -1; round < ROUNDS; round++) {
    for (const [index, ask] of Object.values(subjects).entries()) {
      const n = width === 1 ? 1_000 : 20_000;
      const began = performance.now();
      await inFlight(width, n, ask);
      if (round >= 0) rates[index].push((n / (performance.now() - began)) * 1_000);
    }
  }
  const [plain, ours] = rates.map(median);
  console.log(
    `L3 read, ${width} in flight: ${(ours / plain).toFixed(1)}x raw (${Math.round(ours)}/s to ${Math.round(plain)}/s)`,
  );
}

// Offered load: 1,000 reads a second, however long each takes.
const times = [];
const began = performance.now();
const running = new Set();
for (let sent = 0; sent < 5_000;) {
  for (const due = performance.now() - began; sent < due && sent < 5_000; sent++) {
    const asked = performance.now();
    const read = cache.get(at(sent)).then(() => times.push(performance.now() - asked));
    running.add(read);
    void read.finally(() => running.delete(read));
  }
  await new Promise((resolve) => setTimeout(resolve, 1));
}
await Promise.all(running);
times.sort((a, b) => a - b);
const p99 = times[Math.floor(times.length * 0.99)];
console.log(
  `L3 read, 1,000/s offered: p50 ${times[times.length >> 1].toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
);

// Writes beside the sweeper on a bounded set of keys: half of them are set, the others loaded, some of these for a second only.
const size = async () =>
  Number((await raw.query(`select pg_total_relation_size('mlcache.entry') as n`)).rows[0].n);
const many = (name, length) => Array.from({ length }, (_, index) => `${name}:${index}`);
const [owned, loaded, short] = [many('owned', 10_000), many('loaded', 9_000), many('short', 1_000)];
const batch = (from, length) => {
  const start = Math.floor(Math.random() * (from.length - length + 1));
  return from.slice(start, start + length).map((key) => [key, value]);
};
const set = (entries) => cache.setMany(entries, { ttl: '1h', grace: 0 });
const load = async (entries, ttl) => {
  const keys = entries.map(([key]) => key);
  await cache.getOrSetMany(keys, () => entries, { ttl, grace: 0, forceFresh: true });
};
const sweeps = [];
const sizes = [];
let swept = 0;
for (let written = 0; written < WRITES; written += 2 * BATCH) {
  await set(batch(owned, BATCH));
  await load(batch(loaded, 0.9 * BATCH), '1h');
  await load(batch(short, 0.1 * BATCH), '1s');
  if (written % 10_000 !== 0) continue;
  // Beside a writer, and not behind the loads that are still being stored: what it holds up, not what holds it up.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const writing = set(batch(owned, BATCH));
  const asked = performance.now();
  swept += await tier.sweep(SWEEP);
  sweeps.push(performance.now() - asked);
  await writing;
  if (written >= WRITES / 5) sizes.push(await size());
}
sweeps.sort((a, b) => a - b);
const middle = median(sizes);
const off = Math.max(...sizes.map((one) => Math.abs(one / middle - 1)));
console.log(
  `sweeps of up to ${SWEEP} rows beside ${WRITES} writes: ${swept} rows, median ${median(sweeps).toFixed(1)} ms, longest ${sweeps.at(-1).toFixed(1)} ms`,
);
console.log(
  `table of 20000 keys, after the first fifth of the writes: ${(middle / 2 ** 20).toFixed(1)} MiB, at most ${(100 * off).toFixed(1)} % off`,
);
await app.close();
await raw.end();
await server.stop();
