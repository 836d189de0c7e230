/** `@CacheEvict`, and what `@Cached` says about keys, lifetimes and wrong options. */
import { Injectable, Logger } from '@nestjs/common';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CacheEvict, Cached, isCacheError } from '../../src/index.js';
import { boot } from './boot.js';

@Injectable()
class Products {
  runs = 0;
  fail = false;

  @Cached({ key: 'product:{0}', tags: (found) => [`brand:${found.brand}`] })
  async findOne(id: string): Promise<{ id: string; brand: string; run: number }> {
    return { id, brand: id.slice(0, 1), run: ++this.runs };
  }

  @CacheEvict({ keys: (id) => [`product:${id}`] })
  async update(id: string): Promise<string> {
    if (this.fail) throw new Error('refused');
    return `updated ${id}`;
  }

  @CacheEvict({ keys: ['product:{0}'] })
  async byTemplate(_id: string): Promise<void> {}

  @CacheEvict({ tags: (brand) => [`brand:${brand}`] })
  async rebrand(_brand: string): Promise<void> {}

  @CacheEvict({ keys: (id) => `product:${id}`, when: 'before' })
  async risky(_id: string): Promise<void> {
    throw new Error('refused');
  }

  @CacheEvict({ keys: (entity) => [`product:${entity.id}`] })
  async save(entity: { id?: string }): Promise<void> {
    entity.id = 'a1';
  }

  @CacheEvict({ keys: () => [''] })
  async wrongKey(): Promise<void> {}
}

async function products(): Promise<Products> {
  const { module } = await boot({ providers: [Products] });
  return module.get(Products);
}

afterEach(() => vi.restoreAllMocks());

describe('@CacheEvict', () => {
  it('deletes the key after the method succeeded, and returns its result', async () => {
    const service = await products();
    await service.findOne('a1');
    expect(await service.update('a1')).toBe('updated a1');
    expect(await service.findOne('a1')).toMatchObject({ run: 2 });
  });

  it('leaves the cache alone when the method failed', async () => {
    const service = await products();
    await service.findOne('a1');
    service.fail = true;
    await expect(service.update('a1')).rejects.toThrow('refused');
    expect(await service.findOne('a1')).toMatchObject({ run: 1 });
  });

  it('takes templates', async () => {
    const service = await products();
    await service.findOne('a1');
    await service.byTemplate('a1');
    expect(await service.findOne('a1')).toMatchObject({ run: 2 });
  });

  it('invalidates tags, those that came from a result too', async () => {
    const service = await products();
    await service.findOne('a1');
    await service.findOne('b1');
    await service.rebrand('a');
    expect(await service.findOne('b1')).toMatchObject({ run: 2 });
    expect(await service.findOne('a1')).toMatchObject({ run: 3 });
  });

  it("acts before the method with when: 'before', whether it succeeds or not", async () => {
    const service = await products();
    await service.findOne('a1');
    await expect(service.risky('a1')).rejects.toThrow('refused');
    expect(await service.findOne('a1')).toMatchObject({ run: 2 });
  });

  it('looks at the arguments as the method left them', async () => {
    const service = await products();
    await service.findOne('a1');
    await service.save({});
    expect(await service.findOne('a1')).toMatchObject({ run: 2 });
  });

  it('rejects on a key that is none', async () => {
    await expect((await products()).wrongKey()).rejects.toMatchObject({
      code: 'CACHE_KEY_INVALID',
    });
  });

  it('rejects after shutdown, while cached reads run uncached', async () => {
    const { module } = await boot({ providers: [Products] });
    const service = module.get(Products);
    await module.close();
    expect(await service.findOne('a1')).toMatchObject({ run: 1 });
    await expect(service.update('a1')).rejects.toMatchObject({ code: 'CACHE_CLOSED' });
  });

  it('runs the method of a plain instance, and warns once', async () => {
    class Plain {
      @CacheEvict({ tags: ['catalog'] })
      async write(): Promise<number> {
        return 1;
      }
    }
    const warn = vi.spyOn(Logger.prototype, 'warn').mockReturnValue();
    expect([await new Plain().write(), await new Plain().write()]).toEqual([1, 1]);
    expect(warn).toHaveBeenCalledOnce();
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('Plain#write runs without a cache'));
  });
});

@Injectable()
class Options {
  runs = 0;

  @Cached({ key: (id) => `when:${id}`, when: (id) => id !== 'live' })
  async when(_id: string): Promise<number> {
    return ++this.runs;
  }

  @Cached({ unless: (found) => found === null })
  async unless(): Promise<number | null> {
    return ++this.runs < 3 ? null : this.runs;
  }

  @Cached({ key: 'life', ttl: (found) => (found > 0 ? '2m' : 0), grace: 0, tags: ['t'] })
  async life(): Promise<number> {
    return ++this.runs;
  }

