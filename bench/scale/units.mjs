// What one of each thing costs: processor time of the Node process, of Redis and of PostgreSQL, bytes in the stores, on the stream and
// in the log of PostgreSQL. From these docs/sizing.md reckons, so each has a name.
import { Redis } from 'ioredis';
import pg from 'pg';
import { startPostgres, startRedis } from 'throwaway-servers';
import { CACHE_L3 } from 'nestjs-multi-level-cache';
import { startGroup } from '../coherence/support.mjs';
import {
  allOf,
  fill,
  keyAt,
  median,
  numbers,
  openCache,
  pause,
  postgresCpuUs,
  processCpuUs,
  reader,
  redisCpuUs,
  redisInfo,
  valueOf,
} from './support.mjs';

const KEYS = 10_000;
/** As in one of many instances, and as in one that has much to do. */
const WIDTHS = [1, 64];
/** As many single writes as PostgreSQL takes in the time that a change may wait. */
const WRITE_WIDTHS = [1, 16];
const DEFAULTS = { defaults: { ttl: '1h', jitter: 0 } };

export async function units({ trials }) {
  return [
    ...(await ofMemory(trials)),
    ...(await ofRedis(trials)),
    ...(await ofMessages(trials)),
    ...(await ofPostgres(trials)),
  ];
}

/** @param value - a figure, or one for a call at a time and one for many in flight */
const unit = (id, what, value, how, digits) => ({
  id,
  what,
  values: [value].flat(),
  unit: how,
  digits,
});

/** Processor time of one call, at each width. */
async function atWidths({ trials, widths, calls, clocks }, call) {
  const found = [];
  for (const width of widths) {
    const count = width === 1 ? Math.min(calls, 3_000) : calls;
    found.push(
      await spentOn(trials, count, clocks, (round) =>
        allOf(count, width, call(`${width}.${round}`)),
      ),
    );
  }
  return (name) => found.map((one) => one[name]);
}

/** Spent by each of these clocks for one of so many calls: the medians of the rounds, after one that is not counted. */
async function spentOn(trials, calls, clocks, work) {
  const found = Object.fromEntries(Object.keys(clocks).map((name) => [name, []]));
  for (let round = -1; round < trials; round++) {
    const before = {};
    for (const [name, read] of Object.entries(clocks)) before[name] = await read();
    await work(round + 1);
    for (const [name, read] of Object.entries(clocks)) {
      const spent = ((await read()) - before[name]) / calls;
      if (round >= 0) found[name].push(spent);
    }
  }
  return Object.fromEntries(Object.entries(found).map(([name, list]) => [name, median(list)]));
}

async function ofMemory(trials) {
  const { app, cache } = await openCache({ ...DEFAULTS, l1: { maxEntries: 2 * KEYS } });
  await fill(cache, { to: KEYS, value: valueOf(1_024) });
  const keys = numbers(KEYS).map((at) => keyAt(at, KEYS));
  const hits = 500_000;
  const { node } = await spentOn(trials, hits, { node: processCpuUs }, async () => {
    for (let hit = 0; hit < hits; hit++) await cache.get(keys[hit % KEYS]);
  });
  await app.close();
  return [unit('n1', 'Node: an L1 hit', node, 'µs', 3)];
}

