/** Stores that start anew: what they kept is used, what was deleted stays so, and nobody is asked for what is there. */
import { Redis } from 'ioredis';
import { afterEach, expect, it } from 'vitest';
import { closeCaches, testCache, type TestCache } from '../support/cache.js';
import { freshNamespace, startPostgres, startRedis, type Server } from '../support/servers.js';

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

const KEYS = Array.from({ length: 50 }, (_zero, index) => `k${index}`);
const DELETED = KEYS.slice(0, 10);
const KEPT = KEYS.slice(10);

async function fill({ cache }: TestCache): Promise<void> {
  for (const key of KEYS) await cache.getOrSet(key, () => `value of ${key}`, { tags: [key] });
  await cache.drain();
  for (const key of DELETED.slice(5)) await cache.delete(key);
  await cache.invalidateTags(DELETED.slice(0, 5));
}

async function back({ cache }: TestCache, tier: 'l2' | 'l3'): Promise<void> {
  await expect.poll(() => cache.stats().tiers[tier].state, { timeout: 10_000 }).toBe('up');
}

/** It has noticed what became of Redis, and has looked for what may be owed: until then nothing is read of the stores. */
async function settled({ cache }: TestCache): Promise<void> {
  await cache.delete('bell');
  const states = async (): Promise<unknown[]> => {
    const { l2, l3 } = (await cache.explain('bell')).tiers;
    return [l2?.state, l3?.state];
  };
  await expect.poll(states, { timeout: 5_000 }).not.toContain('unknown');
}

/** Who answers for what was kept, and that nobody has what was deleted. */
async function answeredBy({ cache }: TestCache): Promise<unknown> {
  for (const key of DELETED) expect(await cache.get(key)).toBeUndefined();
  for (const key of KEPT) expect(await cache.get(key)).toBe(`value of ${key}`);
  return cache.stats().caches['default'].requests;
}

it('Redis with appendonly, killed and started anew: answered from L2, and no loader runs', async () => {
  const redis = await started(
    startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] }),
  );
  const namespace = freshNamespace();
  const made = await testCache({ namespace, redis: redis.url });
  await fill(made);
  await redis.kill();
  await expect.poll(() => made.cache.stats().tiers.l2.state).toBe('down');
  await redis.restart();
  await back(made, 'l2');
  const newcomer = await testCache({ namespace, redis: redis.url });
  for (const one of [made, newcomer]) {
    expect(await answeredBy(one)).toMatchObject({ stale: 0 });
    for (const key of KEPT)
      expect(await one.cache.getOrSet(key, () => 'loaded anew')).toBe(`value of ${key}`);
  }
  expect(await answeredBy(newcomer)).toMatchObject({ l2: KEPT.length, l3: 0, loader: 0 });
});

it('PostgreSQL killed and started anew, Redis flushed: L3 answers what was filled before, and nothing deleted comes back', async () => {
  const [redis, postgres] = [await started(startRedis()), await started(startPostgres())];
  const namespace = freshNamespace();
  const urls = { namespace, redis: redis.url, database: postgres.url, budget: 200 };
  const made = await testCache(urls);
  await fill(made);
  await postgres.kill();
  await expect.poll(() => made.cache.stats().tiers.l3.state, { timeout: 10_000 }).toBe('down');
  await postgres.restart();
  await back(made, 'l3');
  const admin = new Redis(redis.url);
  await admin.flushall();
  await admin.quit();
  await settled(made);
  const newcomer = await testCache(urls);
  await settled(newcomer);
  expect(await answeredBy(newcomer)).toMatchObject({ l3: KEPT.length, loader: 0 });
  expect(await answeredBy(made)).toMatchObject({ stale: 0 });
});
