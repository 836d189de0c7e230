// How cost grows with the number of entries: in memory, in Redis and in PostgreSQL, from a thousand to a million.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import pg from 'pg';
import { startPostgres, startRedis } from 'throwaway-servers';
import { fill, median, openCache, reader, redisInfo, usOf } from './support.mjs';

const SIZES = [1_000, 10_000, 100_000, 1_000_000];
const READS = 2_000;
const WIDE_READS = 10_000;
const value = { id: 42, name: 'a value of about one hundred bytes', price: 19.99, stock: true };
const MEMORY = fileURLToPath(new URL('./memory.mjs', import.meta.url));
const FLAGS = ['--expose-gc', '--max-old-space-size=6144'];
const run = promisify(execFile);

export async function keys({ trials }) {
  const memory = await inMemory(Math.min(trials, 3));
  const redis = await inRedis(trials);
  const postgres = await inPostgres(trials);
  return {
    title: 'Entries',
    x: { label: 'entries', values: SIZES, log: true },
    columns: [
      { name: 'L1 hit', unit: 'ns', values: memory.map((one) => one.hitNs) },
      { name: 'await of a Map', unit: 'ns', values: memory.map((one) => one.mapNs) },
      { name: 'L1 load and insert', unit: 'ns', values: memory.map((one) => one.insertNs) },
      { name: 'L1 entry', unit: 'B', values: memory.map((one) => one.bytes) },
      { name: 'L2 hit, one at a time', unit: 'µs', values: redis.one },
      { name: 'L2 hit, 64 in flight', unit: 'µs', values: redis.wide },
      { name: 'Redis', unit: 'MiB', values: redis.size },
      { name: 'L3 hit, one at a time', unit: 'µs', values: postgres.one },
      { name: 'L3 hit, 64 in flight', unit: 'µs', values: postgres.wide },
      { name: 'PostgreSQL', unit: 'MiB', values: postgres.size },
    ],
    charts: [
      {
        file: 'scale-keys-memory.svg',
        title: 'A hit in L1 and a load into it, by entries (ns)',
        of: ['L1 hit', 'await of a Map', 'L1 load and insert'],
      },
      {
        file: 'scale-keys-stores.svg',
        title: 'A hit in L2 and L3, by entries in the store (µs)',
        of: [
          'L2 hit, one at a time',
          'L2 hit, 64 in flight',
          'L3 hit, one at a time',
          'L3 hit, 64 in flight',
        ],
      },
    ],
  };
}

async function inMemory(trials) {
  const found = [];
  for (const size of SIZES) {
    const rounds = [];
    for (let trial = 0; trial < trials; trial++) {
      const { stdout } = await run(process.execPath, [...FLAGS, MEMORY, String(size)]);
      rounds.push(JSON.parse(stdout));
    }
    const of = (name) => median(rounds.map((one) => one[name]));
    found.push({
      hitNs: of('hitNs'),
      mapNs: of('mapNs'),
      insertNs: of('insertNs'),
      bytes: of('bytes'),
    });
  }
  return found;
}

async function inRedis(trials) {
  const redis = await startRedis();
  const admin = new Redis(redis.url);
  const { app, cache } = await openCache({ l1: false, l2: { url: redis.url, budget: '5s' } });
  const empty = await redisInfo(admin, 'memory', 'used_memory');
  const size = async () => ((await redisInfo(admin, 'memory', 'used_memory')) - empty) / 2 ** 20;
  try {
    return await growing(cache, trials, size);
  } finally {
    await app.close();
    admin.disconnect();
    await redis.stop();
  }
}

async function inPostgres(trials) {
  const postgres = await startPostgres();
  const client = new pg.Client(postgres.url);
  await client.connect();
  const { app, cache } = await openCache({
    l1: false,
    l3: { url: postgres.url, budget: '5s', maxSize: '4gb' },
  });
  const size = async () => {
    const { rows } = await client.query(
      `select pg_total_relation_size('mlcache.entry')::float8 / 1048576 as size`,
    );
    return rows[0].size;
  };
  const settle = () => client.query('vacuum analyze mlcache.entry');
  try {
    return await growing(cache, trials, size, settle);
  } finally {
    await app.close();
    await client.end();
    await postgres.stop();
  }
}

/** The same store from size to size. */
async function growing(cache, trials, sizeOf, settle = () => undefined) {
  const found = { one: [], wide: [], size: [] };
  let from = 0;
  for (const size of SIZES) {
    await fill(cache, { from, to: size, value, options: { ttl: '1h' } });
    await settle();
    from = size;
    const read = reader(cache, size);
    found.one.push(await usOf({ trials, count: READS }, read));
    found.wide.push(await usOf({ trials, count: WIDE_READS, width: 64 }, read));
    found.size.push(await sizeOf());
  }
  return found;
}
