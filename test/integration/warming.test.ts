/** Warming over real tiers and in a Nest application: after a restart, by the scheduled job, on demand. */
import { Injectable, Scope } from '@nestjs/common';
import { ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  Cached,
  CacheLoader,
  CacheManager,
  MultiLevelCacheModule,
} from '../../libs/multi-level-cache/src/index.js';
import type { CacheRoot } from '../../libs/multi-level-cache/src/manager/create-cache.js';
import type { Readings } from '../../libs/multi-level-cache/src/warming/throttle.js';
import { defaultKey } from '../../libs/multi-level-cache/src/core/default-key.js';
import { FakeClock } from '../../libs/multi-level-cache/src/testing/index.js';
import { deferred, testCache } from '../support/cache.js';
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

  /** Its value ends before the next round. */
  @Cached({ ttl: '10m' })
  async named(query: { name: string }): Promise<string> {
    Users.loads.push(`named ${query.name}`);
    return query.name;
  }

  @CacheLoader('plain:{id}')
  async plain(id: string): Promise<string> {
    Users.loads.push(`plain ${id}`);
    if (id === 'bad') throw new Error('the origin is down');
    return `plain ${id}`;
  }
}

@Injectable({ scope: Scope.REQUEST })
class Visit {
  @Cached({ key: 'page:{0}' })
  async page(id: string): Promise<string> {
    return `page ${id}`;
  }
}

const KEY_OF_A = defaultKey('Users#named', [{ name: 'a' }]);

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
    providers: [Users, Visit],
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
  const { warming } = cache as CacheRoot;
  warming.readings = { take: () => ({}), close: () => undefined };
  return {
    cache,
    modules: module,
    users: module.get(Users),
    registry: module.get(SchedulerRegistry),
    warming,
    stop,
  };
}

const MINUTE = 60_000;

/** Memory alone, under a clock that stands still; what loads `k:{id}` when nobody asks counts, and fails where it is told to. */
async function standing() {
  const clock = new FakeClock();
  const made = await testCache({
    namespace: freshNamespace(),
    clock,
    ttl: MINUTE,
    grace: 60 * MINUTE,
    more: {
      warming: {
        interval: MINUTE,
        onBoot: false,
        keys: 100,
        budget: 50,
        share: 0.5,
        concurrency: 1,
      },
    },
  });
  ends.push(() => made.close());
  const { cache } = made;
  cache.warming.readings = { take: () => ({}), close: () => undefined };
  const origin = { calls: 0, fails: false };
  const load = (): string => {
    origin.calls++;
    if (origin.fails) throw new Error('the origin is down');
    return 'new';
  };
  cache.warming.calls.declare('k:{id}', 'default', (_args, key) => ({ key, loader: load }));
  const warm = async (): Promise<string[]> =>
    (await cache.warm({ keys: ['k:1'] })).entries.map(({ outcome }) => outcome);
  return { cache, clock, origin, load, warm };
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
    // Before it reports that it is ready.
    const after = await start(namespace);
    const found = Array.from({ length: 20 }, (_zero, n) => after.cache.peek(`user:${n}`));
    expect(found.filter(Boolean)).toHaveLength(20);
    expect(Users.loads).toEqual([]);
    expect(after.cache.stats().caches['default'].requests).toMatchObject({
      l1: 20,
      l2: 0,
      loader: 0,
    });
  });

  it('loads what was hot before a restart and is in no tier any more, as soon as the application runs', async () => {
    const namespace = freshNamespace();
    const before = await start(namespace);
    for (const id of ['1', '2']) await before.users.find(id);
    await before.warming.round();
    await before.cache.clear();
    await before.stop();
    Users.loads = [];
    const after = await start(namespace);
    await expect.poll(() => after.cache.peek('user:2')).toEqual({ id: '2' });
    await expect.poll(() => Users.loads.toSorted()).toEqual(['1', '2']);
  });

  it('loads what no tier has and was missed again and again, with the tags of its method', async () => {
    const { cache, users, warming } = await start(freshNamespace());
    const lose = (): Promise<unknown> => cache.invalidateTags(['u:1']);
    await users.find('1');
    await warming.round();
    expect(Users.loads).toEqual(['1']);
    for (let times = 0; times < 4; times++) {
      await lose();
      await users.find('1');
    }
    await lose();
    Users.loads = [];
    await warming.round();
    expect(Users.loads).toEqual(['1']);
    expect(await cache.get('user:1')).toEqual({ id: '1' });
    await lose();
    expect(await cache.get('user:1')).toBeUndefined();
  });

  it('renews what ends before the next round, with the arguments it was called with', async () => {
    const { cache, users, warming } = await start(freshNamespace());
    for (let times = 0; times < 4; times++) {
      await users.named({ name: 'a' });
      await cache.delete(KEY_OF_A);
    }
    await users.named({ name: 'a' });
    Users.loads = [];
    await warming.round();
    expect(Users.loads).toEqual(['named a']);
    expect((await cache.explain(KEY_OF_A)).warming?.planned).toMatchObject({ reason: 'expiring' });
    expect(cache.stats().warming).toMatchObject({ loaded: 1, failed: 0, leads: true });
  });

  it('spends nothing where nothing was missed', async () => {
    const { users, warming } = await start(freshNamespace());
    for (let times = 0; times < 4; times++) await users.named({ name: 'a' });
    Users.loads = [];
    await warming.round();
    expect(Users.loads).toEqual([]);
  });

  it('keeps tenants apart: each is warmed as itself, of what it was missed', async () => {
    const { cache, users, warming } = await start(freshNamespace());
    const a = <T>(work: () => T): T => cache.runAs({ tenantId: 'a' }, work);
    await cache.runAs({ tenantId: 'b' }, () => users.find('2'));
    for (let times = 0; times < 4; times++) {
      await a(() => users.find('1'));
      await a(() => cache.delete('user:1'));
    }
    Users.loads = [];
    await warming.round();
    expect(Users.loads).toEqual(['1']);
    expect(cache.peek('user:1')).toBeUndefined();
    expect(a(() => cache.peek('user:1'))).toEqual({ id: '1' });
    expect(cache.runAs({ tenantId: 'b' }, () => cache.peek('user:1'))).toBeUndefined();
  });
});

