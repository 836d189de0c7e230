/** Named caches, `@CachePut`, batch methods and listed classes, in a Nest application with memory alone. */
import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import type { CacheManager } from '../../src/index.js';
import { Cached, CachePut, InjectCache, MultiLevelCacheModule } from '../../src/index.js';
import { boot } from './boot.js';

@Injectable()
class Sessions {
  constructor(@InjectCache('sessions') readonly sessions: CacheManager) {}
}

const FEATURE = { name: 'sessions', l3: false, defaults: { ttl: '10s', jitter: 0 } } as const;

describe('forFeature', () => {
  const imports = [MultiLevelCacheModule.forFeature([FEATURE])];

  it('injects a named cache with its own defaults', async () => {
    const { module, cache } = await boot({ imports, providers: [Sessions] });
    const { sessions } = module.get(Sessions);
    await sessions.set('a', 1);
    expect(sessions.name).toBe('sessions');
    expect(await sessions.ttl('a')).toBeLessThanOrEqual(10_000);
    expect(cache.namespace('sessions')).toBe(sessions);
  });

  it('is cleared apart from the others', async () => {
    const { module, cache } = await boot({ imports, providers: [Sessions] });
    const { sessions } = module.get(Sessions);
    await Promise.all([cache.set('a', 'default'), sessions.set('a', 'session')]);
    await sessions.clear();
    expect([await cache.get('a'), await sessions.get('a')]).toEqual(['default', undefined]);
    await sessions.set('a', 'session');
    await cache.clear();
    expect([await cache.get('a'), await sessions.get('a')]).toEqual([undefined, 'session']);
  });

  it('does not use a tier that is off for it', async () => {
    const off = MultiLevelCacheModule.forFeature([{ name: 'never', l1: false }]);
    const { cache } = await boot({ imports: [off] });
    const never = cache.namespace('never');
    await never.set('a', 1);
    expect(await never.get('a')).toBeUndefined();
    expect(never.peek('a')).toBeUndefined();
    await never.getOrSet('b', () => 1);
    expect(await never.getOrSet('b', () => 2)).toBe(2);
  });

  it('may be declared twice the same, and not otherwise', async () => {
    await boot({ imports: [...imports, MultiLevelCacheModule.forFeature([FEATURE])] });
    const other = MultiLevelCacheModule.forFeature([{ name: 'sessions' }]);
    await expect(boot({ imports: [...imports, other] })).rejects.toThrow(
      'CACHE_CONFIG_INVALID: the cache sessions is declared twice',
    );
  });

  it('tells its faults at boot', async () => {
    const wrong = MultiLevelCacheModule.forFeature([{ name: 'a b', defaults: { ttl: -1 } }]);
    await expect(boot({ imports: [wrong] })).rejects.toThrow(/forFeature\[0\]\.name.*\n.*ttl/);
  });
});

class Money {
  constructor(readonly cents: number) {}
}

@Injectable()
class Shop {
  runs: unknown[] = [];
  result: unknown = { id: '7', brand: 'acme' };

  @CachePut({ key: (made, name) => `made:${made.id}:${name}`, tags: (made) => [made.brand] })
  async create(_name: string): Promise<{ id: string; brand: string }> {
    return this.result as never;
  }

  @CachePut({ key: 'named:{0}', when: (name) => name !== 'no', unless: (made) => made === 0 })
  async choosy(name: string): Promise<number> {
    return name.length - 4;
  }

  @Cached({
    batch: true,
    key: (id, locale) => `text:${id}:${locale}`,
    tags: (text, id) => [`tag:${id}`, text],
    ttl: (_text, id) => (id === 9 ? 0 : '1m'),
  })
  async texts(ids: number[], locale: string): Promise<Map<number, string>> {
    this.runs.push([...ids]);
    return new Map(ids.filter((id) => id !== 404).map((id) => [id, `${locale}${id}`]));
  }

  @Cached({ batch: true })
  async plain(ids: string[]): Promise<Map<string, string>> {
    this.runs.push([...ids]);
    return new Map(ids.map((id) => [id, id]));
  }

