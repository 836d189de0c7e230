/** The verbs over three real tiers, as a caller sees them. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  closeCaches,
  deferred,
  testCache,
  type TestCache,
  type TestCacheOptions,
} from '../support/cache.js';
import { databaseUrl, freshDatabase, freshNamespace, redisUrl } from '../support/servers.js';

afterEach(closeCaches);

function three(options: Partial<TestCacheOptions> = {}): Promise<TestCache> {
  return testCache({
    namespace: freshNamespace(),
    redis: redisUrl(),
    database: databaseUrl(),
    ...options,
  });
}

describe('reading', () => {
  it('finds null, and knows it from absence', async () => {
    const { cache } = await three();
    expect(await cache.getOrSet('k', () => null)).toBeNull();
    expect(await cache.get('k')).toBeNull();
    expect(cache.peek('k')).toBeNull();
    expect(await cache.get('other')).toBeUndefined();
  });

  it('returns undefined of a loader and does not cache it', async () => {
    const { cache } = await three();
    let loads = 0;
    const loader = (): undefined => void loads++;
    expect(await cache.getOrSet('k', loader)).toBeUndefined();
    expect(await cache.getOrSet('k', loader)).toBeUndefined();
    expect(loads).toBe(2);
  });

  it('gives found keys in the order asked for, with one read per tier', async () => {
    const made = await three();
    const { cache } = made;
    for (const key of ['b', 'a', 'c']) await cache.getOrSet(key, () => key);
    await cache.drain();
    const other = await three({ namespace: made.namespace });
    expect([...(await other.cache.getMany(['c', 'missing', 'a', 'c', 'b']))]).toEqual([
      ['c', 'c'],
      ['a', 'a'],
      ['b', 'b'],
    ]);
  });

  it.each(['hit', 'miss'] as const)(
    'tells of a %s below memory in the async context of whoever asked',
    async (name) => {
      const made = await three();
      const keys = ['a', 'b', 'c'];
      if (name === 'hit') for (const key of keys) await made.cache.getOrSet(key, () => key);
      await made.cache.drain();
      const { cache } = await three({ namespace: made.namespace });
      const asking = new AsyncLocalStorage<string>();
      const told = new Map<string, string | undefined>();
      const stop = cache.on(name, ({ key }) => told.set(key, asking.getStore()));
      // Answered by one reply.
      await Promise.all(keys.map((key) => asking.run(`who wants ${key}`, () => cache.get(key))));
      stop();
      expect(told).toEqual(new Map(keys.map((key) => [key, `who wants ${key}`])));
    },
  );

  it('says has, ttl and explain without touching anything', async () => {
    const { cache } = await three();
    await cache.getOrSet('k', () => 'v', { ttl: '10m', tags: ['t'] });
    await cache.drain();
    await cache.get('k');
    expect(await cache.has('k')).toBe(true);
    expect(await cache.has('other')).toBe(false);
    const left = await cache.ttl('k');
    expect(left).toBeGreaterThan(590_000);
    expect(left).toBeLessThanOrEqual(600_000);
    expect(await cache.ttl('other')).toBeUndefined();
    const before = cache.stats();
    const { answeredBy, tiers } = await cache.explain('k');
    expect(cache.stats()).toEqual(before);
    expect(answeredBy).toBe('l1');
    expect(tiers.l1).toMatchObject({ state: 'fresh', hits: 1, tags: ['t'] });
    expect(tiers.l1?.lastAccessMs).toBeLessThan(5_000);
    expect(tiers.l1?.ttlMs).toBeLessThanOrEqual(60_000);
    expect(tiers.l2).toMatchObject({ state: 'fresh', tags: ['t'] });
    expect(tiers.l3).toMatchObject({ state: 'fresh', tags: ['t'] });
    expect((await cache.explain('other')).answeredBy).toBe('loader');
  });

  it('never makes a life longer on its way up', async () => {
    const made = await three();
    await made.cache.getOrSet('k', () => 'v', { ttl: 2_000 });
    await made.cache.drain();
    for (const tiers of [{}, { redis: undefined }]) {
      const other = await three({ namespace: made.namespace, ...tiers });
      const first = (await made.cache.ttl('k'))!;
      await other.cache.get('k');
      const { tiers: found } = await other.cache.explain('k');
      expect(found.l1?.state).toBe('fresh');
      expect(found.l1!.ttlMs!).toBeLessThanOrEqual(first);
    }
  });

  it('counts who answered, and tells listeners in the caller that asked', async () => {
    const { cache } = await three();
    const told: string[] = [];
    const stop = [
      cache.on('hit', ({ tier }) => told.push(`hit ${tier}`)),
      cache.on('miss', ({ key }) => told.push(`miss ${key}`)),
      cache.on('load', ({ key }) => told.push(`load ${key}`)),
    ];
    await cache.getOrSet('k', () => 'v');
    await cache.getOrSet('k', () => 'v');
    await cache.get('nothing');
    stop.forEach((end) => end());
    await cache.get('k');
    expect(told).toEqual(['load k', 'miss k', 'hit l1', 'miss nothing']);
    expect(cache.stats().caches['default']?.requests).toMatchObject({ l1: 2, loader: 1 });
  });
});

describe('loading', () => {
  it('hands the error of a loader to every caller as it is', async () => {
    const { cache } = await three();
    const error = new Error('mine');
    const callers = [1, 2, 3].map(() => cache.getOrSet('k', () => Promise.reject(error)));
    for (const result of await Promise.allSettled(callers))
      expect(result).toEqual({ status: 'rejected', reason: error });
    await expect(
      cache.getOrSet('k', () => {
        throw error;
      }),
    ).rejects.toBe(error);
    expect(await cache.getOrSet('k', () => 'v')).toBe('v');
  });

  it.each([{ lower: true }, { lower: false }])(
    'serves the stale value when the loader fails (lower tiers: $lower)',
    async ({ lower }) => {
      const { cache } = lower ? await three() : await testCache({ namespace: freshNamespace() });
      await cache.getOrSet('k', () => 'stale', { ttl: 30, grace: '1m' });
      await expect.poll(() => cache.get('k')).toBeUndefined();
      const told: string[] = [];
      cache.on('stale', ({ key }) => told.push(key));
      expect(await cache.getOrSet('k', () => Promise.reject(new Error('away')))).toBe('stale');
      expect(told).toEqual(['k']);
      await cache.delete('k');
      await expect(cache.getOrSet('k', () => Promise.reject(new Error('away')))).rejects.toThrow(
        'away',
      );
    },
  );

  it('ends the wait at hardTimeout, tells the loader, and leaves the key free', async () => {
    const { cache } = await three();
    let aborted = false;
    const never = cache.getOrSet(
      'k',
      (_key, { signal }) =>
        new Promise<string>(() => signal.addEventListener('abort', () => (aborted = true))),
      { hardTimeout: 50 },
    );
    await expect(never).rejects.toMatchObject({ code: 'CACHE_LOADER_TIMEOUT', retryable: true });
    expect(aborted).toBe(true);
    expect(await cache.getOrSet('k', () => 'v')).toBe('v');
  });

  it('lets a caller in a hurry leave a load that others wait for', async () => {
    const { cache } = await three();
    const value = deferred<string>();
    const patient = cache.getOrSet('k', () => value.promise);
    await expect(cache.getOrSet('k', () => 'unused', { hardTimeout: 20 })).rejects.toMatchObject({
      code: 'CACHE_LOADER_TIMEOUT',
    });
    value.resolve('v');
    expect(await patient).toBe('v');
  });

  it('stores nothing with ttl 0', async () => {
    const { cache } = await three();
    expect(await cache.getOrSet('k', () => 'v', { ttl: 0 })).toBe('v');
    expect(await cache.get('k')).toBeUndefined();
  });

  it('refuses what cannot come back as it was, by name', async () => {
    const { cache } = await three();
    class Product {}
    await expect(cache.getOrSet('k', () => new Product())).rejects.toMatchObject({
      code: 'CACHE_VALUE_UNCACHEABLE',
      message: expect.stringContaining('Product') as string,
    });
    await expect(cache.set('k', () => 1)).rejects.toMatchObject({
      code: 'CACHE_VALUE_UNCACHEABLE',
    });
    await expect(cache.set('k', undefined)).rejects.toMatchObject({
      code: 'CACHE_VALUE_UNCACHEABLE',
    });
  });

  it('keeps its value from the hands of callers, in every tier', async () => {
    const made = await three();
    const value = { list: [1], when: new Date(5), map: new Map([['a', { deep: 1 }]]) };
    await made.cache.set('k', value);
    value.list.push(2);
    const other = await three({ namespace: made.namespace });
    for (const { cache } of [made, made, other, other]) {
      const got = (await cache.get<typeof value>('k'))!;
      expect(got).toEqual({ list: [1], when: new Date(5), map: new Map([['a', { deep: 1 }]]) });
      try {
        got.map.set('b', { deep: 2 });
        got.when.setTime(0);
        got.list.push(3);
      } catch {
        // Frozen.
      }
    }
  });
});

describe('writing', () => {
  it('gives a receipt', async () => {
    const { cache } = await three();
    const all = { l1: 'ok', l2: 'ok', l3: 'ok', backplane: 'ok', durable: true };
    expect(await cache.set('k', 1)).toEqual(all);
    expect(await cache.delete('k')).toEqual(all);
    expect(await cache.invalidateTags(['t'])).toEqual(all);
    expect(await cache.clear()).toEqual(all);
    const alone = await testCache({ namespace: freshNamespace() });
    expect(await alone.cache.set('k', 1)).toEqual({
      l1: 'ok',
      l2: 'off',
      l3: 'off',
      backplane: 'off',
      durable: false,
    });
  });

  it('clears one cache of one tenant and nothing else', async () => {
    const { cache } = await three();
    const sessions = cache.namespace('sessions');
    expect(cache.namespace('sessions')).toBe(sessions);
    await cache.set('k', 'default');
    await sessions.set('k', 'sessions');
    await cache.runAs({ tenantId: 'a' }, () => cache.set('k', 'a'));
    await cache.clear();
    expect(await cache.get('k')).toBeUndefined();
    expect(await sessions.get('k')).toBe('sessions');
    expect(await cache.runAs({ tenantId: 'a' }, () => cache.get('k'))).toBe('a');
  });

  it('never shows a tenant what another one stored, whatever their names and keys', async () => {
    const { cache } = await three();
    const tenants = [undefined, 'a', 'p', 'a:b', 'a/b', 'A', 't:a', '{a}', 'ä', '%61'];
    const keys = ['k', 'a:k', ':k', 'k:', '{k}'];
    const as = <T>(tenantId: string | undefined, work: () => T): T =>
      cache.runAs(tenantId === undefined ? {} : { tenantId }, work);
    for (const tenant of tenants)
      for (const key of keys)
        await as(tenant, () => cache.set(key, `${tenant}|${key}`, { tags: ['t'] }));
    for (const tenant of tenants)
      for (const key of keys)
        expect(await as(tenant, () => cache.get(key))).toBe(`${tenant}|${key}`);
    await as('a', () => cache.invalidateTags(['t']));
    for (const tenant of tenants)
      expect(await as(tenant, () => cache.has('k'))).toBe(tenant !== 'a');
  });

  it('rejects every verb after close, and peeks at nothing', async () => {
    const { cache } = await three();
    await cache.set('k', 'v');
    await cache.get('k');
    await cache.close();
    const calls = [
      cache.get('k'),
      cache.getOrSet('k', () => 1),
      cache.getMany(['k']),
      cache.set('k', 1),
      cache.delete('k'),
      cache.invalidateTags(['t']),
      cache.clear(),
      cache.has('k'),
      cache.ttl('k'),
      cache.explain('k'),
    ];
    for (const result of await Promise.allSettled(calls))
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'CACHE_CLOSED' } });
    expect(cache.peek('k')).toBeUndefined();
  });
});

describe('bad input', () => {
  const lone = '\ud800';
  it.each([
    ['', 'empty'],
    ['x'.repeat(1_025), 'long'],
    ['a\u0000b', 'control'],
    [lone, 'surrogate'],
    [7, 'number'],
    [null, 'null'],
  ])('refuses the key %j: %s', async (key, _why) => {
    const { cache } = await testCache({ namespace: freshNamespace() });
    const wrong = key as string;
    for (const call of [
      cache.get(wrong),
      cache.getOrSet(wrong, () => 1),
      cache.getMany([wrong]),
      cache.set(wrong, 1),
      cache.delete(wrong),
      cache.explain(wrong),
    ]) {
      await expect(call).rejects.toMatchObject({ code: 'CACHE_KEY_INVALID' });
    }
    expect(cache.peek(wrong)).toBeUndefined();
  });

  it.each([
    [{ ttl: -1 }, 'ttl'],
    [{ ttl: '5 minutes' }, 'ttl'],
    [{ ttl: Infinity }, 'ttl'],
    [{ tags: 't' }, 'tags'],
    [{ tags: [''] }, 'tags'],
    [{ tags: Array.from({ length: 17 }, (_, index) => `t${index}`) }, 'tags'],
    [{ grace: NaN }, 'grace'],
    [{ tll: 5 }, 'tll'],
    [5, 'options'],
  ])('refuses the options %j and names %s', async (options, name) => {
    const { cache } = await testCache({ namespace: freshNamespace() });
    const wrong = options as { ttl: number };
    for (const call of [cache.getOrSet('k', () => 1, wrong), cache.set('k', 1, wrong)]) {
      await expect(call).rejects.toMatchObject({
        code: 'CACHE_OPTION_INVALID',
        message: expect.stringContaining(name) as string,
      });
    }
  });

  it('refuses a loader that is none, tags that are none, a name that is none, a tenant that is none', async () => {
    const { cache } = await testCache({ namespace: freshNamespace() });
    await expect(cache.getOrSet('k', 'v' as unknown as () => string)).rejects.toMatchObject({
      code: 'CACHE_OPTION_INVALID',
    });
    await expect(cache.invalidateTags('t' as unknown as string[])).rejects.toMatchObject({
      code: 'CACHE_OPTION_INVALID',
    });
    expect(() => cache.namespace('a b')).toThrow(
      expect.objectContaining({ code: 'CACHE_OPTION_INVALID' }),
    );
    expect(() => cache.runAs({ tenantId: '' }, () => 1)).toThrow(
      expect.objectContaining({ code: 'CACHE_CONTEXT_MISSING' }),
    );
  });
});

describe('in the stores', () => {
  it('leaves a set value to L3 where L3 has it: L2 gets it with its next reader, under a lease', async () => {
    const { cache } = await three();
    await cache.set('k', 'v');
    expect((await cache.explain('k')).tiers).toMatchObject({
      l2: { state: 'absent' },
      l3: { state: 'fresh' },
    });
    expect(await cache.getOrSet('k', () => 'loaded')).toBe('v');
    expect((await cache.explain('k')).tiers).toMatchObject({
      l1: { state: 'fresh' },
      l2: { state: 'fresh' },
    });
  });

  it('goes on where a tier answers with what is no entry', async () => {
    const { cache, l3 } = await three();
    const rubbish = { state: 'fresh', entry: {} } as never;
    vi.spyOn(l3!.real, 'read').mockImplementation(() => Promise.resolve(rubbish));
    vi.spyOn(l3!.real, 'tell').mockImplementation((_address, asker) => asker.answered(rubbish));
    expect(await cache.get('k')).toBeUndefined();
    expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded');
  });

  it('takes a change of many keys in parts, each with a wait of its own', async () => {
    const { cache, l3 } = await three();
    const sizes: number[] = [];
    const apply = l3!.real.apply.bind(l3!.real);
    vi.spyOn(l3!.real, 'apply').mockImplementation((change) => {
      if (change.kind === 'set') sizes.push(change.addresses.length);
      return apply(change);
    });
    const entries = Array.from({ length: 2_500 }, (_zero, n) => [`k${n}`, n] as const);
    expect(await cache.setMany(entries)).toMatchObject({ l3: 'ok' });
    expect(sizes).toEqual([1_000, 1_000, 500]);
    expect(await cache.get('k2499')).toBe(2_499);
  });

  it('reads the keys of many callers of one moment with two commands', async () => {
    const made = await three();
    const keys = Array.from({ length: 150 }, (_, index) => `k${index}`);
    await Promise.all(keys.map((key) => made.cache.getOrSet(key, () => key)));
    await made.cache.drain();
    const other = await three({ namespace: made.namespace });
    await other.cache.get('warm the connection');
    const client = new Redis(redisUrl());
    const count = async (): Promise<number> =>
      Number(/cmdstat_mget:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0);
    const before = await count();
    expect((await Promise.all(keys.map((key) => other.cache.get(key)))).every(Boolean)).toBe(true);
    expect((await count()) - before).toBe(2);
    client.disconnect();
  });

  it('counts bytes that are not ours as misses, and loads', async () => {
    const database = await freshDatabase();
    const made = await three({ database });
    await made.cache.getOrSet('k', () => 'v');
    await made.cache.drain();
    const client = new Redis(redisUrl());
    const [name] = await client.keys(`${made.namespace}:*:e:*`);
    const sql = new pg.Client({ connectionString: database });
    await sql.connect();
    const rubbish = [
      Buffer.alloc(0),
      Buffer.from('hello'),
      Buffer.from([0xc4, 9, 0, 0]),
      (await client.getBuffer(name))!.subarray(0, 50),
      Buffer.alloc(5_000, 0xc4),
    ];
    for (const bytes of rubbish) {
      await client.set(name, bytes);
      await sql.query('update mlcache.entry set value = $1', [bytes]);
      const other = await three({ namespace: made.namespace, database });
      expect(await other.cache.getOrSet('k', () => 'loaded')).toBe('loaded');
      const { l2, l3 } = other.cache.stats().tiers;
      expect([l2.corrupt > 0, l3.corrupt > 0]).toEqual([true, true]);
      await other.close();
    }
    client.disconnect();
    await sql.end();
  });
});