describe('what holds warming back', () => {
  const red: readonly (readonly [string, Readings])[] = [
    ['the pool is saturated', { poolWaiting: 3, poolIdle: 0 }],
    ['the event loop is blocked', { loopDelayMs: 400 }],
    ['Redis is away', { l2Open: true }],
    ['loads fail', { loadErrors: 0.5 }],
  ];

  it.each(red)(
    '%s: within two rounds a tenth is left at most, and within twenty all is back',
    async (_title, readings) => {
      const { cache, warming } = await start(freshNamespace(), false);
      const now = { readings };
      warming.readings = { take: () => now.readings, close: () => undefined };
      for (let rounds = 0; rounds < 2; rounds++) await warming.round();
      expect(cache.stats().warming.budget).toBeLessThanOrEqual(0.1);
      expect(cache.stats().warming.heldBackBy).not.toEqual([]);
      now.readings = {
        loopDelayMs: 1,
        loopUtilisation: 0.1,
        heap: 0.2,
        poolWaiting: 0,
        poolIdle: 1,
      };
      for (let rounds = 0; rounds < 20; rounds++) await warming.round();
      expect(cache.stats().warming).toMatchObject({ budget: 1, heldBackBy: [] });
    },
  );

  it('nothing is loaded while demand misses far more than usual', async () => {
    const { cache, users, warming } = await start(freshNamespace(), false);
    warming.readings = { take: () => ({ missRate: 9 }), close: () => undefined };
    for (let times = 0; times < 20; times++) {
      await users.find('1');
      await cache.delete('user:1');
    }
    Users.loads = [];
    await warming.round();
    expect(Users.loads).toEqual([]);
  });
});

describe('explain', () => {
  it('says what warming expects of a key, and what it sees in its accesses', async () => {
    const { cache, users, warming } = await start(freshNamespace(), false);
    for (let times = 0; times < 5; times++) await users.find('1');
    await warming.round();
    const { warming: forecast } = await cache.explain('user:1');
    expect(forecast).toMatchObject({ canLoad: true });
    expect(forecast!.askedWithinTtl).toBeGreaterThan(0.5);
    expect(forecast!.patterns.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['frequency', 'group']),
    );
    expect(forecast!.planned).toBeUndefined();
    expect((await cache.explain('user:2')).warming).toBeUndefined();
  });

  it('sees that a key is asked for at even intervals, and of another one that it is not', async () => {
    const { cache, clock } = await standing();
    const seldom = [0, 1, 4, 5, 10, 11];
    for (let minute = 0; minute < 12; minute++) {
      await cache.getOrSet('k:even', () => 'v');
      if (seldom.includes(minute)) await cache.getOrSet('k:uneven', () => 'v');
      await cache.warming.round();
      clock.advance(MINUTE);
    }
    const temporal = async (key: string) =>
      (await cache.explain(key)).warming!.patterns.filter(({ kind }) => kind === 'temporal');
    expect(await temporal('k:even')).toEqual([{ kind: 'temporal', periodMs: MINUTE }]);
    expect(await temporal('k:uneven')).toEqual([]);
  });
});

