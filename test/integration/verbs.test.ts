/** Every verb and option of a call, on memory alone and over real lower tiers. */
import { afterEach, describe, expect, it } from 'vitest';
import {
  closeCaches,
  deferred,
  testCache,
  type TestCache,
  type TestCacheOptions,
} from '../support/cache.js';
import { databaseUrl, freshNamespace, redisUrl } from '../support/servers.js';

afterEach(closeCaches);

type Tiers = 'L1' | 'L1+L2' | 'L1+L3' | 'L1+L2+L3';
const SHAPES: readonly Tiers[] = ['L1', 'L1+L2', 'L1+L3', 'L1+L2+L3'];

function open(shape: Tiers, more: Partial<TestCacheOptions> = {}): Promise<TestCache> {
  return testCache({
    namespace: freshNamespace(),
    redis: shape.includes('L2') ? redisUrl() : undefined,
    database: shape.includes('L3') ? databaseUrl() : undefined,
    ...more,
  });
}

const fail = (): never => {
  throw new Error('the origin is down');
};
const KEYS = ['a', 'b', 'c', 'd'];

it.each(SHAPES.slice(1))('on %s, what an instance says itself it does not hear', async (shape) => {
  const namespace = freshNamespace();
  const [{ cache }, other] = [await open(shape, { namespace }), await open(shape, { namespace })];
  let heard = 0;
  cache.on('invalidate', ({ origin }) => {
    if (origin === 'backplane') heard++;
  });
  await cache.set('k', 'v');
  await cache.invalidateTags(['t']);
  await cache.delete('k');
  await other.cache.delete('m');
  await expect.poll(() => heard).toBeGreaterThan(0);
  expect(heard).toBe(1);
});

