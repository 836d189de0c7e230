// `npm run bench:l3 [-- --writes 1000000]`: PostgreSQL as a tier, as ratios to raw selects, and what the sweeper costs. Idle machine.
import { parseArgs } from 'node:util';
import os from 'node:os';
import pg from 'pg';
import { NestFactory } from '@nestjs/core';
import { startPostgres } from 'throwaway-servers';
import { CACHE_L3, CacheManager, MultiLevelCacheModule } from 'nestjs-multi-level-cache';

const { values } = parseArgs({ options: { writes: { type: 'string', default: '100000' } } });
const WRITES = Number(values.writes);
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
    while (next < n) await ask(keys[next++ % KEYS]);
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
    const read = cache
      .get(keys[(sent * 7) % KEYS])
      .then(() => times.push(performance.now() - asked));
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

// Writes on a bounded set of keys, a third of them dead at once, beside the sweeper.
const size = async () =>
  Number((await raw.query(`select pg_total_relation_size('mlcache.entry') as n`)).rows[0].n);
const some = Array.from({ length: 20_000 }, (_, index) => `w:${index}`);
const sweeps = [];
const sizes = [];
for (let written = 0; written < WRITES;) {
  const batch = Array.from({ length: 1_000 }, () => [
    some[Math.floor(Math.random() * some.length)],
    value,
  ]);
  await cache.setMany(batch, { ttl: Math.random() < 0.3 ? 1 : '1h', grace: 0 });
  written += 1_000;
  if (written % 10_000 === 0) {
    const asked = performance.now();
    await tier.sweep(500);
    sweeps.push(performance.now() - asked);
    if (written > WRITES / 5) sizes.push(await size());
  }
}
sweeps.sort((a, b) => a - b);
console.log(
  `sweep of up to 500 rows: median ${median(sweeps).toFixed(1)} ms, longest ${sweeps.at(-1).toFixed(1)} ms`,
);
console.log(
  `table over ${WRITES} writes on ${some.length} keys: ${(Math.min(...sizes) / 2 ** 20).toFixed(1)} to ${(Math.max(...sizes) / 2 ** 20).toFixed(1)} MiB after its first fifth`,
);
await app.close();
await raw.end();
await server.stop();
