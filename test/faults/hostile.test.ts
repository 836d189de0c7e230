/** What callers may do to a cache out of malice or by mistake: it is refused, or it costs what it must and no more. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isCacheError } from '../../libs/multi-level-cache/src/core/errors.js';
import { closeCaches, testCache, type TestCache } from '../support/cache.js';
import { databaseUrl, freshNamespace, redisUrl } from '../support/servers.js';

const MAX_ENTRIES = 1_000;
const MIB = 1024 ** 2;

let made: TestCache;
beforeEach(async () => {
  made = await testCache({
    namespace: freshNamespace(),
    redis: redisUrl(),
    database: databaseUrl(),
    maxEntries: MAX_ENTRIES,
    budget: 5_000,
  });
});
afterEach(closeCaches);

describe('a loader', () => {
  it('floods: 20,000 keys at once are answered, memory stays within its bounds, and nothing is left over', async () => {
    const { cache } = made;
    const keys = Array.from({ length: 20_000 }, (_zero, at) => `flood:${at}`);
    const values = await Promise.all(keys.map((key) => cache.getOrSet(key, () => key)));
    expect(values).toEqual(keys);
    expect(cache.stats().tiers.l1.entries).toBeLessThanOrEqual(MAX_ENTRIES);
    await cache.drain();
    // A process that drowns for seconds may have left a store alone for being late: it is read again by itself, and filled again
    // once a fill on trial went well.
    let asked = 0;
    const states = async (): Promise<string[]> => {
      await cache.getOrSet(`after:${asked++}`, () => 'loaded');
      await cache.drain();
      return [cache.stats().tiers.l2.state, cache.stats().tiers.l3.state];
    };
    await expect.poll(states, { timeout: 5_000 }).toEqual(['up', 'up']);
    expect(await cache.getOrSet('after', () => 'served')).toBe('served');
  }, 60_000);

  it('throws what is no error, and its callers get it as it was', async () => {
    const { cache } = made;
    for (const thrown of [undefined, null, 'text', 0, { not: 'an error' }]) {
      const load = cache.getOrSet('k', () => Promise.reject(thrown as unknown as Error));
      await expect(load).rejects.toBe(thrown);
    }
    expect(await cache.getOrSet('k', () => 'well')).toBe('well');
  });

  it('gives what cannot be stored: its caller is told why, and the key is not stuck', async () => {
    const { cache } = made;
    const circle: { self?: unknown } = {};
    circle.self = circle;
    for (const value of [circle, () => 1, Symbol('s'), new (class Own {})()])
      await expect(cache.getOrSet<unknown>('k', () => value)).rejects.toMatchObject({
        code: 'CACHE_VALUE_UNCACHEABLE',
      });
    expect(await cache.getOrSet('k', () => 'well')).toBe('well');
  });

  it('asks for its own key: that is told after hardTimeout, and not waited for for ever', async () => {
    const { cache } = made;
    const load = (): Promise<string> => cache.getOrSet('k', load, { hardTimeout: 200 });
    await expect(load()).rejects.toMatchObject({ code: 'CACHE_LOADER_TIMEOUT' });
  });
});

describe('a value of 1 MiB and more', () => {
  it('stays in memory, and the other tiers serve on', async () => {
    const { cache, namespace } = made;
    // Nothing to compress.
    const large = Buffer.from(
      Array.from({ length: 2 * MIB }, () => Math.floor(Math.random() * 256)),
    ).toString('base64');
    expect(await cache.getOrSet('large', () => large)).toBe(large);
    await cache.drain();
    expect(cache.peek('large')).toBe(large);
    const other = await testCache({ namespace, redis: redisUrl(), database: databaseUrl() });
    expect(await other.cache.get('large', { tiers: ['l2'] })).toBeUndefined();
    expect(await other.cache.getOrSet('small', () => 'small')).toBe('small');
    for (const { state } of Object.values(other.cache.stats().tiers)) expect(state).toBe('up');
  });

  it('larger than all of L1: it goes to its caller, and nothing else goes for it', async () => {
    const { cache } = made;
    await cache.getOrSet('kept', () => 'kept');
    const huge = 'x'.repeat(65 * MIB);
    expect((await cache.getOrSet('huge', () => huge)).length).toBe(huge.length);
    expect(cache.peek('huge')).toBeUndefined();
    expect(cache.peek('kept')).toBe('kept');
  });
});

describe('a key', () => {
  const LONE = '\ud800';
  it.each([
    ['empty', ''],
    ['1,025 bytes', 'x'.repeat(1_025)],
    ['1,026 bytes of 342 signs', '€'.repeat(342)],
    ['a line break', 'a\nb'],
    ['a NUL', 'a\u0000b'],
    ['the mark of an implicit tag', '\u0001default'],
    ['DEL', 'a\u007f'],
    ['a C1 control', 'a\u0085b'],
    ['a lone surrogate', `a${LONE}`],
    ['a lone low surrogate', '\udc00a'],
    ['no string', 7 as unknown as string],
    ['an object', { toString: () => 'k' } as unknown as string],
    ['null', null as unknown as string],
  ])('is refused by every verb: %s', async (_what, key) => {
    const { cache } = made;
    const verbs: readonly (() => Promise<unknown>)[] = [
      () => cache.get(key),
      () => cache.getOrSet(key, () => 1),
      () => cache.getMany([key]),
      () => cache.set(key, 1),
      () => cache.delete(key),
      () => cache.expire(key),
      () => cache.mutate({ keys: [key] }, () => 1),
      () => cache.has(key),
    ];
    for (const verb of verbs) {
      const error: unknown = await verb().then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect([String(verb), isCacheError(error, 'CACHE_KEY_INVALID')]).toEqual([
        String(verb),
        true,
      ]);
    }
    expect(cache.peek(key)).toBeUndefined();
  });

  it('that looks like something else is itself and no other, in every tier', async () => {
    const { cache, namespace } = made;
    const { l1, ...lower } = cache.stats().tiers;
    expect([l1.state, lower.l2.state, lower.l3.state]).toEqual(['up', 'up', 'up']);
    const keys = [
      'x'.repeat(1_024),
      `${'x'.repeat(1_023)}y`,
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
      '{}',
      '{a}',
      '*',
      ':',
      '::',
      'a:b',
      'a%3ab',
      'a%253ab',
      'a::b',
      '%',
      '%00',
      '[a]',
      '?',
      'é',
      'e\u0301',
      'É',
      ' ',
      'a ',
      'a',
      '~',
      `~${'A'.repeat(43)}`,
      `${namespace}:p:{00000000}:e:default:a`,
      `${namespace}:{~}:st`,
      `${namespace}:{~}:sq`,
      '{~}:ep',
      'mlc.warming',
      "'; drop table mlcache.entry; --",
      '\u{1f600}',
      'undefined',
      'null',
      '0',
      '-0',
    ];
    for (const key of keys)
      expect(await cache.getOrSet(key, () => ({ of: key }))).toEqual({ of: key });
    await cache.drain();
    const other = await testCache({ namespace, redis: redisUrl(), database: databaseUrl() });
    for (const tier of ['l1', 'l2', 'l3'] as const) {
      const from = tier === 'l1' ? cache : other.cache;
      const found = await from.getMany<{ of: string }>(keys, { tiers: [tier] });
      expect([tier, [...found].map(([key, { of }]) => [key, of])]).toEqual([
        tier,
        keys.map((key) => [key, key]),
      ]);
    }
    // One goes, and no other with it.
    for (const [at, key] of keys.entries()) {
      await cache.delete(key);
      const rest = keys.slice(at + 1);
      expect([...(await cache.getMany(keys)).keys()]).toEqual(rest);
    }
    expect(await cache.getOrSet('still', () => 'there')).toBe('there');
    expect(({} as Record<string, unknown>)['of']).toBeUndefined();
  });

  it('of another cache or tenant is another one, however it is spelled', async () => {
    const { cache } = made;
    const as = (tenantId: string) => (key: string, value: string) =>
      cache.runAs({ tenantId }, () => cache.getOrSet(key, () => value));
    const named = cache.namespace('a');
    const places = [
      () => cache.getOrSet('b:c', () => 'default'),
      () => named.getOrSet('b:c', () => 'named'),
      () => cache.getOrSet('a:b:c', () => 'prefixed'),
      () => as('a')('b:c', 'tenant a'),
      () => as('a:b')('c', 'tenant a:b'),
      () => as('a:')('b:c', 'tenant a:'),
      () => as('p')('b:c', 'tenant p'),
      () => as('__proto__')('b:c', 'tenant proto'),
    ];
    const first: string[] = [];
    for (const place of places) first.push(await place());
    expect(new Set(first).size).toBe(places.length);
    const again: string[] = [];
    for (const place of places) again.push(await place());
    expect(again).toEqual(first);
  });
});
