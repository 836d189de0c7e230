// Redis stands still under load: what requests take meanwhile, against the same load without Redis; hits in memory; the heap.
import {
  bar,
  BUDGET,
  fill,
  median,
  memory,
  openWarm,
  percentile,
  pause,
  timeOfHits,
  Traffic,
  until,
} from './support.mjs';

const RATE = 1_000;
const BEFORE_MS = 2_000;
const FIRST_MS = 1_000;
const AFTER_MS = 4_000;
const HITS = 100_000;
const ROUNDS = 7;
const LONG_MS = 30_000;
const MIB = 1024 ** 2;

export async function frozen(stores, { trials }) {
  await fill(stores);
  const found = { first: [], after: [], off: [], l3: [], hits: [], failed: 0, loads: 0 };
  for (let trial = 0; trial < trials; trial++) {
    // Who comes first takes turns.
    const steps = [() => without(stores, found), () => freeze(stores, found)];
    for (const step of trial % 2 === 0 ? steps : steps.toReversed()) await step();
  }
  const ratios = found.after.map((p99, trial) => p99 / found.off[trial]);
  const grown = await heap(stores);
  return [
    bar(`p99 in the first second of the freeze, ${RATE} requests/s`, found.first, {
      most: BUDGET + median(found.l3) + 10,
      unit: ' ms',
    }),
    bar(
      `p99 after it, of the same load without L2 (${median(found.after).toFixed(1)} to ${median(found.off).toFixed(1)} ms)`,
      ratios,
      {
        most: 1.2,
        unit: 'x',
        digits: 2,
      },
    ),
    bar('time of a hit in memory while Redis is frozen, of before', found.hits, {
      most: 1.1,
      unit: 'x',
      digits: 2,
    }),
    bar(
      `requests that failed while it was frozen; ${found.loads} went to the loader`,
      [found.failed],
      {
        most: 0,
        digits: 0,
      },
    ),
    bar(`heap after ${LONG_MS / 1_000} s of freeze, more than before`, [grown / MIB], {
      most: 20,
      unit: ' MiB',
    }),
  ];
}

/** The same load on an application that has no L2. */
async function without({ postgres }, found) {
  const { app, cache } = await openWarm({ postgres });
  const traffic = new Traffic(cache, RATE);
  await traffic.during(BEFORE_MS + FIRST_MS);
  const { times, misses } = await traffic.during(AFTER_MS);
  await traffic.stop();
  found.off.push(percentile(times, 0.99));
  found.l3.push(median(misses));
  await app.close();
}

async function freeze(stores, found) {
  const { redis, postgres } = stores;
  const { app, cache } = await openWarm(stores);
  const other = await openWarm({ postgres });
  const before = await hits(cache, other.cache);
  const traffic = new Traffic(cache, RATE);
  try {
    await traffic.during(BEFORE_MS);
    await redis.freeze();
    const first = await traffic.during(FIRST_MS);
    const after = await traffic.during(AFTER_MS);
    await traffic.stop();
    found.first.push(percentile(first.times, 0.99));
    found.after.push(percentile(after.times, 0.99));
    found.failed += first.failed + after.failed;
    found.loads += first.loads + after.loads;
    found.hits.push((await hits(cache, other.cache)) / before);
  } finally {
    await traffic.stop();
    await redis.thaw();
  }
  await until('Redis is used again', () => cache.stats().tiers.l2.state === 'up');
  await app.close();
  await other.app.close();
}

/** As a ratio to hits of an application that has no Redis, in turns: what the machine does meanwhile does both. */
async function hits(cache, other) {
  const ratios = [];
  for (let round = -1; round < ROUNDS; round++) {
    const [one, two] = [await timeOfHits(cache, HITS), await timeOfHits(other, HITS)];
    if (round >= 0) ratios.push(one / two);
  }
  return median(ratios);
}

/** How much more is held after a long freeze under load. */
async function heap(stores) {
  const { app, cache } = await openWarm(stores);
  const traffic = new Traffic(cache, RATE);
  // Memory is full, and code is compiled.
  await traffic.during(5_000 + BEFORE_MS);
  const before = await memory();
  try {
    await stores.redis.freeze();
    const until = performance.now() + LONG_MS;
    while (performance.now() < until) await traffic.during(1_000);
    return (await memory()) - before;
  } finally {
    await traffic.stop();
    await stores.redis.thaw();
    await pause(0);
    await app.close();
  }
}
