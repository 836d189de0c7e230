/** How long a value is fresh, by who said what: never longer than asked, in no tier, by no promotion. */
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it } from 'vitest';
import {
  Cached,
  CacheManager,
  CachePut,
  MultiLevelCacheModule,
} from '../../libs/multi-level-cache/src/index.js';
import type { CacheRoot } from '../../libs/multi-level-cache/src/manager/create-cache.js';
import type { EntryOptions } from '../../libs/multi-level-cache/src/core/entry-options.js';
import { closeCaches, testCache, type TestCache } from '../support/cache.js';
import { databaseUrl, freshNamespace, redisUrl } from '../support/servers.js';

afterEach(closeCaches);

const DEFAULT = 100_000;
/** What a promise of time may lose on its way; it may never gain. */
const SLACK = 3_000;
/** But for what the clocks of server and process run apart between two looks, ms. */
const DRIFT = 0.1;

interface Row {
  readonly title: string;
  readonly options?: EntryOptions;
  /** Set by the loader, over the call's. */
  readonly loaderTtl?: number;
  readonly caps?: { readonly l1?: number; readonly l2?: number; readonly l3?: number };
  readonly wanted: { readonly l1: number; readonly l2: number; readonly l3: number };
}

const same = (ms: number, l1 = Math.min(ms, 60_000)): Row['wanted'] => ({ l1, l2: ms, l3: ms });

const ROWS: readonly Row[] = [
  { title: 'the default', wanted: same(DEFAULT) },
  { title: 'the call over the default', options: { ttl: 20_000 }, wanted: same(20_000) },
  { title: 'a longer call over the default', options: { ttl: '10m' }, wanted: same(600_000) },
  {
    title: 'the loader over the call',
    options: { ttl: 20_000 },
    loaderTtl: 30_000,
    wanted: same(30_000),
  },
  {
    title: 'caps of tiers',
    caps: { l1: 10_000, l2: 20_000, l3: 30_000 },
    wanted: { l1: 10_000, l2: 20_000, l3: 30_000 },
  },
  {
    title: 'a call below the caps',
    options: { ttl: 5_000 },
    caps: { l1: 10_000, l2: 20_000 },
    wanted: same(5_000, 5_000),
  },
  {
    title: 'tier by tier',
    options: { ttl: { l1: 5_000, l2: 10_000, l3: 50_000 } },
    wanted: { l1: 5_000, l2: 10_000, l3: 50_000 },
  },
  {
    title: 'tier by tier, L1 left out: as long as the longest',
    options: { ttl: { l2: 10_000, l3: 20_000 } },
    wanted: { l1: 20_000, l2: 10_000, l3: 20_000 },
  },
  {
    title: 'tier by tier, L3 shortest',
    options: { ttl: { l1: 30_000, l2: 20_000, l3: 10_000 } },
    wanted: { l1: 30_000, l2: 20_000, l3: 10_000 },
  },
  {
    title: 'tier by tier under caps',
    options: { ttl: { l1: 50_000, l2: 5_000, l3: 70_000 } },
    caps: { l1: 10_000, l3: 20_000 },
    wanted: { l1: 10_000, l2: 5_000, l3: 20_000 },
  },
];

function open({ caps }: Row, namespace: string): Promise<TestCache> {
  return testCache({
    namespace,
    redis: redisUrl(),
    database: databaseUrl(),
    ttl: DEFAULT,
    ...(caps?.l1 === undefined ? {} : { l1Ttl: caps.l1 }),
    l2: { ttl: caps?.l2 },
    l3: { ttl: caps?.l3 },
  });
}

async function left(
  { cache }: Pick<TestCache, 'cache'>,
  key = 'k',
): Promise<Partial<Row['wanted']>> {
  const { tiers } = await cache.explain(key);
  return Object.fromEntries(
    Object.entries(tiers).flatMap(([name, { state, ttlMs }]) =>
      state === 'fresh' ? [[name, ttlMs]] : [],
    ),
  );
}

function expectWithin(found: Partial<Row['wanted']>, wanted: Partial<Row['wanted']>): void {
  const within = Object.entries(found).map(([name, ms]) => {
    const most = wanted[name as keyof Row['wanted']]!;
    return [name, ms <= most + DRIFT && ms > most - SLACK ? 'as asked' : `${ms} for ${most}`];
  });
  expect(within.filter(([, verdict]) => verdict !== 'as asked')).toEqual([]);
}

function load({ cache }: TestCache, { options, loaderTtl }: Row): Promise<unknown> {
  return cache.getOrSet(
    'k',
    (_key, context) => {
      if (loaderTtl !== undefined) context.setOptions({ ttl: loaderTtl });
      return 1;
    },
    options,
  );
}

