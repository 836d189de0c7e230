/** Loaders that fail or never end, beside keys that are well. */
import { afterEach, expect } from 'vitest';
import { closeCaches, testCache } from '../../../support/cache.js';
import { freshNamespace, redisUrl } from '../../../support/servers.js';
import { leasesOf } from '../leases.js';
import { Load } from '../load.js';
import { row } from '../row.js';

const LEASE_MS = 2_000;
const HARD_MS = 500;
const SOFT_MS = 50;
const KEYS = Array.from({ length: 20 }, (_zero, at) => `poison:${at}`);

afterEach(closeCaches);

const never = (): Promise<never> => new Promise(() => undefined);
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

for (const { how, loader } of [
  { how: 'throws', loader: () => Promise.reject(new Error('poison')) },
  { how: 'hangs', loader: never },
])
  row(
    38,
    {
      fault: `the loader of some keys ${how}, on two instances`,
      expected:
        'their callers get the stale value, no lease outlives 2 s, other keys are as before',
    },
    async (figures) => {
      const namespace = freshNamespace();
      const options = { namespace, redis: redisUrl(), grace: 3_600_000, hardTimeout: HARD_MS };
      const caches = [(await testCache(options)).cache, (await testCache(options)).cache];
      for (const key of KEYS) await caches[0].getOrSet(key, () => 'old', { ttl: 100 });
      await wait(150);
      const healthy = new Load(caches, { ttl: 50 });
      const before = await healthy.during(500);
      const times: number[] = [];
      let failed = 0;
      let wrong = 0;
      const ask = async (key: string, at: number): Promise<void> => {
        const began = performance.now();
        await caches[at % 2].getOrSet<string>(key, loader, { timeout: SOFT_MS }).then(
          (value) => void (value === 'old' || wrong++),
          () => failed++,
        );
        times.push(performance.now() - began);
      };
      const asked: Promise<void>[] = [];
      for (let round = 0; round < 20; round++) {
        KEYS.forEach((key, at) => asked.push(ask(key, at + round)));
        await wait(50);
      }
      await Promise.all(asked);
      const beside = await healthy.stop();
      // What hangs is late by now, and whoever holds its lease keeps it no longer.
      await wait(HARD_MS + LEASE_MS);
      const leaked = await leasesOf(redisUrl(), namespace);
      figures.count('leases left after 2 s', leaked.length, 0);
      figures.count('asked', times.length);
      figures.count('failed requests', failed + before.errors.length + beside.errors.length, 0);
      figures.count('wrong values', wrong + beside.wrong, 0);
      const sorted = times.toSorted((a, b) => a - b);
      figures.ms('p99 of their callers', sorted[Math.floor(sorted.length * 0.99)], SOFT_MS + 50);
      figures.ms('p99 of other keys before', before.p99);
      figures.ms('p99 of other keys', beside.p99, 100);
      // It is not poisoned for ever.
      expect(await caches[0].getOrSet(KEYS[0], () => 'new')).toBe('new');
    },
  );

row(
  38,
  {
    fault: 'the loader of a cold key hangs on one instance, and another one asks for it',
    expected: 'it waits for hardTimeout and the lease of 2 s at most, and loads',
  },
  async (figures) => {
    const namespace = freshNamespace();
    const hanging = (await testCache({ namespace, redis: redisUrl(), hardTimeout: HARD_MS })).cache;
    const other = (await testCache({ namespace, redis: redisUrl() })).cache;
    const late = hanging.getOrSet('k', never);
    late.catch(() => undefined);
    await expect.poll(() => leasesOf(redisUrl(), namespace)).toHaveLength(1);
    const began = performance.now();
    expect(await other.getOrSet('k', () => 'loaded')).toBe('loaded');
    figures.ms('another instance waits', performance.now() - began, HARD_MS + LEASE_MS + 100);
    await expect(late).rejects.toMatchObject({ code: 'CACHE_LOADER_TIMEOUT' });
    figures.count('leases left', (await leasesOf(redisUrl(), namespace)).length, 0);
  },
);