  @Cached({ key: 'price', type: () => Money })
  async price(): Promise<{ now: Money }> {
    this.runs.push('price');
    return { now: new Money(5) };
  }

  @Cached({ key: 'unlisted' })
  async unlisted(): Promise<Money> {
    return new Money(5);
  }
}

async function shop() {
  const { module, cache } = await boot({ providers: [Shop] });
  return { shop: module.get(Shop), cache };
}

describe('@CachePut', () => {
  it('stores what the method made, under its key and tags, and returns it', async () => {
    const { shop: service, cache } = await shop();
    expect(await service.create('x')).toEqual({ id: '7', brand: 'acme' });
    expect(await cache.get('made:7:x')).toEqual({ id: '7', brand: 'acme' });
    await cache.invalidateTags(['acme']);
    expect(await cache.get('made:7:x')).toBeUndefined();
  });

  it('replaces what was there', async () => {
    const { shop: service, cache } = await shop();
    await cache.set('made:7:x', 'old');
    await service.create('x');
    expect(await cache.get('made:7:x')).toMatchObject({ id: '7' });
  });

  it('asks `when` and `unless`, and leaves undefined alone', async () => {
    const { shop: service, cache } = await shop();
    await service.choosy('no');
    await service.choosy('zero');
    await service.choosy('stored');
    expect(await cache.getMany(['named:no', 'named:zero', 'named:stored'])).toEqual(
      new Map([['named:stored', 2]]),
    );
    service.result = undefined;
    expect(await service.create('x')).toBeUndefined();
  });
});

describe('a batch method', () => {
  it('runs once for the items that are missing, and gives all in the order of the list', async () => {
    const { shop: service } = await shop();
    await service.texts([2, 3], 'de');
    const all = await service.texts([1, 2, 3, 4, 2], 'de');
    expect([...all]).toEqual([
      [1, 'de1'],
      [2, 'de2'],
      [3, 'de3'],
      [4, 'de4'],
    ]);
    expect(service.runs).toEqual([
      [2, 3],
      [1, 4],
    ]);
  });

  it('tells items apart by the other arguments, and keeps per-item tags and lives', async () => {
    const { shop: service, cache } = await shop();
    await service.texts([1, 9], 'de');
    await service.texts([1], 'en');
    expect(await cache.getMany(['text:1:de', 'text:1:en', 'text:9:de'])).toEqual(
      new Map([
        ['text:1:de', 'de1'],
        ['text:1:en', 'en1'],
      ]),
    );
    await cache.invalidateTags(['de1']);
    expect([...(await cache.getMany(['text:1:de', 'text:1:en'])).keys()]).toEqual(['text:1:en']);
  });

  it('leaves out what the method leaves out, and asks again', async () => {
    const { shop: service } = await shop();
    expect([...(await service.texts([404], 'de'))]).toEqual([]);
    await service.texts([404], 'de');
    expect(service.runs).toEqual([[404], [404]]);
  });

  it('spells default keys item by item', async () => {
    const { shop: service } = await shop();
    await service.plain(['a']);
    await service.plain(['b', 'a']);
    expect(service.runs).toEqual([['a'], ['b']]);
  });

  it('rejects what is no list', async () => {
    const { shop: service } = await shop();
    await expect(service.plain('a' as never)).rejects.toMatchObject({ code: 'CACHE_KEY_INVALID' });
  });
});

describe('type', () => {
  it('lets instances of listed classes be cached, as such and frozen', async () => {
    const { shop: service } = await shop();
    await service.price();
    const { now } = await service.price();
    expect(now).toBeInstanceOf(Money);
    expect(Object.isFrozen(now)).toBe(true);
    expect(service.runs).toEqual(['price']);
  });

  it('names a class that is not listed, on the first call', async () => {
    const { shop: service } = await shop();
    await expect(service.unlisted()).rejects.toThrow(/CACHE_VALUE_UNCACHEABLE.*Money/);
  });
});
