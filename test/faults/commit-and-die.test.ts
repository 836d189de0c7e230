/** A process dies between the commit of its transaction and the invalidation: whoever looks into the outbox makes it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeCaches, testCache, type TestCache } from '../support/cache.js';
import { Things } from '../support/commit-and-die.js';
import { freshDatabase, freshNamespace, redisUrl } from '../support/servers.js';

/** `TRIALS=200` for more of them. */
const TRIALS = Number(process.env['TRIALS'] ?? 20);
const AT_A_TIME = 2;
/** What is promised from the death of the process on, ms. */
const BOUND = 2_000;

let things: Things;

beforeAll(async () => {
  things = await Things.create(await freshDatabase());
});
afterAll(() => things.stop());
afterEach(closeCaches);

describe.each([
  { title: 'L1+L2+L3', redis: () => redisUrl(), trials: TRIALS },
  { title: 'L1+L3', redis: () => undefined, trials: Math.ceil(TRIALS / 5) },
])('$title', ({ redis, trials }) => {
  it(
    `${trials} times: the new value is read on every instance within ${BOUND} ms, and the outbox is empty`,
    async () => {
      const { database } = things;
      const options = { namespace: freshNamespace(), redis: redis(), database };
      const instances = [await testCache(options), await testCache(options)];
      const read = ({ cache }: TestCache, key: string): Promise<number> =>
        cache.getOrSet(key, () => things.valueOf(key));
      const waits: number[] = [];
      const trial = async (name: string): Promise<void> => {
        await things.add(name);
        for (const one of instances) expect(await read(one, name)).toBe(1);
        await things.commitAndDie(options, name);
        const died = performance.now();
        for (const one of instances)
          await expect.poll(() => read(one, name), { timeout: BOUND, interval: 20 }).toBe(2);
        waits.push(performance.now() - died);
      };
      const names = Array.from({ length: trials }, (_, at) => `${options.namespace}:${at}`);
      const lane = async (): Promise<void> => {
        for (let name = names.pop(); name; name = names.pop()) await trial(name);
      };
      await Promise.all(Array.from({ length: AT_A_TIME }, lane));
      expect(waits).toHaveLength(trials);
      console.log(`seen everywhere after at most ${Math.max(...waits).toFixed(0)} ms`);
      await expect.poll(() => things.owed(), { timeout: 5_000 }).toBe(0);
    },
    60_000 + TRIALS * 3_000,
  );
});
