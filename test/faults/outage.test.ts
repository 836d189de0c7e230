/** A server dies or freezes under traffic: no request fails, nothing deleted comes back, and it is used again afterwards. */
import { afterEach, describe, expect, it } from 'vitest';
import { closeCaches, testCache, type TestCache } from '../support/cache.js';
import {
  databaseUrl,
  freshNamespace,
  redisUrl,
  startPostgres,
  startRedis,
  type Server,
} from '../support/servers.js';
import { traffic } from '../support/traffic.js';

const servers: Server[] = [];
afterEach(async () => {
  await closeCaches();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

const KINDS = [
  { tier: 'l2', name: 'Redis', start: startRedis },
  { tier: 'l3', name: 'PostgreSQL', start: startPostgres },
] as const;
const FAULTS = [
  {
    fault: 'killed',
    hit: (server: Server) => server.kill(),
    heal: (server: Server) => server.restart(),
  },
  {
    fault: 'frozen',
    hit: (server: Server) => server.freeze(),
    heal: (server: Server) => server.thaw(),
  },
] as const;

describe.each(KINDS)('$name', ({ tier, start }) => {
  async function begin(): Promise<{ server: Server; make: () => Promise<TestCache> }> {
    const server = await start();
    servers.push(server);
    const namespace = freshNamespace();
    const urls =
      tier === 'l2'
        ? { redis: server.url, database: databaseUrl() }
        : { redis: redisUrl(), database: server.url };
    return { server, make: () => testCache({ namespace, ...urls, budget: 50, mayBeDown: true }) };
  }

  it.each(FAULTS)(
    '$fault under traffic: no failed request; back: used again',
    async ({ hit, heal }) => {
      const { server, make } = await begin();
      const made = await make();
      const load = traffic(made);
      await hit(server);
      await expect
        .poll(() => made.cache.stats().tiers[tier].state, { timeout: 10_000 })
        .toBe('down');
      await heal(server);
      await expect.poll(() => made.cache.stats().tiers[tier].state, { timeout: 10_000 }).toBe('up');
      const before = made.cache.stats().tiers[tier].writes;
      await expect
        .poll(() => made.cache.stats().tiers[tier].writes, { timeout: 10_000 })
        .toBeGreaterThan(before);
      expect(await load.stop()).toBeGreaterThan(10);
      expect(load.failures).toEqual([]);
    },
  );

  it.each(FAULTS)(
    '$fault, a key and a tag are deleted meanwhile: queued, and neither comes back with it',
    async ({ hit, heal }) => {
      const { server, make } = await begin();
      const made = await make();
      for (const key of ['k', 'tagged', 'kept'])
        await made.cache.getOrSet(key, () => 'old', { tags: key === 'tagged' ? ['t'] : [] });
      await made.cache.drain();
      await hit(server);
      expect(await made.cache.delete('k')).toMatchObject({ [tier]: 'queued', durable: true });
      expect(await made.cache.invalidateTags(['t'])).toMatchObject({
        [tier]: 'queued',
        durable: true,
      });
      expect(await made.cache.get('k')).toBeUndefined();
      await heal(server);
      await expect
        .poll(async () => (await made.cache.delete('another'))[tier], { timeout: 10_000 })
        .toBe('ok');
      const other = await make();
      for (const { cache } of [made, other]) {
        expect(await cache.get('k')).toBeUndefined();
        expect(await cache.get('tagged')).toBeUndefined();
      }
      if (tier === 'l3') expect(await other.cache.get('kept')).toBe('old');
    },
  );

  it('is not there at boot: the cache starts and serves, and uses it when it comes', async () => {
    const { server, make } = await begin();
    await server.kill();
    const made = await make();
    expect(await made.cache.getOrSet('k', () => 'v')).toBe('v');
    expect(made.cache.stats().tiers[tier].state).toBe('down');
    await server.restart();
    await expect.poll(() => made.cache.stats().tiers[tier].state, { timeout: 10_000 }).toBe('up');
  });

  it('refuses the password: the cache starts and serves, and says why without saying it', async () => {
    const { server } = await begin();
    const url = server.url.replace(/:[^:@/]*@/, ':wrong@');
    const urls = tier === 'l2' ? { redis: url } : { database: url };
    const made = await testCache({ namespace: freshNamespace(), ...urls, mayBeDown: true });
    expect(await made.cache.getOrSet('k', () => 'v')).toBe('v');
    const { state, reason } = made.cache.stats().tiers[tier];
    expect(state).toBe('down');
    expect(reason).toMatch(/authentication/);
    expect(reason).not.toContain('wrong');
  });

  it('strict: throws instead of queueing', async () => {
    const { server, make } = await begin();
    const made = await make();
    await server.kill();
    await expect(made.cache.delete('k', { strict: true })).rejects.toMatchObject({
      code: 'CACHE_TIER_UNAVAILABLE',
    });
  });
});
