/** Which tiers an entry is in, and which are asked, on real servers: what was decided is kept, counted and explained. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../libs/multi-level-cache/src/core/clock.js';
import { DefaultPlacement } from '../../libs/multi-level-cache/src/manager/placement.js';
import { closeCaches, testCache, type TestCache } from '../support/cache.js';
import { deaf } from '../support/deaf.js';
import { databaseUrl, freshNamespace, redisUrl } from '../support/servers.js';

let made: TestCache;
beforeEach(async () => {
  made = await cacheOf({});
});
afterEach(closeCaches);

function cacheOf(options: Partial<Parameters<typeof testCache>[0]>): Promise<TestCache> {
  return testCache({
    namespace: freshNamespace(),
    redis: redisUrl(),
    database: databaseUrl(),
    more: { placement: new DefaultPlacement(true, new SystemClock()) },
    ...options,
  });
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

it('a cache whose L3 never hits asks it no more after 200 look-ups, and again when it begins to hit', async () => {
  const { cache } = made;
  const slow = (): Promise<string> => pause(100).then(() => 'loaded');
  /** So few at a time that looking up stays faster than loading. */
  const load = async (
    using: TestCache,
    name: string,
    from: number,
    to: number,
  ): Promise<number> => {
    const before = using.l3!.reads;
    for (let at = from; at < to; at += 25) {
      const keys = Array.from({ length: Math.min(25, to - at) }, (_zero, n) => `${name}:${at + n}`);
      await Promise.all(keys.map((key) => using.cache.getOrSet(key, slow)));
    }
    return using.l3!.reads - before;
  };
  const l3NotAsked = async (using: TestCache): Promise<string | undefined> =>
    (await using.cache.explain('any')).l3NotAsked;
  expect(await load(made, 'k', 0, 200)).toBe(200);
  // One in 32 goes on.
  expect(await load(made, 'k', 200, 500)).toBeLessThan(100);
  expect(await l3NotAsked(made)).toBe('seldom hit');
  expect(cache.stats().placement.reads['seldom hit']).toBeGreaterThan(200);
  await cache.drain();
  // Passed over for reading, and filled all the same.
  expect(cache.stats().tiers.l3.writes).toBe(500);
  // Another instance finds nothing first, and then everything, among what it still tries.
  const other = await cacheOf({ namespace: made.namespace, redis: undefined, l1: false });
  await load(other, 'absent', 0, 250);
  expect(await l3NotAsked(other)).toBe('seldom hit');
  for (let round = 0; round < 20 && (await l3NotAsked(other)) !== undefined; round++)
    await load(other, 'k', 0, 100);
  expect(await load(other, 'k', 100, 200)).toBe(100);
}, 60_000);

it('a too large value stays in L1, told as such and explained', async () => {
  const { cache } = made;
  const told: unknown[] = [];
  cache.on('tier', (event) => told.push(event));
  const value = Array.from({ length: 100_000 }, (_zero, at) => `${at}:${Math.random()}`);
  await cache.getOrSet('large', () => value);
  await cache.drain();
  const { answeredBy, tiers } = await cache.explain('large');
  expect(answeredBy).toBe('l1');
  for (const tier of ['l2', 'l3'] as const) {
    expect(tiers[tier]).toEqual({ state: 'absent', keptOut: 'too-large' });
    expect(told).toContainEqual({ tier, state: 'up', reason: 'too-large' });
  }
  expect(cache.stats().placement.fills).toEqual({ 'too-large': 2 });
  expect(cache.stats().tiers).toMatchObject({ l2: { writes: 0 }, l3: { writes: 0 } });
  // The lease was given back.
  await cache.delete('large');
  const before = performance.now();
  expect(await cache.getOrSet('large', () => 'small')).toBe('small');
  expect(performance.now() - before).toBeLessThan(1_500);
});

it('what lives for a moment is in L2 and not in L3', async () => {
  const { cache } = made;
  await cache.getOrSet('short', () => 1, { ttl: 4_000 });
  await cache.getOrSet('long', () => 1);
  await cache.drain();
  expect((await cache.explain('short')).tiers).toMatchObject({
    l2: { state: 'fresh' },
    l3: { state: 'absent', keptOut: 'short-lived' },
  });
  expect((await cache.explain('long')).tiers).toMatchObject({
    l2: { state: 'fresh' },
    l3: { state: 'fresh' },
  });
});

describe('a large value that only L3 has', () => {
  it.each([
    ['get', (key: string, { cache }: TestCache) => cache.get<string>(key)],
    ['getOrSet', (key: string, { cache }: TestCache) => cache.getOrSet(key, () => 'loaded')],
    [
      'getMany',
      async (key: string, { cache }: TestCache) => (await cache.getMany<string>([key])).get(key),
    ],
  ])('comes into L2 when it is used again: %s', async (_verb, read) => {
    const namespace = freshNamespace();
    const value = 'x'.repeat(40_000);
    const below = await testCache({ namespace, database: databaseUrl() });
    await below.cache.getOrSet('k', () => value);
    await below.cache.drain();
    made = await cacheOf({ namespace, l1: false });
    for (const state of ['absent', 'fresh']) {
      expect(await read('k', made)).toBe(value);
      await made.cache.drain();
      expect((await made.cache.explain('k')).tiers.l2?.state).toBe(state);
    }
    expect(made.cache.stats().placement.promotions).toEqual({ 'large, used once': 1 });
  });
});

it('a placement of one’s own keeps a value out of L2: it is in the others, and its lease is free', async () => {
  made = await cacheOf({
    more: {
      placement: {
        skipsRead: () => ({ reason: 'never' }),
        skipsFill: (tier) => (tier === 'l2' ? { reason: 'not here' } : undefined),
        skipsPromotion: () => ({ reason: 'not up' }),
      },
    },
  });
  const { cache } = made;
  const before = performance.now();
  expect(await cache.getOrSet('k', () => 'v')).toBe('v');
  await cache.drain();
  expect((await cache.explain('k')).tiers).toMatchObject({
    l1: { state: 'fresh' },
    l2: { state: 'absent', keptOut: 'not here' },
    l3: { state: 'fresh' },
  });
  const other = await cacheOf({ namespace: made.namespace });
  expect(await other.cache.getOrSet('k', () => 'loaded')).toBe('v');
  expect(performance.now() - before).toBeLessThan(1_500);
});

it('a delete while a value is loaded that L2 is to be spared: it is in no tier, also where memory has not heard of it', async () => {
  made = await cacheOf({
    l2: deaf(),
    more: {
      placement: {
        skipsRead: () => undefined,
        skipsFill: (tier) => (tier === 'l2' ? { reason: 'not here' } : undefined),
        skipsPromotion: () => undefined,
      },
    },
  });
  const other = await cacheOf({ namespace: made.namespace });
  const loaded = await made.cache.getOrSet('k', async () => {
    await other.cache.delete('k');
    return 'old';
  });
  expect(loaded).toBe('old');
  expect(made.cache.peek('k')).toBeUndefined();
  await made.cache.drain();
  for (const { cache } of [made, other]) expect(await cache.get('k')).toBeUndefined();
});

it('explain says which tier is not asked, and why', async () => {
  made = await cacheOf({ redis: 'redis://127.0.0.1:1', mayBeDown: true });
  expect((await made.cache.explain('k')).tiers.l2).toEqual({
    state: 'unknown',
    skipped: 'not reachable (ECONNREFUSED)',
  });
});