async function ofRedis(trials) {
  const redis = await startRedis();
  const admin = new Redis(redis.url);
  const { app, cache } = await openCache({
    ...DEFAULTS,
    l1: false,
    l2: { url: redis.url, budget: '5s' },
  });
  const bytes = {};
  for (const [name, value] of [
    ['large', valueOf(1_024)],
    ['small', valueOf(100)],
  ]) {
    await admin.flushall();
    // The cache finds that its records are gone, and begins anew.
    await cache.get('nothing');
    await pause(500);
    const empty = await redisInfo(admin, 'memory', 'used_memory');
    await fill(cache, { to: KEYS, value });
    bytes[name] = ((await redisInfo(admin, 'memory', 'used_memory')) - empty) / KEYS;
  }
  await fill(cache, { to: KEYS, value: valueOf(1_024) });
  const clocks = {
    node: processCpuUs,
    redis: () => redisCpuUs(admin),
    out: () => redisInfo(admin, 'stats', 'total_net_output_bytes'),
  };
  const spend = (call) => atWidths({ trials, widths: WIDTHS, calls: 10_000, clocks }, call);
  const value = valueOf(1_024);
  const hit = await spend(() => reader(cache, KEYS));
  const write = await spend(() => (index) => cache.set(keyAt(index, KEYS), value));
  const load = await spend(
    (round) => (index) => cache.getOrSet(`load:${round}:${index}`, () => value),
  );
  const drop = await spend((round) => (index) => cache.delete(`load:${round}:${index}`));
  const name = (await admin.keys('*:{~}:st'))[0];
  await admin.del(name);
  await allOf(1_000, 64, (index) => cache.delete(`product:${index}`));
  const message = (await admin.memory('USAGE', name, 'SAMPLES', '0')) / (await admin.xlen(name));
  await app.close();
  admin.disconnect();
  await redis.stop();
  return [
    unit('n2', 'Node: an L2 hit of 1 KiB', hit('node'), 'µs'),
    unit('nl', 'Node: a load of 1 KiB into L2, the loader apart', load('node'), 'µs'),
    unit('nw2', 'Node: a write of 1 KiB to L2', write('node'), 'µs'),
    unit('nd2', 'Node: an invalidation of one key in L2', drop('node'), 'µs'),
    unit('r2', 'Redis: an L2 hit', hit('redis'), 'µs'),
    unit('rl', 'Redis: a miss, its lease and its fill', load('redis'), 'µs'),
    unit('rw', 'Redis: a write', write('redis'), 'µs'),
    unit('rd', 'Redis: an invalidation, with nobody else listening', drop('redis'), 'µs'),
    unit('bo', 'Redis: bytes sent for an L2 hit of 1 KiB', hit('out'), 'B'),
    unit('be100', 'Redis: bytes of an entry of 100 B', bytes.small, 'B'),
    unit('be', 'Redis: bytes of an entry of 1 KiB', bytes.large, 'B'),
    unit('bs', 'Redis: bytes of a message on the stream', message, 'B'),
  ];
}

/** What one message more costs the process that hears it, and one listener more costs Redis. */
async function ofMessages(trials) {
  const others = 3;
  const found = [];
  for (const width of WIDTHS) {
    const deletes = width === 1 ? 2_000 : 8_000;
    const alone = await messages(0, { deletes, width, trials });
    const heard = await messages(others, { deletes, width, trials });
    found.push({ node: heard.node, redis: (heard.redis - alone.redis) / others });
  }
  const node = found.map((one) => one.node);
  return [
    unit('nm', 'Node: a message received and applied', node, 'µs'),
    unit(
      'rm',
      'Redis: a message to one more instance',
      found.map((one) => one.redis),
      'µs',
    ),
    unit(
      'mx',
      'messages a second that keep one core of an instance busy',
      node.map((us) => 1e6 / us),
      '/s',
    ),
  ];
}

async function messages(others, { deletes, width, trials }) {
  const redis = await startRedis();
  const admin = new Redis(redis.url);
  const group = await startGroup('../scale/instance.mjs', 1 + others, { url: redis.url });
  const listeners = numbers(others).map((at) => at + 1);
  const spent = async () =>
    Promise.all(listeners.map(async (at) => (await group.ask(at, 'spent')).result));
  const [node, server] = [[], []];
  try {
    for (let round = -1; round < trials; round++) {
      const keys = numbers(deletes).map((at) => `told:${round + 1}:${at}`);
      const [before, cpu] = [await spent(), await redisCpuUs(admin)];
      await group.ask(0, 'deletes', { keys, width });
      await pause(300);
      const [after, used] = [await spent(), (await redisCpuUs(admin)) - cpu];
      if (round < 0) continue;
      server.push(used / deletes);
      for (const [at, { us, received }] of after.entries())
        node.push((us - before[at].us) / (received - before[at].received));
    }
  } finally {
    group.stop();
    admin.disconnect();
    await redis.stop();
  }
  return { node: node.length > 0 ? median(node) : NaN, redis: median(server) };
}

