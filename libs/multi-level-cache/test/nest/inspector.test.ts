/** The inspector where an application injects it: beside the cache, and beside what a test has put in its place. */
import { Injectable } from '@nestjs/common';
import { expect, it } from 'vitest';
import {
  CacheInspector,
  CacheManager,
  MultiLevelCacheModule,
  type Advice,
} from '../../src/index.js';
import { isRoot } from '../../src/manager/create-cache.js';
import { boot } from './boot.js';

@Injectable()
class Console {
  constructor(readonly inspector: CacheInspector) {}
}

it('is injected by its class, and lists what the cache holds', async () => {
  const { module, cache } = await boot({ providers: [Console] });
  const { inspector } = module.get(Console);
  await cache.set('user:1', { name: 'Ada' });
  await cache.set('order:1', 1);
  const { entries, next } = await inspector.entries({
    tier: 'l1',
    cache: 'default',
    prefix: 'user:',
  });
  expect(entries).toEqual([expect.objectContaining({ key: 'user:1', state: 'fresh' })]);
  expect(next).toBeUndefined();
  expect(await inspector.shape('default', 'user:1')).toMatchObject({
    members: { name: { length: 3 } },
  });
  expect(inspector.settings()).toMatchObject({ namespace: 'test', l2: false });
  expect(inspector.advice().map(({ code }) => code)).toEqual(['l1-unheard']);
  await inspector.probe('l1');
  await inspector.probe('l2');
  await expect(inspector.probe('l4' as never)).rejects.toMatchObject({
    code: 'CACHE_OPTION_INVALID',
  });
});

it("names the caches that were declared or used, without the library's own, and a look is no use", async () => {
  const { module, cache } = await boot({
    imports: [MultiLevelCacheModule.forFeature([{ name: 'declared', defaults: { ttl: '1h' } }])],
  });
  const inspector = module.get(CacheInspector);
  cache.namespace('used');
  cache.namespace('mlc.warming');
  await inspector.entries({ tier: 'l1', cache: 'looked-at' });
  expect(inspector.caches()).toEqual(['declared', 'default', 'used']);
  expect(inspector.settings()).toMatchObject({
    caches: { declared: { defaults: { ttl: 3_600_000 } } },
  });
});

it('shows nothing of a stand-in', async () => {
  const { module } = await boot({}, (builder) =>
    builder.overrideProvider(CacheManager).useValue({}),
  );
  const inspector = module.get(CacheInspector);
  expect(await inspector.entries({ tier: 'l2', cache: 'default' })).toEqual({ entries: [] });
  expect(await inspector.shape('default', 'k')).toBeUndefined();
  expect(inspector.plan()).toEqual({ leads: false, entries: [] });
  expect([inspector.caches(), inspector.settings(), inspector.advice()]).toEqual([[], {}, []]);
  await inspector.probe('l2');
});

it('passes on what the advisor has found', async () => {
  const { cache } = await boot({});
  const found: Advice[] = [{ about: 'l2', code: 'x', says: 'Do.' }];
  expect(isRoot(cache) && cache.inspector(() => found).advice()).toBe(found);
});

it('is closed with the cache', async () => {
  const { module } = await boot({});
  const inspector = module.get(CacheInspector);
  await module.close();
  await expect(inspector.entries({ tier: 'l1', cache: 'default' })).rejects.toMatchObject({
    code: 'CACHE_CLOSED',
  });
});
