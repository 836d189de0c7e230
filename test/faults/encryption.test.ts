/** The store of keys goes away and comes back: no call fails, nothing is stored as it is, and what may have been destroyed is not used. */
import { Redis } from 'ioredis';
import { afterEach, expect, it } from 'vitest';
import { closeCaches, testCache, type TestCache } from '../support/cache.js';
import { freshNamespace, startPostgres, startRedis, type Server } from '../support/servers.js';
import { masterKeys } from '../support/vault.js';

/** Nothing that the store has not confirmed for so long is used. */
const LEASE_MS = 5_000;
const SOON = { timeout: 15_000, interval: 100 };

const servers: Server[] = [];
async function started(starting: Promise<Server>): Promise<Server> {
  const server = await starting;
  servers.push(server);
  return server;
}
afterEach(async () => {
  await closeCaches();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

interface Setting {
  readonly redis: Server;
  readonly postgres: Server;
  readonly make: (l1?: boolean) => Promise<TestCache>;
}

async function setting(): Promise<Setting> {
  const [redis, postgres] = [await started(startRedis()), await started(startPostgres())];
  const namespace = freshNamespace();
  const keys = masterKeys();
  const encryption = { masterKeys: () => keys, required: true };
  const make = (l1 = false): Promise<TestCache> =>
    testCache({
      namespace,
      redis: redis.url,
      database: postgres.url,
      l1,
      budget: 200,
      mayBeDown: true,
      more: { security: { tenancy: 'off', encryption } },
    });
  return { redis, postgres, make };
}

/** Loads of one key, one after the other, for so long; how many had to run the loader. */
async function ask({ cache }: TestCache, ms: number): Promise<number> {
  let loads = 0;
  for (const until = performance.now() + ms; performance.now() < until;) {
    const value = await cache.getOrSet('k', () => {
      loads++;
      return 'v';
    });
    expect(value).toBe('v');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return loads;
}

it.each(['kill', 'freeze'] as const)(
  'PostgreSQL: %s. Redis serves for as long as the keys may be used, then the loader does; afterwards all is as before',
  async (how) => {
    const { postgres, make } = await setting();
    const made = await make();
    expect(await ask(made, 200)).toBe(1);
    await (how === 'kill' ? postgres.kill() : postgres.freeze());
    await ask(made, LEASE_MS + 500);
    expect(await ask(made, 500), 'loads without keys').toBeGreaterThan(3);
    expect(made.cache.vault.stats()).toMatchObject({
      tenants: 0,
      trouble: 'the keys of tenants could not be had',
    });
    // Set meanwhile: it cannot be encrypted, so it is nowhere below memory.
    await made.cache.set('set', 'v');
    await (how === 'kill' ? postgres.restart() : postgres.thaw());
    await expect.poll(() => ask(made, 300), SOON).toBe(0);
    expect(made.cache.vault.stats()).not.toHaveProperty('trouble');
  },
  60_000,
);

it('Redis: the keys are in PostgreSQL, and L3 serves', async () => {
  const { redis, make } = await setting();
  const made = await make();
  expect(await ask(made, 200)).toBe(1);
  await made.cache.drain();
  await redis.kill();
  await expect.poll(() => made.cache.get('k'), SOON).toBe('v');
  expect(made.cache.stats().tiers.l3.hits).toBeGreaterThan(0);
});

it('an instance that starts while PostgreSQL is away serves from memory and loaders, and stores nothing as it is', async () => {
  const { postgres, redis, make } = await setting();
  await (await make()).close();
  await postgres.kill();
  const made = await make(true);
  expect(await ask(made, 300)).toBe(1);
  await made.cache.set('set', 'v');
  expect(made.cache.peek('set')).toBe('v');
  const outside = new Redis(redis.url);
  expect((await outside.keys('*')).filter((key) => key.includes(':e:'))).toEqual([]);
  outside.disconnect();
});

it('erase says so where the keys cannot be destroyed now', async () => {
  const { postgres, make } = await setting();
  const made = await make();
  await ask(made, 100);
  await postgres.kill();
  await expect(made.cache.vault.erase()).rejects.toMatchObject({ code: 'CACHE_TIER_UNAVAILABLE' });
});