describe('a load that is not made for a caller is not made for warming either', () => {
  let now: Awaited<ReturnType<typeof standing>>;
  beforeEach(async () => {
    now = await standing();
    await now.cache.getOrSet('k:1', () => 'old');
    now.clock.advance(MINUTE);
  });

  it('while a loader that has failed rests: the old value stands in, which is no load', async () => {
    const { cache, clock, load, origin, warm } = now;
    origin.fails = true;
    expect(await warm()).toEqual(['failed']);
    expect(await cache.getOrSet('k:1', load)).toBe('old');
    expect(origin.calls).toBe(2);
    origin.fails = false;
    // It rests now.
    expect(await cache.getOrSet('k:1', load)).toBe('old');
    expect(await warm()).toEqual(['failed']);
    expect(origin.calls).toBe(2);
    expect(cache.stats().warming).toMatchObject({ loaded: 0, failed: 2 });
    clock.advance(2_000);
    expect(await warm()).toEqual(['loaded']);
    expect(cache.peek('k:1')).toBe('new');
  });

  it('a renewal that fails is none, although the value that was to be renewed is still good', async () => {
    const { cache, clock, origin } = now;
    for (let times = 0; times < 4; times++) {
      await cache.delete('k:1');
      await cache.getOrSet('k:1', () => 'still good');
    }
    clock.advance(1);
    origin.fails = true;
    await cache.warming.round();
    expect(origin.calls).toBe(1);
    expect(cache.stats().warming).toMatchObject({ loaded: 0, failed: 1 });
    expect(cache.peek('k:1')).toBe('still good');
  });

  it('while loads are shed, for too many of them are slow', async () => {
    const { cache, clock, load, origin, warm } = now;
    await cache.delete('k:1');
    const slow = Array.from({ length: 10_000 }, (_zero, at) => {
      const ended = deferred<string>();
      const answer = cache.getOrSet(`slow:${at}`, () => ended.promise);
      return { answer, end: () => ended.resolve('v') };
    });
    // Until all of them run.
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(1_000);
    await expect(cache.getOrSet('k:1', load)).rejects.toMatchObject({ code: 'CACHE_LOAD_SHED' });
    expect(await warm()).toEqual(['failed']);
    expect(origin.calls).toBe(0);
    for (const { end } of slow) end();
    await Promise.all(slow.map(({ answer }) => answer));
    expect(await warm()).toEqual(['loaded']);
  });
});

describe('cache.warm', () => {
  it('makes calls of a method again that were made before, of this tenant alone', async () => {
    const { cache, users } = await start(freshNamespace(), false);
    const a = <T>(work: () => T): T => cache.runAs({ tenantId: 'a' }, work);
    for (const name of ['x', 'y']) await users.named({ name });
    await a(() => users.named({ name: 'of a' }));
    await cache.clear();
    await a(() => cache.clear());
    Users.loads = [];
    const report = await cache.warm({ methods: ['Users#named'], priority: 'high' });
    expect(report).toMatchObject({ planned: 2, loaded: 2, failed: 0 });
    expect(Users.loads.toSorted()).toEqual(['named x', 'named y']);
    Users.loads = [];
    await users.named({ name: 'x' });
    expect(Users.loads).toEqual([]);
  });

  it('makes no call again of an instance that lives as long as a request', async () => {
    const { cache, modules } = await start(freshNamespace(), false);
    const visit = await modules.resolve(Visit);
    expect(await visit.page('a')).toBe('page a');
    await expect(cache.warm({ methods: ['Visit#page'] })).rejects.toMatchObject({
      code: 'CACHE_OPTION_INVALID',
    });
  });

  it('forgets arguments that are large, and knows no method that is none', async () => {
    const { cache, users } = await start(freshNamespace(), false);
    await users.named({ name: 'n'.repeat(2_000) });
    expect((await cache.warm({ methods: ['Users#named'] })).planned).toBe(0);
    await expect(cache.warm({ methods: ['Users#nothing'] })).rejects.toMatchObject({
      code: 'CACHE_OPTION_INVALID',
    });
    await expect(cache.warm({ keys: [], priority: 'urgent' as never })).rejects.toMatchObject({
      code: 'CACHE_OPTION_INVALID',
    });
  });

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
