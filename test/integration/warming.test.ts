/** Warming over real tiers and in a Nest application: after a restart, by the scheduled job, on demand. */
import { Injectable } from '@nestjs/common';
import { ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it } from 'vitest';
import {
  Cached,
  CacheLoader,
  CacheManager,
  MultiLevelCacheModule,
} from '../../libs/multi-level-cache/src/index.js';
import { databaseUrl, freshNamespace, redisUrl } from '../support/servers.js';

@Injectable()
class Users {
  static loads: string[] = [];

  @CacheLoader('user:{id}')
  @Cached({ key: 'user:{0}', tags: (_user, id) => [`u:${id}`] })
  async find(id: string): Promise<{ id: string }> {
    Users.loads.push(id);
    return { id };
  }

  @CacheLoader('plain:{id}')
  async plain(id: string): Promise<string> {
    Users.loads.push(`plain ${id}`);
    if (id === 'bad') throw new Error('the origin is down');
    return `plain ${id}`;
  }
}

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
  Users.loads = [];
});

async function start(namespace: string, lower = true) {
  const module = await Test.createTestingModule({
    imports: [
      MultiLevelCacheModule.forRoot({
        namespace,
        ...(lower ? { l2: { url: redisUrl() }, l3: { url: databaseUrl() } } : {}),
        defaults: { jitter: 0 },
        warming: { interval: '1h', keys: 100, budget: 50 },
      }),
      ScheduleModule.forRoot(),
    ],
    providers: [Users],
  })
    .setLogger({ log: () => undefined, warn: () => undefined, error: () => undefined })
    .compile();
  module.enableShutdownHooks([]);
  await module.init();
  let closed = false;
  const stop = async (): Promise<void> => {
    if (!closed) await module.close();
    closed = true;
  };
  ends.push(stop);
  const cache = module.get(CacheManager);
  const { warming } = cache as unknown as { warming: { round(): Promise<unknown> } };
  return {
    cache,
    users: module.get(Users),
    registry: module.get(SchedulerRegistry),
    warming,
    stop,
  };
}

describe('the job cache-warming', () => {
  it('is listed by the SchedulerRegistry, and gone after close', async () => {
    const { registry, stop } = await start(freshNamespace());
    expect(registry.getIntervals()).toContain('cache-warming');
    await stop();
    expect(registry.getIntervals()).toEqual([]);
  });

  it('brings what was hot before a restart into memory, from the lower tiers without the loader', async () => {
    const namespace = freshNamespace();
    const before = await start(namespace);
    for (let n = 0; n < 20; n++)
      for (let hits = 0; hits <= n; hits++) await before.users.find(`${n}`);
    await before.warming.round();
    await before.stop();
    Users.loads = [];
    const after = await start(namespace);
    await expect
      .poll(
        () =>
          Array.from({ length: 20 }, (_zero, n) => after.cache.peek(`user:${n}`)).filter(Boolean)
            .length,
      )
      .toBe(20);
    expect(Users.loads).toEqual([]);
    expect(after.cache.stats().caches['default'].requests).toMatchObject({
      l1: 20,
      l2: 0,
      loader: 0,
    });
  });

  it('loads what no tier has, with the tags of its method', async () => {
    const { cache, users, warming } = await start(freshNamespace());
    await users.find('1');
    await cache.invalidateTags(['u:1']);
    Users.loads = [];
    await warming.round();
    expect(Users.loads).toEqual(['1']);
    expect(await cache.get('user:1')).toEqual({ id: '1' });
    await cache.invalidateTags(['u:1']);
    expect(await cache.get('user:1')).toBeUndefined();
  });

  it('keeps tenants apart: each is warmed as itself', async () => {
    const { cache, users, warming } = await start(freshNamespace());
    await cache.runAs({ tenantId: 'a' }, () => users.find('1'));
    await cache.runAs({ tenantId: 'a' }, () => cache.delete('user:1'));
    await warming.round();
    expect(cache.peek('user:1')).toBeUndefined();
    expect(cache.runAs({ tenantId: 'a' }, () => cache.peek('user:1'))).toEqual({ id: '1' });
    expect(cache.runAs({ tenantId: 'b' }, () => cache.peek('user:1'))).toBeUndefined();
  });
});

describe('cache.warm', () => {
  it('warms keys and patterns, and says what became of each', async () => {
    const { cache, users } = await start(freshNamespace(), false);
    await users.find('seen');
    await cache.delete('user:seen');
    await cache.set('session:1', 1);
    await cache.get('session:1');
    Users.loads = [];
    const report = await cache.warm({
      patterns: ['user:*', 'session:*'],
      keys: ['plain:1', 'plain:bad', 'nobody:1'],
    });
    const outcomes = Object.fromEntries(report.entries.map(({ key, outcome }) => [key, outcome]));
    expect(outcomes).toEqual({
      'plain:1': 'loaded',
      'plain:bad': 'failed',
      'nobody:1': 'failed',
      'user:seen': 'loaded',
      'session:1': 'alreadyFresh',
    });
    expect(report).toMatchObject({
      planned: 5,
      loaded: 2,
      alreadyFresh: 1,
      failed: 2,
      overBudget: 0,
    });
    expect(await cache.getMany(['plain:1', 'user:seen'])).toEqual(
      new Map<string, unknown>([
        ['plain:1', 'plain 1'],
        ['user:seen', { id: 'seen' }],
      ]),
    );
    expect(await cache.warm({ keys: ['plain:2', 'plain:3'], budget: 1 })).toMatchObject({
      loaded: 1,
      overBudget: 1,
    });
  });

  it.each([
    [{ pattern: ['user:*'] }, 'CACHE_OPTION_INVALID'],
    [{ patterns: 'user:*' }, 'CACHE_OPTION_INVALID'],
    [{ budget: -1 }, 'CACHE_OPTION_INVALID'],
    [undefined, 'CACHE_OPTION_INVALID'],
    [{ patterns: ['us*'] }, 'CACHE_PATTERN_UNDECLARED'],
    [{ keys: [''] }, 'CACHE_KEY_INVALID'],
  ])('refuses %j with %s', async (options, code) => {
    const { cache } = await start(freshNamespace(), false);
    await expect(cache.warm(options as never)).rejects.toMatchObject({ code });
  });
});