describe.each(ROWS)('$title', (row) => {
  it('holds in every tier after a load, and no promotion lengthens it', async () => {
    const namespace = freshNamespace();
    const made = await open(row, namespace);
    await load(made, row);
    await made.cache.drain();
    const first = await left(made);
    expect(Object.keys(first)).toEqual(['l1', 'l2', 'l3']);
    expectWithin(first, row.wanted);
    // From L2, then from L3: what a tier gets from below is bounded by what that had left.
    const second = await open(row, namespace);
    await second.cache.get('k');
    expectWithin(await left(second), { ...row.wanted, l1: Math.min(row.wanted.l1, row.wanted.l2) });
    const third = await open(row, namespace);
    await third.cache.get('k', { tiers: ['l1', 'l3'] });
    expectWithin(await left(third), { ...row.wanted, l1: Math.min(row.wanted.l1, row.wanted.l3) });
  });

  it('holds after a set, its promotion, a touch and an expire', async () => {
    const namespace = freshNamespace();
    const made = await open(row, namespace);
    await made.cache.set('k', 1, row.options);
    const reader = await open(row, namespace);
    // `set` leaves L2 to its next reader, who finds it in L3.
    await reader.cache.get('k');
    await reader.cache.drain();
    const { l1, l2, l3 } = row.loaderTtl === undefined ? row.wanted : same(20_000);
    const fromBelow = { l3, l2: Math.min(l2, l3), l1: Math.min(l1, l3) };
    expectWithin(await left(reader), fromBelow);
    expect(await made.cache.touch('k', 4_000)).toBe(true);
    await reader.cache.get('k');
    expectWithin(await left(made), { l1: 4_000, l2: 4_000, l3: 4_000 });
    await made.cache.expire('k');
    expect(await left(made)).toEqual({});
    expect(await made.cache.ttl('k')).toBeUndefined();
  });
});

describe('a decorated method', () => {
  class Products {
    @Cached({ key: 'default' })
    async byDefault(): Promise<number> {
      return 1;
    }

    @Cached({ key: 'fixed', ttl: 20_000 })
    async fixed(): Promise<number> {
      return 1;
    }

    @Cached({ key: 'longer', ttl: '10m' })
    async longer(): Promise<number> {
      return 1;
    }

    @Cached({ key: 'made', ttl: (product: number) => product * 30_000 })
    async made(): Promise<number> {
      return 1;
    }

    @CachePut({ key: 'put', ttl: 20_000 })
    async put(): Promise<number> {
      return 1;
    }
  }
  const METHODS: readonly (readonly [keyof Products, string, Row['wanted']])[] = [
    ['byDefault', 'default', same(DEFAULT)],
    ['fixed', 'fixed', same(20_000)],
    ['longer', 'longer', same(600_000)],
    ['made', 'made', same(30_000)],
    ['put', 'put', same(20_000)],
  ];

  async function app(namespace: string) {
    const module = await Test.createTestingModule({
      imports: [
        MultiLevelCacheModule.forRoot({
          namespace,
          l2: { url: redisUrl(), budget: '1s' },
          l3: { url: databaseUrl(), budget: '1s' },
          defaults: { ttl: DEFAULT, jitter: 0 },
        }),
      ],
      providers: [Products],
    }).compile();
    await module.init();
    const cache = module.get<CacheRoot>(CacheManager);
    return { module, cache, products: module.get(Products) };
  }

  it.each(METHODS)(
    '%s: its ttl holds in every tier and after promotion',
    async (name, key, wanted) => {
      const namespace = freshNamespace();
      const one = await app(namespace);
      await one.products[name]();
      await one.cache.drain();
      // What was put is in L3 only, until somebody reads it.
      const stored = await left(one, key);
      expectWithin(stored, wanted);
      expect(Object.keys(stored)).toContain('l3');
      const other = await app(namespace);
      await other.cache.get(key);
      await other.cache.drain();
      expectWithin(await left(other, key), wanted);
      expect(await other.cache.touch(key, 4_000)).toBe(true);
      expectWithin(await left(one, key), { l1: wanted.l1, l2: 4_000, l3: 4_000 });
      await Promise.all([one.module.close(), other.module.close()]);
    },
  );
});

it('grace begins where the life ends, in every tier', async () => {
  const made = await open(ROWS[0], freshNamespace());
  await made.cache.getOrSet('k', () => 1, { ttl: 20_000, grace: 7_000 });
  await made.cache.drain();
  const { tiers } = await made.cache.explain('k');
  for (const tier of [tiers.l2!, tiers.l3!]) {
    expect(tier.graceMs).toBeLessThanOrEqual(7_001);
    expect(tier.graceMs).toBeGreaterThan(6_000);
  }
});

it('a value that is not to be stored removes what was there', async () => {
  const made = await open(ROWS[0], freshNamespace());
  await made.cache.set('k', 'old');
  await made.cache.set('k', 'new', { ttl: 0 });
  expect(await made.cache.get('k')).toBeUndefined();
  await made.cache.set('k', 'kept in L1', { ttl: { l1: 5_000, l2: 0, l3: 0 } });
  expect((await made.cache.explain('k')).tiers).toMatchObject({ l2: { state: 'absent' } });
});
