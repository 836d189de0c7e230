/** What the options `profile` and `placement` do in a Nest application. */
import { Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from 'vitest';
import {
  CACHE_PLACEMENT,
  Cached,
  CacheEvict,
  CacheManager,
  CachePut,
  MultiLevelCacheModule,
  type CacheModuleOptions,
  type Placement,
} from '../../src/index.js';
import { closeLater, NO_LOGGER } from './boot.js';

class Plain {
  @Cached()
  async read(): Promise<number> {
    return 1;
  }

  @CacheEvict({ tags: ['t'] })
  async write(): Promise<number> {
    return 1;
  }

  @CachePut({ key: () => 'k' })
  async put(): Promise<number> {
    return 1;
  }
}
const VERBS = ['read', 'write', 'put'] as const;

@Injectable()
class Bound extends Plain {}

async function start(options: Partial<CacheModuleOptions>) {
  const module = MultiLevelCacheModule.forRoot({ namespace: 'test', ...options });
  const builder = Test.createTestingModule({ imports: [module], providers: [Bound] });
  const app = closeLater(await builder.setLogger(NO_LOGGER).compile());
  await app.init();
  return app;
}

describe('the profile strict', () => {
  it('refuses a decorated method without a cache, and only while its application runs', async () => {
    const app = await start({ profile: 'strict', consistency: 'eventual' });
    for (const verb of VERBS) {
      expect(await app.get(Bound)[verb]()).toBe(1);
      await expect(new Plain()[verb]()).rejects.toMatchObject({ code: 'CACHE_CONFIG_INVALID' });
    }
    await app.close();
    for (const verb of VERBS) expect(await new Plain()[verb]()).toBe(1);
  });

  it.each([['resilient'], ['economy']] as const)('%s does not', async (profile) => {
    await start({ profile });
    for (const verb of VERBS) expect(await new Plain()[verb]()).toBe(1);
  });
});

describe('placement', () => {
  const asked: string[] = [];
  const placement: Placement = {
    skipsRead: () => undefined,
    skipsFill: () => undefined,
    skipsPromotion: () => undefined,
    loaded: (cache) => void asked.push(cache),
  };

  it('takes one of your own as an option, and shows it in stats', async () => {
    const app = await start({ placement });
    const cache = app.get(CacheManager);
    await cache.getOrSet('k', () => 1);
    expect(asked).toEqual(['default']);
    expect(app.get(CACHE_PLACEMENT)).toBe(placement);
    expect(cache.stats().placement).toEqual({ reads: {}, fills: {}, promotions: {} });
  });

  it('false: there is none', async () => {
    const app = await start({ placement: false });
    expect(app.get(CACHE_PLACEMENT)).toBeNull();
    expect(await app.get(CacheManager).getOrSet('k', () => 1)).toBe(1);
  });

  it('can be overridden in a test', async () => {
    asked.length = 0;
    const module = MultiLevelCacheModule.forRoot({ namespace: 'test' });
    const builder = Test.createTestingModule({ imports: [module] });
    const overridden = builder.overrideProvider(CACHE_PLACEMENT).useValue(placement);
    const app = closeLater(await overridden.setLogger(NO_LOGGER).compile());
    await app.init();
    await app.get(CacheManager).getOrSet('k', () => 1);
    expect(asked).toEqual(['default']);
  });
});
