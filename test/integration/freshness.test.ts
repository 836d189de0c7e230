/** A stale value of a shared tier before a loader in trouble: it stands in, its loader rests here, and no lease is kept from others. */
import { afterEach, describe, expect, it } from 'vitest';
import { closeCaches, testCache, type TestCache } from '../support/cache.js';
import { databaseUrl, freshNamespace, redisUrl } from '../support/servers.js';

afterEach(closeCaches);

const TIERS = {
  'L2 alone': { l1: false, redis: true, database: false },
  'L3 alone': { l1: false, redis: false, database: true },
  'all three': { l1: true, redis: true, database: true },
} as const;

const TROUBLE = new Error('the origin is in trouble');
const fail = (): Promise<never> => Promise.reject(TROUBLE);

describe.each(Object.entries(TIERS))('%s', (_name, { l1, redis, database }) => {
  async function stale(): Promise<{ made: TestCache; other: TestCache }> {
    const options = {
      namespace: freshNamespace(),
      l1,
      redis: redis ? redisUrl() : undefined,
      database: database ? databaseUrl() : undefined,
    };
    const [made, other] = [await testCache(options), await testCache(options)];
    await made.cache.getOrSet('k', () => 'old', { tags: ['t'] });
    await made.cache.drain();
    await made.cache.expire('k');
    return { made, other };
  }

  it('the loader fails twice: the stale value, and then at once without it', async () => {
    const { made } = await stale();
    for (let n = 0; n < 2; n++) expect(await made.cache.getOrSet('k', fail)).toBe('old');
    let loads = 0;
    const load = (): number => ++loads;
    for (let n = 0; n < 5; n++) expect(await made.cache.getOrSet('k', load)).toBe('old');
    expect(loads).toBe(0);
    expect(await made.cache.get('k')).toBeUndefined();
  });

  it('another instance may load at once, and what it loads ends the rest', async () => {
    const { made, other } = await stale();
    expect(await made.cache.getOrSet('k', fail)).toBe('old');
    expect(await made.cache.getOrSet('k', fail)).toBe('old');
    const before = performance.now();
    expect(await other.cache.getOrSet('k', () => 'new')).toBe('new');
    // Not for as long as a lease lives.
    expect(performance.now() - before).toBeLessThan(1_500);
    await other.cache.drain();
    expect(await made.cache.getOrSet('k', fail)).toBe('new');
  });

  it.each(['delete', 'invalidateTags'] as const)(
    '%s: what is removed does not stand in for a loader that rests',
    async (verb) => {
      const { made } = await stale();
      for (let n = 0; n < 2; n++) expect(await made.cache.getOrSet('k', fail)).toBe('old');
      await (verb === 'delete' ? made.cache.delete('k') : made.cache.invalidateTags(['t']));
      await expect(made.cache.getOrSet('k', fail)).rejects.toBe(TROUBLE);
      expect(await made.cache.getOrSet('k', () => 'new')).toBe('new');
    },
  );

  it('many keys at once: a stale one whose loader rests costs no load', async () => {
    const { made } = await stale();
    for (let n = 0; n < 2; n++) expect(await made.cache.getOrSet('k', fail)).toBe('old');
    const asked: string[] = [];
    const found = await made.cache.getOrSetMany(['k', 'other'], (keys) => {
      asked.push(...keys);
      return keys.map((key) => [key, 'loaded'] as const);
    });
    expect([...found]).toEqual([
      ['k', 'old'],
      ['other', 'loaded'],
    ]);
    expect(asked).toEqual(['other']);
  });
});
