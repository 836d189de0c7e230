/** An application whose Redis is made to fail on command: its real tier, put behind faults with overrideProvider. */
import { Test } from '@nestjs/testing';
import { describe, expect, it } from 'vitest';
import { databaseUrl, freshNamespace, redisUrl } from '../../../../test/support/servers.js';
import {
  CACHE_L1,
  CACHE_L2,
  CACHE_L3,
  CACHE_TIERS,
  CacheManager,
  MultiLevelCacheModule,
  type Tier,
} from '../../src/index.js';
import { faultyTier, type FaultyTier } from '../../src/testing/index.js';
import { boot, closeLater, NO_LOGGER } from './boot.js';

const POLL = { timeout: 10_000 };

/** An application of two shared tiers, the first of them behind faults. */
async function start(): Promise<{ cache: CacheManager; redis: FaultyTier }> {
  const AppModule = MultiLevelCacheModule.forRoot({
    namespace: freshNamespace(),
    l1: false,
    l2: { url: redisUrl(), budget: 100 },
    l3: { url: databaseUrl(), budget: 500 },
  });
  let redis!: FaultyTier;
  const module = await Test.createTestingModule({ imports: [AppModule] })
    .setLogger(NO_LOGGER)
    .overrideProvider(CACHE_TIERS)
    .useFactory({
      inject: [CACHE_L1, CACHE_L2, CACHE_L3],
      factory: (l1: Tier | null, l2: Tier, l3: Tier) =>
        [l1, (redis = faultyTier(l2)), l3].filter((tier) => tier !== null),
    })
    .compile();
  await closeLater(module).init();
  return { cache: module.get(CacheManager), redis };
}

describe('Redis behind faults', () => {
  it('works as ever while there is none', async () => {
    const { cache, redis } = await start();
    await cache.getOrSet('k', () => 'stored');
    expect(await cache.get('k')).toBe('stored');
    expect(cache.stats().tiers.l2).toMatchObject({ state: 'up', hits: 1, writes: 1 });
    expect(redis.struck()).toBe(0);
  });

  it.each(['hang', 'fail'] as const)(
    '%s: no request fails, Redis is asked no more, and again when it is healed',
    async (fault) => {
      const { cache, redis } = await start();
      redis[fault]('all');
      for (let at = 0; at < 20; at++)
        expect(await cache.getOrSet(`k${at}`, () => 'loaded')).toBe('loaded');
      expect(redis.struck('read')).toBeGreaterThanOrEqual(5);
      expect(cache.stats().tiers.l2.state).not.toBe('up');
      redis.heal();
      await expect.poll(() => cache.stats().tiers.l2.state, POLL).toBe('up');
      await expect
        .poll(async () => {
          await cache.getOrSet('again', () => 'loaded', { tiers: ['l2'] });
          return cache.get('again', { tiers: ['l2'] });
        }, POLL)
        .toBe('loaded');
    },
  );

  it('a delete that Redis does not take is queued, and made when it does', async () => {
    const { cache, redis } = await start();
    await cache.getOrSet('k', () => 'old');
    redis.fail('apply');
    expect(await cache.delete('k')).toMatchObject({ l2: 'queued', durable: true });
    expect(await cache.get('k')).toBeUndefined();
    redis.heal();
    await expect.poll(async () => (await cache.delete('other')).l2, POLL).toBe('ok');
    expect(await cache.get('k')).toBeUndefined();
  });

  it('a lost fill is told as stored and is not there', async () => {
    const { cache, redis } = await start();
    redis.loseFills();
    await cache.getOrSet('k', () => 'lost', { tiers: ['l2'] });
    expect(redis.struck('fill')).toBe(1);
    expect(await cache.get('k', { tiers: ['l2'] })).toBeUndefined();
  });
});

it("a tier of the application's own stands behind faults in its place", async () => {
  const own: Tier = {
    name: 'l2',
    open: () => Promise.resolve(),
    close: () => Promise.resolve(),
    read: () => ({ state: 'absent' }),
    ticket: () => ({ kind: 'none' }),
    fill: () => false,
    apply: () => Promise.resolve(),
    status: () => ({ state: 'up', entries: 0, bytes: 0, evictions: 0, corrupt: 0 }),
  };
  const chaos = faultyTier(own);
  const { cache } = await boot({}, (builder) => builder.overrideProvider(CACHE_L2).useValue(chaos));
  chaos.fail('apply', { times: 1 });
  expect(await cache.delete('k')).toMatchObject({ l2: 'queued' });
  await expect.poll(async () => (await cache.delete('k')).l2, POLL).toBe('ok');
});