  @Cached({ version: 2, name: 'named' })
  async versioned(_id: string): Promise<undefined | number> {
    return ++this.runs;
  }

  @Cached()
  async nothing(): Promise<undefined> {
    this.runs++;
    return undefined;
  }

  @Cached()
  async takesAnything(_argument: unknown): Promise<number> {
    return ++this.runs;
  }

  @Cached({ key: () => 5 as unknown as string })
  async noText(): Promise<number> {
    return ++this.runs;
  }
}

describe('options of @Cached', () => {
  it('runs the method without the cache where `when` says so', async () => {
    const service = (await boot({ providers: [Options] })).module.get(Options);
    expect([await service.when('live'), await service.when('live')]).toEqual([1, 2]);
    expect([await service.when('x'), await service.when('x')]).toEqual([3, 3]);
  });

  it('returns without storing where `unless` says so', async () => {
    const service = (await boot({ providers: [Options] })).module.get(Options);
    const results = [
      await service.unless(),
      await service.unless(),
      await service.unless(),
      await service.unless(),
    ];
    expect(results).toEqual([null, null, 3, 3]);
  });

  it('takes the lifetime from the result', async () => {
    const { module, cache } = await boot({ providers: [Options] });
    await module.get(Options).life();
    const left = await cache.ttl('life');
    // The default jitter cuts off up to a tenth.
    expect(left).toBeGreaterThan(100_000);
    expect(left).toBeLessThanOrEqual(120_000);
  });

  it('puts name and version into the default key', async () => {
    const { module, cache } = await boot({ providers: [Options] });
    await module.get(Options).versioned('a');
    expect(await cache.get('named@2(s1:a)')).toBe(1);
  });

  it('does not cache undefined', async () => {
    const service = (await boot({ providers: [Options] })).module.get(Options);
    await service.nothing();
    await service.nothing();
    expect(service.runs).toBe(2);
  });

  it('rejects on an argument or a key function that gives no key, naming the argument', async () => {
    const service = (await boot({ providers: [Options] })).module.get(Options);
    const call = service.takesAnything(() => 1);
    await expect(call).rejects.toThrow(/CACHE_KEY_INVALID: argument 1 holds a function/);
    await expect(service.noText()).rejects.toMatchObject({ code: 'CACHE_KEY_INVALID' });
    expect(service.runs).toBe(0);
  });

  it.each([
    [{ type: 'Options' }, 'type'],
    [{ keys: 'a', scope: 'everybody' }, 'scope'],
    [{ batch: 1 }, 'batch'],
    [{ jitter: 2 }, 'jitter'],
    [{ ttl: { l9: 1 } }, 'ttl'],
    [{ ttl: 'soon' }, 'ttl'],
    [{ ttl: Infinity }, 'ttl'],
    [{ tags: [''] }, 'tags'],
    [{ key: '{0}{1}' }, 'key'],
    [{ tll: 5 }, 'tll'],
  ])('refuses %j at decoration', (options, name) => {
    expect(faultOf(Cached, options)).toMatch(new RegExp(`@Cached on Object#m.*\n  ${name}: `));
  });

  it.each([
    [{}, 'keys'],
    [{ keys: [] }, 'keys'],
    [{ tags: ['t'], when: 'later' }, 'when'],
    [{ tags: ['t'], afterCommit: true, when: 'before' }, 'afterCommit'],
    [{ tags: ['t'], afterCommit: 1 }, 'afterCommit'],
  ])('refuses %j on @CacheEvict', (options, name) => {
    expect(faultOf(CacheEvict, options)).toContain(`\n  ${name}: `);
  });

  it('refuses two classes with the same default name at boot, and asks for `name`', async () => {
    await expect(boot({ providers: [twin(), twin()] })).rejects.toThrow(
      /CACHE_CONFIG_INVALID: two methods have the default key Twin#find.*`name`/,
    );
  });

  it('refuses them also where another application of this process has had one of them to itself', async () => {
    const one = twin();
    await boot({ providers: [one] });
    await expect(boot({ providers: [one, twin()] })).rejects.toThrow(/two methods/);
  });
});

/** A class, each time another one, always of the same name. */
function twin() {
  @Injectable()
  class Twin {
    @Cached()
    async find(): Promise<number> {
      return 1;
    }
  }
  return Twin;
}

function faultOf(decorator: unknown, options: object): string {
  try {
    const apply = (decorator as (o: object) => (...where: unknown[]) => void)(options);
    apply({}, 'm', { value: async () => 1 });
  } catch (error) {
    if (isCacheError(error, 'CACHE_CONFIG_INVALID')) return error.message;
    throw error;
  }
  return 'none';
}
