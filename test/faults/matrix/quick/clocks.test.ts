/** Clocks that jump and clocks that disagree: lives and tags are decided as if there were one that does neither. */
import { afterEach, expect, vi } from 'vitest';
import { SystemClock } from '../../../../libs/multi-level-cache/src/core/clock.js';
import type { Duration } from '../../../../libs/multi-level-cache/src/core/duration.js';
import type { TierName } from '../../../../libs/multi-level-cache/src/core/tier.js';
import type { CacheRoot } from '../../../../libs/multi-level-cache/src/manager/create-cache.js';
import { closeCaches, testCache } from '../../../support/cache.js';
import { databaseUrl, freshNamespace, redisUrl } from '../../../support/servers.js';
import { row, type Figures } from '../row.js';

const HOUR = 3_600_000;
const MINUTE = 60_000;
const KEYS = Array.from({ length: 50 }, (_zero, at) => `k${at}`);
/** Monotonic clocks are never below zero. */
const BEGUN = HOUR;
const SHORT_MS = 400;
const SAME = 'lives and tags are decided as before';

/** The wall clock of this process, set forward or back. */
let shift = 0;
const RealDate = Date;
class ShiftedDate extends RealDate {
  constructor(...given: readonly [] | readonly [number | string]) {
    super(given.length === 0 ? RealDate.now() + shift : given[0]);
  }

  static override now(): number {
    return RealDate.now() + shift;
  }
}

/** A process whose clock began at another time. */
class SkewedClock extends SystemClock {
  constructor(readonly skew: number) {
    super();
  }

  override now(): number {
    return super.now() + BEGUN + this.skew;
  }

  override coarse(): number {
    return super.coarse() + BEGUN + this.skew;
  }
}

afterEach(async () => {
  vi.unstubAllGlobals();
  shift = 0;
  await closeCaches();
});

const SHAPES = [
  { tiers: ['l1', 'l2', 'l3'], redis: () => redisUrl(), database: () => databaseUrl() },
  { tiers: ['l1', 'l2'], redis: () => redisUrl(), database: () => undefined },
  { tiers: ['l1', 'l3'], redis: () => undefined, database: () => databaseUrl() },
] as const;

/** How many are fresh, over all instances and tiers. */
async function countFresh(
  caches: readonly CacheRoot[],
  tiers: readonly TierName[],
  keys: readonly string[],
): Promise<number> {
  let fresh = 0;
  for (const cache of caches)
    for (const tier of tiers) fresh += (await cache.getMany(keys, { tiers: [tier] })).size;
  return fresh;
}

/** @param jump - the moment at which clocks change, if they do */
async function check(
  figures: Figures,
  caches: readonly CacheRoot[],
  tiers: readonly TierName[],
  jump: () => void,
): Promise<void> {
  const all = caches.length * tiers.length * KEYS.length;
  const [first] = caches;
  const last = caches.at(-1)!;
  const fresh = (keys: readonly string[]): Promise<number> => countFresh(caches, tiers, keys);
  const store = async (prefix: string, ttl: Duration): Promise<readonly string[]> => {
    const keys = KEYS.map((key) => `${prefix}:${key}`);
    // Bytes outlive the ttl: nothing but a decision ends it.
    const options = { ttl, grace: '1h', tags: ['t'] } as const;
    await Promise.all(keys.map((key) => first.getOrSet(key, () => 'v', options)));
    await first.drain();
    for (const cache of caches) await cache.getMany(keys);
    return keys;
  };
  // Shorter than any skew or jump.
  const long = await store('long', '4m');
  const short = await store('short', SHORT_MS);
  const began = performance.now();
  jump();
  figures.count('expired too early', all - (await fresh(long)), 0);
  await new Promise((resolve) => setTimeout(resolve, SHORT_MS + 50 - (performance.now() - began)));
  figures.count('lived too long', await fresh(short), 0);
  await last.invalidateTags(['t']);
  jump();
  await expect.poll(() => fresh(long)).toBe(0);
  const again = await store('again', '4m');
  jump();
  figures.count('taken by a tag of before', all - (await fresh(again)), 0);
  figures.count('spared by a tag', await fresh(long), 0);
}

for (const { tiers, redis, database } of SHAPES) {
  const shape = tiers.join('+').toUpperCase();
  const options = () => ({ namespace: freshNamespace(), redis: redis(), database: database() });

  for (const hours of [1, -1])
    row(
      36,
      { fault: `wall clock ${hours > 0 ? '+' : ''}${hours} h and back, ${shape}`, expected: SAME },
      async (figures) => {
        vi.stubGlobal('Date', ShiftedDate);
        const shared = options();
        const caches = [(await testCache(shared)).cache, (await testCache(shared)).cache];
        const shifts = [hours, 0, hours].map((by) => by * HOUR);
        await check(figures, caches, tiers, () => void (shift = shifts.pop()!));
      },
    );

  for (const minutes of [5, -5])
    row(
      36,
      {
        fault: `the loading instance's clock is ${minutes} min off, another's ${-minutes}, ${shape}`,
        expected: SAME,
      },
      async (figures) => {
        const shared = options();
        const caches: CacheRoot[] = [];
        for (const skew of [minutes, 0, -minutes])
          caches.push(
            (await testCache({ ...shared, clock: new SkewedClock(skew * MINUTE) })).cache,
          );
        await check(figures, caches, tiers, () => undefined);
      },
    );
}
