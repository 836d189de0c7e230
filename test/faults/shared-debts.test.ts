/** What one store has not taken the other remembers: paid by whoever lives, before the store is read again. */
import { afterEach, describe, expect, it } from 'vitest';
import { closeCaches, testCache, type TestCache } from '../support/cache.js';
import { freePort } from 'throwaway-servers';
import { freshNamespace, startPostgres, startRedis, type Server } from '../support/servers.js';

const servers: Server[] = [];
afterEach(async () => {
  await closeCaches();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

interface Pair {
  readonly redis: Server;
  readonly postgres: Server;
  make(urls?: { readonly redis?: string; readonly database?: string }): Promise<TestCache>;
}

async function pair(): Promise<Pair> {
  const [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
  servers.push(redis, postgres);
  const namespace = freshNamespace();
  const both = { redis: redis.url, database: postgres.url };
  const make: Pair['make'] = (urls = {}) =>
    testCache({ namespace, ...both, ...urls, budget: 200, mayBeDown: true });
  return { redis, postgres, make };
}

/** In both stores, as a reader leaves it there. */
async function store({ cache }: TestCache): Promise<void> {
  for (const key of ['k', 'tagged'])
    await cache.getOrSet(key, () => 'old', { tags: key === 'tagged' ? ['t'] : [] });
  await cache.drain();
}

async function remove({ cache }: TestCache, tier: 'l2' | 'l3'): Promise<void> {
  for (const receipt of [await cache.delete('k'), await cache.invalidateTags(['t'])])
    expect(receipt).toMatchObject({ [tier]: 'queued', durable: true });
}

async function expectGone(...made: readonly TestCache[]): Promise<void> {
  for (const { cache } of made)
    for (const key of ['k', 'tagged']) expect(await cache.get(key)).toBeUndefined();
}

async function backAt(tier: 'l2' | 'l3', ...made: readonly TestCache[]): Promise<void> {
  for (const { cache } of made)
    await expect.poll(() => cache.stats().tiers[tier].state, { timeout: 10_000 }).toBe('up');
}

/** A way to nowhere: nobody listens there. */
async function nowhere(url: string): Promise<string> {
  const dead = new URL(url);
  dead.port = String(await freePort());
  return dead.href;
}

const STORES = [
  { tier: 'l2', name: 'Redis', server: ({ redis }: Pair) => redis },
  { tier: 'l3', name: 'PostgreSQL', server: ({ postgres }: Pair) => postgres },
] as const;

describe.each(STORES)('$name', ({ tier, server }) => {
  it('is frozen during a delete whose process then dies: no other serves the old value from it', async () => {
    const all = await pair();
    const [issuer, other] = [await all.make(), await all.make()];
    await store(issuer);
    await server(all).freeze();
    // Who asks notices.
    const states = async (): Promise<unknown> => {
      await Promise.all([issuer, other].map(({ cache }) => cache.get('another')));
      return [issuer, other].map(({ cache }) => cache.stats().tiers[tier].state);
    };
    await expect.poll(states, { timeout: 10_000 }).toEqual(['down', 'down']);
    await remove(issuer, tier);
    await issuer.close();
    await server(all).thaw();
    await expectGone(other);
    await backAt(tier, other);
    await expectGone(other, await all.make());
  });

  it('cannot be reached by one process alone: what it deletes is gone for the others too', async () => {
    const all = await pair();
    const other = await all.make();
    const apart = await all.make(
      tier === 'l2'
        ? { redis: await nowhere(all.redis.url) }
        : { database: await nowhere(all.postgres.url) },
    );
    await store(other);
    await remove(apart, tier);
    await apart.close();
    const { cache } = other;
    await expect.poll(() => cache.get('k')).toBeUndefined();
    await expect.poll(() => cache.get('tagged')).toBeUndefined();
    await expectGone(other, await all.make());
  });

  it('is back while the other store, which may hold debts, is away: bypassed until that is back too', async () => {
    const all = await pair();
    const issuer = await all.make();
    await store(issuer);
    const book = tier === 'l2' ? all.postgres : all.redis;
    await server(all).freeze();
    await remove(issuer, tier);
    await issuer.close();
    await book.freeze();
    const late = await all.make();
    await server(all).thaw();
    await backAt(tier, late);
    await expectGone(late);
    await book.thaw();
    let tries = 0;
    const loadNew = async (): Promise<unknown> => {
      const key = `new:${++tries}`;
      await late.cache.getOrSet(key, () => 'v');
      await late.cache.drain();
      return late.cache.explain(key);
    };
    const used = { tiers: { [tier]: { state: 'fresh' } } };
    await expect.poll(loadNew, { timeout: 10_000 }).toMatchObject(used);
    await expectGone(late, await all.make());
  });
});

it('leaves nothing in the books', async () => {
  const all = await pair();
  const made = await all.make();
  await store(made);
  const books = [made.l2!.book!, made.l3!.book!];
  for (const [at, server] of [all.redis, all.postgres].entries()) {
    await server.freeze();
    await remove(made, at === 0 ? 'l2' : 'l3');
    await server.thaw();
    await backAt(at === 0 ? 'l2' : 'l3', made);
    for (const book of books)
      await expect.poll(() => book.debts().catch(() => 'away'), { timeout: 10_000 }).toEqual([]);
  }
});
