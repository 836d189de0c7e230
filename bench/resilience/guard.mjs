// What the guard adds to an L2 hit: `get` of a cache with L2 alone, against the same `get` with the guard's `read` taken out and
// the tier itself asked, in turns. Both are protected from their callers: that is the price of isolation, not the guard's.
import { adopt } from '../../libs/multi-level-cache/dist/core/entry.js';
import { TierGuard } from '../../libs/multi-level-cache/dist/manager/tier-guard.js';
import { bar, BUDGET, median, numbers, openCache } from './support.mjs';

const KEYS = 1_000;
const PAIRS = 21;
/**
 * By how many are in flight: the reads of one turn, and what the guard may add. Where 64 share a round trip a hit has next to no
 * latency left to add to, and a promise of one's own is seen: the figure is shown, and judged by nobody.
 */
const TURNS = [
  { width: 1, reads: 3_000, most: 5 },
  { width: 64, reads: 60_000 },
];
const { value: guarded } = Object.getOwnPropertyDescriptor(TierGuard.prototype, 'read');

/** No budget, no breaker, no debts. */
async function bare(address, how) {
  const read = await this.tier.read(address, how?.together);
  return { ...read, entry: adopt(read.entry, this.options.isolation) };
}

export async function guard({ redis }) {
  const options = {
    l1: false,
    l2: { url: redis.url, budget: 50 * BUDGET },
    defaults: { ttl: '1h' },
  };
  const { app, cache } = await openCache(options);
  const keys = numbers(KEYS).map((at) => `guarded:${at}`);
  for (const key of keys) await cache.set(key, { key, name: 'a value of about one hundred bytes' });
  const bars = [];
  for (const { width, reads, most } of TURNS) {
    const ratios = [];
    const us = { bare: [], guarded: [] };
    for (let pair = -3; pair < PAIRS; pair++) {
      const times = {};
      // Who comes first takes turns.
      for (const [name, read] of pair % 2 === 0 ? SUBJECTS : SUBJECTS.toReversed()) {
        TierGuard.prototype.read = read;
        times[name] = (1_000 / reads) * (await timeOf(cache, keys, { width, reads }));
        if (pair >= 0) us[name].push(times[name]);
      }
      if (pair >= 0) ratios.push(100 * (times.guarded / times.bare - 1));
    }
    const [direct, through] = [us.bare, us.guarded].map((list) => median(list).toFixed(1));
    bars.push(
      bar(`guard, on top of an L2 hit (${through} to ${direct} us), ${width} in flight`, ratios, {
        most,
        unit: ' %',
      }),
    );
  }
  TierGuard.prototype.read = guarded;
  await app.close();
  return bars;
}

const SUBJECTS = Object.entries({ bare, guarded });

async function timeOf(cache, keys, { width, reads }) {
  let next = 0;
  const began = performance.now();
  const worker = async () => {
    for (let at = next++; at < reads; at = next++)
      if ((await cache.get(keys[at % KEYS])) === undefined) throw new Error('no hit');
  };
  await Promise.all(Array.from({ length: width }, worker));
  return performance.now() - began;
}