async function ofPostgres(trials) {
  // As a server that must survive a crash writes its log.
  const postgres = await startPostgres(undefined, { full_page_writes: 'on' });
  const client = new pg.Client(postgres.url);
  await client.connect();
  const { app, cache } = await openCache({
    ...DEFAULTS,
    l1: false,
    l3: { url: postgres.url, budget: '5s' },
    placement: false,
  });
  const one = async (text) => (await client.query(text)).rows[0].figure;
  const size = () => one(`select pg_total_relation_size('mlcache.entry')::float8 as figure`);
  const wal = () => one(`select (pg_current_wal_insert_lsn() - '0/0')::float8 as figure`);
  const clocks = { node: processCpuUs, postgres: () => postgresCpuUs(postgres), wal };
  const value = valueOf(1_024);
  const bytes = {};
  for (const [name, of] of [
    ['small', valueOf(100)],
    ['large', value],
  ]) {
    await client.query('truncate mlcache.entry');
    await fill(cache, { to: KEYS, value: of });
    bytes[name] = (await size()) / KEYS;
  }
  const hit = await atWidths({ trials, widths: WIDTHS, calls: 10_000, clocks }, () =>
    reader(cache, KEYS),
  );
  const writes = 2_000;
  const write = await atWidths(
    { trials, widths: WRITE_WIDTHS, calls: writes, clocks },
    () => (index) => cache.set(keyAt(index, KEYS), value),
  );
  const first = await spentOn(Math.min(trials, 3), writes, { wal }, async (round) => {
    await client.query('checkpoint');
    const from = (round * writes) % KEYS;
    await allOf(writes, WRITE_WIDTHS[1], (index) =>
      cache.set(`product:${(from + index) % KEYS}`, value),
    );
  });
  const rows = 10_000;
  const load = await spentOn(trials, rows, clocks, async (round) => {
    const keys = numbers(rows).map((at) => `row:${round}:${at}`);
    for (let at = 0; at < rows; at += 1_000) {
      const part = keys.slice(at, at + 1_000);
      await cache.getOrSetMany(part, () => part.map((key) => [key, value]));
    }
    // Stored in the background.
    await pause(500);
  });
  const sweep = await sweeps(app, cache);
  await app.close();
  await client.end();
  await postgres.stop();
  return [
    unit('n3', 'Node: an L3 hit of 1 KiB', hit('node'), 'µs'),
    unit('nw3', 'Node: a write of 1 KiB to L3', write('node'), 'µs'),
    unit('p3', 'PostgreSQL: an L3 hit of 1 KiB', hit('postgres'), 'µs'),
    unit('pw', 'PostgreSQL: a write of 1 KiB', write('postgres'), 'µs'),
    unit('nr', 'Node: a row loaded with many others, its read before among it', load.node, 'µs'),
    unit('pr', 'PostgreSQL: the same', load.postgres, 'µs'),
    unit('bp100', 'PostgreSQL: bytes of a row of 100 B with its indexes', bytes.small, 'B'),
    unit('bp', 'PostgreSQL: bytes of a row of 1 KiB with its indexes', bytes.large, 'B'),
    unit('wl', 'PostgreSQL: log of a write of 1 KiB', write('wal'), 'B'),
    unit('wf', 'PostgreSQL: the same, each right after a checkpoint', first.wal, 'B'),
    unit('wr', 'PostgreSQL: log of a loaded row of 1 KiB', load.wal, 'B'),
    unit('sw', 'PostgreSQL: dead rows that one instance removes', sweep, '/s'),
  ];
}

/** Rows a second, in the batches of the sweeper. */
async function sweeps(app, cache) {
  const rows = 20_000;
  const keys = numbers(rows).map((at) => `short:${at}`);
  for (let at = 0; at < rows; at += 1_000) {
    const part = keys.slice(at, at + 1_000);
    await cache.getOrSetMany(part, () => part.map((key) => [key, 1]), { ttl: 1_000, grace: 0 });
  }
  await pause(2_500);
  const tier = app.get(CACHE_L3);
  const began = performance.now();
  let swept = 0;
  for (let some = 1; some > 0; swept += some) some = await tier.sweep(250);
  return (swept * 1_000) / (performance.now() - began);
}
