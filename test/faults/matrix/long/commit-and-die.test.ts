/** A process is killed between the commit of its transaction and the invalidation, under whatever tiers there are. */
import { expect } from 'vitest';
import { testCache, type TestCache } from '../../../support/cache.js';
import { endAfterEach, kept } from '../../../support/ends.js';
import { Things } from '../../../support/commit-and-die.js';
import { freshDatabase, freshNamespace, redisUrl } from '../../../support/servers.js';
import { row } from '../row.js';

const TRIALS = 5;
/** What is promised from the death of the process on. */
const HEALED_MS = 2_000;

endAfterEach();

const SHAPES = [
  { tiers: 'L1+L2+L3', redis: () => redisUrl() },
  { tiers: 'L1+L3', redis: () => undefined },
];

for (const { tiers, redis } of SHAPES)
  row(
    24,
    {
      fault: `${tiers}: SIGKILL between commit and invalidate`,
      expected: 'the new value is read everywhere, and nothing stays owed',
    },
    async (figures) => {
      const things = await kept(Things.create(await freshDatabase()));
      const { database } = things;
      const options = { namespace: freshNamespace(), redis: redis(), database };
      const instances = [await testCache(options), await testCache(options)];
      const read = ({ cache }: TestCache, key: string): Promise<number> =>
        cache.getOrSet(key, () => things.valueOf(key));
      let longest = 0;
      for (let trial = 0; trial < TRIALS; trial++) {
        const key = `${options.namespace}:${trial}`;
        await things.add(key);
        for (const one of instances) expect(await read(one, key)).toBe(1);
        await things.commitAndDie(options, key);
        const died = performance.now();
        for (const one of instances)
          await expect.poll(() => read(one, key), { timeout: 3 * HEALED_MS, interval: 20 }).toBe(2);
        longest = Math.max(longest, performance.now() - died);
      }
      await expect.poll(() => things.owed(), { timeout: 5_000 }).toBe(0);
      figures.count('processes killed', TRIALS);
      figures.ms('healed everywhere after at most', longest, HEALED_MS);
    },
  );