describe.each(SHAPES)('on %s', (shape) => {
  it('getOrSetMany loads exactly the missing keys, once, and keeps the order asked for', async () => {
    const { cache } = await open(shape);
    await cache
      .setMany({ b: 1 } as never)
      .catch((error: unknown) => expect(error).toMatchObject({ code: 'CACHE_OPTION_INVALID' }));
    await cache.setMany([['b', 'B']]);
    const asked: (readonly string[])[] = [];
    const load = (keys: readonly string[]): [string, string][] => {
      asked.push(keys);
      return keys.filter((key) => key !== 'd').map((key) => [key, key.toUpperCase()]);
    };
    const found = await cache.getOrSetMany(['c', 'b', 'a', 'd', 'c'], load);
    expect([...found]).toEqual([
      ['c', 'C'],
      ['b', 'B'],
      ['a', 'A'],
    ]);
    await cache.drain();
    expect([...(await cache.getOrSetMany(KEYS, load)).keys()]).toEqual(['a', 'b', 'c']);
    expect(asked).toEqual([['c', 'a', 'd'], ['d']]);
  });

  it('getOrSetMany rejects with the loader’s own error, and lets stale values stand in where all have one', async () => {
    const { cache } = await open(shape);
    const error = new Error('mine');
    const broken = (): never => {
      throw error;
    };
    await expect(cache.getOrSetMany(KEYS, broken)).rejects.toBe(error);
    await cache.setMany(new Map(KEYS.map((key) => [key, key])));
    await cache.clear({ soft: true });
    expect([...(await cache.getOrSetMany(KEYS, broken)).values()]).toEqual(KEYS);
    await expect(cache.getOrSetMany([...KEYS, 'e'], broken)).rejects.toBe(error);
  });

  it('two getOrSetMany share the keys they have in common, and a getOrSet joins them', async () => {
    const { cache } = await open(shape);
    const gate = deferred();
    const runs: string[] = [];
    const load = async (keys: readonly string[]): Promise<Map<string, string>> => {
      runs.push(keys.join(''));
      await gate.promise;
      return new Map(keys.map((key) => [key, key]));
    };
    const first = cache.getOrSetMany(['a', 'b'], load);
    await expect.poll(() => runs.length).toBe(1);
    const second = cache.getOrSetMany(['b', 'c'], load);
    const third = cache.getOrSet('a', () => 'of its own');
    await expect.poll(() => runs.length).toBe(2);
    gate.resolve();
    expect([...(await first).keys(), ...(await second).keys()]).toEqual(['a', 'b', 'b', 'c']);
    expect(await third).toBe('a');
    expect(runs).toEqual(['ab', 'c']);
  });

  it('a getOrSet that joined a bulk load which left its key out runs its own loader', async () => {
    const { cache } = await open(shape);
    const gate = deferred();
    const began = deferred();
    const bulk = cache.getOrSetMany(['a'], async () => {
      began.resolve();
      await gate.promise;
      return new Map();
    });
    await began.promise;
    const single = cache.getOrSet('a', () => 'mine');
    gate.resolve();
    expect([...(await bulk)]).toEqual([]);
    expect(await single).toBe('mine');
  });

  it('setMany and deleteMany write and remove all', async () => {
    const { cache } = await open(shape);
    const receipt = await cache.setMany(new Map(KEYS.map((key) => [key, key])), { tags: ['t'] });
    expect(receipt.l1).toBe('ok');
    expect([...(await cache.getMany([...KEYS, 'none']))]).toEqual(KEYS.map((key) => [key, key]));
    await cache.deleteMany(['a', 'c']);
    expect([...(await cache.getMany(KEYS)).keys()]).toEqual(['b', 'd']);
    await cache.invalidateTags(['t']);
    expect((await cache.getMany(KEYS)).size).toBe(0);
  });

  it('expire makes stale: no get, but it stands in while the loader fails', async () => {
    const { cache } = await open(shape);
    await cache.set('k', 'old');
    await cache.expire('k');
    expect(await cache.get('k')).toBeUndefined();
    expect(await cache.getOrSet('k', fail)).toBe('old');
    expect(await cache.getOrSet('k', () => 'new')).toBe('new');
  });

  it('expire during a load: its value goes to its caller and is not stored', async () => {
    const { cache } = await open(shape);
    const began = deferred();
    const value = deferred<string>();
    const load = cache.getOrSet('k', () => (began.resolve(), value.promise));
    await began.promise;
    await cache.expire('k');
    value.resolve('old');
    expect(await load).toBe('old');
    await cache.drain();
    expect(await cache.get('k')).toBeUndefined();
  });

  it('touch gives a fresh value another life, and does not wake a dead one', async () => {
    const { cache } = await open(shape);
    expect(await cache.touch('k', '1m')).toBe(false);
    await cache.set('k', 1, { ttl: 5_000 });
    expect(await cache.touch('k', '1h')).toBe(true);
    expect(await cache.ttl('k')).toBeGreaterThan(3_500_000);
    expect(await cache.touch('k', 2_000)).toBe(true);
    expect(await cache.ttl('k')).toBeLessThanOrEqual(2_001);
    expect(await cache.get('k')).toBe(1);
    await cache.expire('k');
    expect(await cache.touch('k', '1h')).toBe(false);
    await expect(cache.touch('k', 'soon' as never)).rejects.toMatchObject({
      code: 'CACHE_OPTION_INVALID',
    });
  });

  it('a soft invalidation makes stale what a hard one removes', async () => {
    const { cache } = await open(shape);
    const put = (): Promise<unknown> => cache.set('k', 'old', { tags: ['t'] });
    for (const soft of [
      () => cache.invalidateTags(['t'], { soft: true }),
      () => cache.clear({ soft: true }),
    ]) {
      await put();
      await soft();
      expect(await cache.get('k')).toBeUndefined();
      expect(await cache.getOrSet('k', fail)).toBe('old');
    }
    for (const hard of [() => cache.invalidateTags(['t']), () => cache.clear()]) {
      await put();
      await hard();
      await expect(cache.getOrSet('k', fail)).rejects.toThrow('the origin is down');
    }
  });

  it('invalidatePattern removes a first segment or a declared group, and nothing else', async () => {
    const { cache } = await open(shape, { more: { groups: ['user:profile'] } });
    const keys = ['user:1', 'user:profile:1', 'user:profiles:1', 'users:1', 'user', 'other:1'];
    const left = async (pattern: string): Promise<string[]> => {
      await cache.setMany(keys.map((key) => [key, key]));
      await cache.getMany(keys);
      await cache.invalidatePattern(pattern);
      return [...(await cache.getMany(keys)).keys()];
    };
    expect(await left('user:profile:*')).toEqual(keys.filter((key) => key !== 'user:profile:1'));
    expect(await left('user:*')).toEqual(['users:1', 'user', 'other:1']);
    expect(await left('*')).toEqual([]);
    for (const pattern of ['user', 'user:1:*', 'us*', ':*', 'a:b:*', '', '*:*', 5])
      await expect(cache.invalidatePattern(pattern as string)).rejects.toMatchObject({
        code: 'CACHE_PATTERN_UNDECLARED',
      });
  });

  it('a pattern removes what is loaded meanwhile', async () => {
    const { cache } = await open(shape);
    const began = deferred();
    const value = deferred<string>();
    const load = cache.getOrSet('user:1', () => (began.resolve(), value.promise));
    await began.promise;
    await cache.invalidatePattern('user:*');
    value.resolve('old');
    await load;
    await cache.drain();
    expect(await cache.get('user:1')).toBeUndefined();
  });

  it('negativeTtl is the life of null', async () => {
    const { cache } = await open(shape);
    await cache.getOrSet('none', () => null, { ttl: '1h', negativeTtl: '10s' });
    await cache.getOrSet('some', () => 1, { ttl: '1h', negativeTtl: '10s' });
    await cache.drain();
    expect(await cache.ttl('none')).toBeLessThanOrEqual(10_000);
    expect(await cache.ttl('some')).toBeGreaterThan(3_500_000);
    await cache.getOrSet('never', () => null, { negativeTtl: 0 });
    expect(await cache.has('never')).toBe(false);
  });

  it('jitter only shortens, by at most its share', async () => {
    const { cache } = await open(shape);
    const keys = Array.from({ length: 50 }, (_zero, index) => `k${index}`);
    await Promise.all(
      keys.map((key) => cache.getOrSet(key, () => key, { ttl: 100_000, jitter: 0.5 })),
    );
    await cache.drain();
    const lives = await Promise.all(keys.map(async (key) => (await cache.ttl(key))!));
    expect(Math.max(...lives)).toBeLessThanOrEqual(100_000);
    expect(Math.min(...lives)).toBeGreaterThan(49_000);
    expect(Math.max(...lives) - Math.min(...lives)).toBeGreaterThan(10_000);
  });

  it('forceFresh loads although a fresh value is there, and stores what it loaded', async () => {
    const { cache } = await open(shape);
    await cache.getOrSet('k', () => 1);
    await cache.drain();
    expect(await cache.getOrSet('k', () => 2, { forceFresh: true })).toBe(2);
    await cache.drain();
    expect(await cache.get('k')).toBe(2);
  });

  it('timeout: a stale value stands in, and the load goes on', async () => {
    const { cache } = await open(shape);
    await cache.set('k', 'old');
    await cache.expire('k');
    const value = deferred<string>();
    expect(await cache.getOrSet('k', () => value.promise, { timeout: 1 })).toBe('old');
    value.resolve('new');
    await expect.poll(() => cache.get('k')).toBe('new');
  });

  it('timeout: without a stale value the caller waits', async () => {
    const { cache } = await open(shape);
    const value = deferred<string>();
    const call = cache.getOrSet('k', () => value.promise, { timeout: 0 });
    setTimeout(() => value.resolve('new'), 20);
    expect(await call).toBe('new');
  });

  it('refreshAhead: a hit past its share reloads in the background', async () => {
    const { cache } = await open(shape);
    const options = { ttl: '1h', refreshAhead: 0.000_001 } as const;
    expect(await cache.getOrSet('k', () => 1, options)).toBe(1);
    await cache.drain();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await cache.getOrSet('k', () => 2, options)).toBe(1);
    await expect.poll(() => cache.get('k')).toBe(2);
  });

  it('refreshAhead: a failing reload costs nobody anything', async () => {
    const { cache } = await open(shape);
    const options = { ttl: '1h', refreshAhead: 0.000_001 } as const;
    await cache.getOrSet('k', () => 1, options);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await cache.getOrSet('k', fail, options)).toBe(1);
    await cache.drain();
    expect(await cache.get('k')).toBe(1);
  });

  it('tiers: a call uses those it names, and the others forget the key', async () => {
    const { cache } = await open(shape);
    await cache.set('k', 'everywhere');
    await cache.set('k', 'memory only', { tiers: ['l1'] });
    const { tiers } = await cache.explain('k');
    expect(tiers.l1?.state).toBe('fresh');
    for (const lower of [tiers.l2, tiers.l3])
      expect(['absent', 'invalid', undefined]).toContain(lower?.state);
    await cache.getOrSet('shared', () => 1, { tiers: ['l2', 'l3'] });
    expect(cache.peek('shared')).toBeUndefined();
    expect(await cache.get('k', { tiers: ['l2'] })).toBeUndefined();
  });

  it('a loader hears of the stale value and may call it right', async () => {
    const { cache } = await open(shape);
    await cache.getOrSet('k', (_key, context) => {
      expect(context.stale).toBeUndefined();
      context.setOptions({ etag: 'v1' });
      return { n: 1 };
    });
    await cache.drain();
    await cache.expire('k');
    const answer = await cache.getOrSet('k', (_key, context) => {
      expect(context.stale).toMatchObject({ value: { n: 1 }, etag: 'v1' });
      expect(context.stale!.ageMs).toBeGreaterThanOrEqual(0);
      return context.notModified<{ n: number }>();
    });
    expect(answer).toEqual({ n: 1 });
    await cache.drain();
    expect(await cache.get('k')).toEqual({ n: 1 });
  });

  it('a loader may skip storing, and fail so that the stale value stands in', async () => {
    const { cache } = await open(shape);
    expect(await cache.getOrSet('k', (_key, context) => context.skip('once'))).toBe('once');
    await cache.drain();
    expect(await cache.has('k')).toBe(false);
    const reason = new Error('not today');
    const failing = cache.getOrSet('k', (_key, context) => {
      throw context.fail(reason);
    });
    await expect(failing).rejects.toBe(reason);
    await cache.set('k', 'old');
    await cache.expire('k');
    expect(
      await cache.getOrSet('k', (_key, context) => {
        throw context.fail('no');
      }),
    ).toBe('old');
    await expect(
      cache.getOrSet('nothing there', (_key, context) => context.notModified()),
    ).rejects.toThrow('no stale value');
  });

  it('signal: a caller leaves, the load goes on for the others, and is aborted when nobody waits', async () => {
    const { cache } = await open(shape);
    const value = deferred<string>();
    const seen: AbortSignal[] = [];
    const load = (_key: string, { signal }: { signal: AbortSignal }): Promise<string> => {
      seen.push(signal);
      return value.promise;
    };
    const [one, two] = [new AbortController(), new AbortController()];
    const first = cache.getOrSet('k', load, { signal: one.signal });
    const second = cache.getOrSet('k', load, { signal: two.signal });
    await expect.poll(() => seen.length).toBe(1);
    const reason = new Error('gone home');
    one.abort(reason);
    await expect(first).rejects.toBe(reason);
    expect(seen[0].aborted).toBe(false);
    two.abort(reason);
    await expect(second).rejects.toBe(reason);
    expect(seen[0].aborted).toBe(true);
    expect(seen[0].reason).toBe(reason);
    expect(await cache.getOrSet('k', () => 'anew')).toBe('anew');
    value.resolve('late');
    await expect(cache.getOrSet('x', load, { signal: one.signal })).rejects.toBe(reason);
  });

  it.each([
    ['getOrSet', (cache: TestCache['cache']) => cache.getOrSet('k', () => 1, { tll: 1 } as never)],
    ['get', (cache: TestCache['cache']) => cache.get('k', { ttl: 1 } as never)],
    ['getMany', (cache: TestCache['cache']) => cache.getMany(['k'], { grace: 1 } as never)],
    ['set', (cache: TestCache['cache']) => cache.set('k', 1, { hardTimeout: 1 })],
    ['setMany', (cache: TestCache['cache']) => cache.setMany([['k', 1]], { ttl: Infinity })],
    ['delete', (cache: TestCache['cache']) => cache.delete('k', { soft: true } as never)],
    ['expire', (cache: TestCache['cache']) => cache.expire('k', { strict: 1 } as never)],
    ['clear', (cache: TestCache['cache']) => cache.clear({ soft: 'yes' } as never)],
    ['touch', (cache: TestCache['cache']) => cache.touch('k', -1)],
    [
      'getOrSetMany',
      (cache: TestCache['cache']) => cache.getOrSetMany(['k'], () => [], { jitter: 2 }),
    ],
  ])('%s rejects wrong options with CACHE_OPTION_INVALID', async (_verb, call) => {
    const { cache } = await open(shape);
    await expect(call(cache)).rejects.toMatchObject({ code: 'CACHE_OPTION_INVALID' });
  });

  it.each(['freeze', 'clone', 'share'] as const)('isolation %s', async (isolation) => {
    const { cache } = await open(shape, { isolation });
    const loaded = await cache.getOrSet('k', () => ({ n: 1, list: [1] }));
    await cache.drain();
    const hit = (await cache.get<{ n: number; list: number[] }>('k'))!;
    expect(Object.isFrozen(hit)).toBe(isolation === 'freeze');
    expect(Object.isFrozen(hit.list)).toBe(isolation === 'freeze');
    if (isolation === 'freeze') return;
    hit.n = 2;
    expect((await cache.get<{ n: number }>('k'))!.n).toBe(isolation === 'share' ? 2 : 1);
    expect(hit === loaded).toBe(isolation === 'share');
  });

  it('tells of evictions and invalidations', async () => {
    const { cache } = await open(shape);
    const told: unknown[] = [];
    cache.on('invalidate', (event) => event.origin === 'local' && told.push(event));
    await cache.delete('k');
    await cache.invalidateTags(['a', 'b'], { soft: true });
    expect(told).toEqual([
      { kind: 'key', count: 1, origin: 'local', soft: false },
      { kind: 'tag', count: 2, origin: 'local', soft: true },
    ]);
  });
});

it('evict tells which entry went for space', async () => {
  const { cache } = await open('L1', { maxEntries: 2 });
  const gone: string[] = [];
  cache.on('evict', ({ key, reason }) => gone.push(`${key} ${reason}`));
  for (const key of ['a', 'b', 'c']) await cache.set(key, key);
  expect(gone).toEqual(['a size']);
});
