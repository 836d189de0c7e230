// What the guard adds to an L2 hit: a read through it against the same read on the tier itself, in turns.
import { TierGuard } from '../../libs/multi-level-cache/dist/manager/tier-guard.js';
import { bar, BUDGET, median, numbers, openCache } from './support.mjs';

const KEYS = 1_000;
const PAIRS = 21;
/** Reads of one turn, by how many are in flight. */
const READS = new Map([
  [1, 3_000],
  [64, 60_000],
]);

export async function guard({ redis }) {
  const options = {
    l1: false,
    l2: { url: redis.url, budget: 50 * BUDGET },
    defaults: { ttl: '1h' },
  };
  const { app, cache } = await openCache(options);
  const keys = numbers(KEYS).map((at) => `guarded:${at}`);
  for (const key of keys) await cache.set(key, { key, name: 'a value of about one hundred bytes' });
  const { guarded, addresses } = await overhear(() =>
    Promise.all(keys.map((key) => cache.get(key))),
  );
  const { tier } = guarded;
  const subjects = [
    (at) => tier.read(addresses[at % KEYS]),
    (at) => guarded.read(addresses[at % KEYS]),
  ];
  for (const [at, read] of subjects.entries())
    if ((await read(at))?.state !== 'fresh') throw new Error('a read that is no hit');
  const bars = [];
  for (const [width, reads] of READS) {
    const ratios = [];
    const us = [[], []];
    for (let pair = -3; pair < PAIRS; pair++) {
      // Who comes first takes turns.
      const order = pair % 2 === 0 ? [0, 1] : [1, 0];
      const times = [];
      for (const which of order) times[which] = await timeOf(subjects[which], width, reads);
      if (pair < 0) continue;
      ratios.push(100 * (times[1] / times[0] - 1));
      for (const which of order) us[which].push((times[which] / reads) * 1_000);
    }
    const [direct, through] = us.map((list) => median(list).toFixed(1));
    bars.push(
      bar(`guard, on top of an L2 hit (${through} to ${direct} us), ${width} in flight`, ratios, {
        most: 5,
        unit: ' %',
      }),
    );
  }
  await app.close();
  return bars;
}

/** The guard of L2, and the keys as it gets them, from reads of the cache itself. */
async function overhear(reads) {
  const { value: read } = Object.getOwnPropertyDescriptor(TierGuard.prototype, 'read');
  const addresses = [];
  let guarded;
  TierGuard.prototype.read = function overheard(...given) {
    guarded = this;
    addresses.push(given[0]);
    return read.apply(this, given);
  };
  try {
    await reads();
  } finally {
    TierGuard.prototype.read = read;
  }
  return { guarded, addresses };
}

async function timeOf(read, width, reads) {
  let next = 0;
  const began = performance.now();
  const worker = async () => {
    while (next < reads) await read(next++);
  };
  await Promise.all(Array.from({ length: width }, worker));
  return performance.now() - began;
}
