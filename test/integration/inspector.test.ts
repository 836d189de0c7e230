/** Entries of real tiers as an operator lists them: of the own tenant and cache alone, each once, whatever names look like. */
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type {
  CacheInspector,
  EntrySummary,
  TierName,
} from '../../libs/multi-level-cache/src/index.js';
import { closeCaches, testCache, type TestCache } from '../support/cache.js';
import { keysOf, listAll } from '../support/listed.js';
import { databaseUrl, freshNamespace } from '../support/servers.js';
import { startTopology, type Topology } from '../support/topologies.js';
import { walledDatabase, type WalledDatabase } from '../support/walled-database.js';

/** Names that mean something to a pattern, a range, a setting, or a key that was spelled carelessly. */
const TENANTS = [
  'a',
  'a:b',
  '*',
  '[a]',
  '?',
  '%',
  '_',
  'a/b',
  'ä',
  '日本',
  '😀',
  "o'hara",
  'a\\',
  'p',
  '{~}',
];
const KEYS = [
  'k',
  'k:1',
  '*',
  'k*',
  '[k]',
  'k?',
  'k%',
  'k_',
  'k\\1',
  'kä',
  'k日',
  'k😀',
  '~k',
  '%3a',
  ':',
  '{~}',
  'K',
];
const TIERS: readonly TierName[] = ['l1', 'l2', 'l3'];

interface Made extends TestCache {
  readonly inspector: CacheInspector;
}

let cluster: Topology;
let walls: WalledDatabase;
beforeAll(async () => {
  [cluster, walls] = await Promise.all([startTopology('cluster'), walledDatabase()]);
});
afterEach(closeCaches);
afterAll(() => Promise.all([cluster.stop(), walls.end()]));

const shapes = {
  'one server each': async () => ({
    l2: (await startTopology('standalone')).l2,
    database: databaseUrl(),
    l3: {},
  }),
  'a cluster, and row-level security': async (namespace: string) => {
    await walls.admit(namespace);
    const l3 = { rowSecurity: true, migrate: false };
    return { l2: cluster.l2, database: walls.url, l3 };
  },
};

describe.each(Object.entries(shapes))('of %s', (_name, shape) => {
  async function make(): Promise<Made> {
    const namespace = freshNamespace();
    const { l3, ...stores } = await shape(namespace);
    const made = await testCache({ namespace, ...stores, l3: { ...l3, listable: true } });
    return Object.assign(made, { inspector: made.cache.inspector() });
  }

  const as = <T>({ cache }: Made, tenantId: string, work: () => Promise<T>): Promise<T> =>
    cache.runAs({ tenantId }, work);

  /** Loaded, and kept by every tier. */
  async function store({ cache }: Made, keys: readonly string[]): Promise<void> {
    await cache.getOrSetMany(keys, (missing) => new Map(missing.map((key) => [key, 1])));
    await cache.drain();
  }

  it('shows each tenant its own keys in every tier, and nothing of others', async () => {
    const made = await make();
    for (const tenant of TENANTS)
      await as(made, tenant, () =>
        store(
          made,
          KEYS.map((key) => `${key}${tenant}`),
        ),
      );
    await store(made, ['everybody']);
    for (const tier of TIERS) {
      for (const tenant of TENANTS) {
        const keys = await as(made, tenant, () =>
          keysOf(made.inspector, { tier, cache: 'default', limit: 5 }),
        );
        expect([tier, tenant, keys]).toEqual([
          tier,
          tenant,
          KEYS.map((key) => `${key}${tenant}`).sort(),
        ]);
      }
      expect(await keysOf(made.inspector, { tier, cache: 'default' })).toEqual(['everybody']);
    }
  });

  it('shows one cache, and no entry of a user', async () => {
    const made = await make();
    const { cache, inspector } = made;
    await cache.runAs({ tenantId: 'a', subjectId: 'ann' }, async () => {
      await cache.getOrSet('shared', () => 1);
      await cache.scoped('user').getOrSet('own', () => 1);
      await cache.namespace('default.2').getOrSet('second', () => 1);
      await cache.namespace('de').getOrSet('third', () => 1);
      await cache.drain();
      for (const tier of TIERS) {
        expect(await keysOf(inspector, { tier, cache: 'default' })).toEqual(['shared']);
        expect(await keysOf(inspector, { tier, cache: 'default.2' })).toEqual(['second']);
        expect(await keysOf(inspector, { tier, cache: 'nowhere' })).toEqual([]);
      }
    });
  });

  it('takes a prefix by its signs, whatever they mean to a pattern', async () => {
    const made = await make();
    await store(made, KEYS);
    for (const tier of TIERS)
      for (const prefix of [...KEYS, 'k😀k', 'z']) {
        const keys = await keysOf(made.inspector, { tier, cache: 'default', prefix, limit: 3 });
        const expected = KEYS.filter((key) => key.startsWith(prefix)).sort();
        expect([tier, prefix, keys]).toEqual([tier, prefix, expected]);
      }
  });

  it('finds every key exactly once, in pages of any length', async () => {
    const key = fc.stringMatching(/^[a-c:*%~\\ä😀]{1,6}$/u);
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(key, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 70 }),
        async (keys, limit) => {
          const made = await make();
          await store(made, keys);
          for (const tier of TIERS)
            expect(await keysOf(made.inspector, { tier, cache: 'default', limit })).toEqual(
              [...keys].sort(),
            );
          await made.close();
        },
      ),
      { numRuns: 15 },
    );
  }, 60_000);

  it('says how long and how large, and shows nothing that is gone', async () => {
    const made = await make();
    const { cache, inspector } = made;
    await cache.getOrSet('kept', () => 'x'.repeat(100), { ttl: '1m', tags: ['keep'] });
    await cache.getOrSet('deleted', () => 1);
    await cache.getOrSet('expired', () => 1, { ttl: '1m', grace: '1m' });
    await cache.getOrSet('tagged', () => 1, { tags: ['red'] });
    await cache.getOrSet('softly', () => 1, { tags: ['blue'], grace: '1m' });
    await cache.getOrSet('soft but gone', () => 1, { tags: ['blue'], grace: 0 });
    await cache.getOrSet('group:1', () => 1);
    // Long enough to be stored also where the machine is busy.
    await cache.getOrSet('short', () => 1, { ttl: 900, grace: 0 });
    await cache.getOrSet('shortly', () => 1, { ttl: 900, grace: '1m' });
    await cache.drain();
    await cache.delete('deleted');
    await cache.expire('expired');
    await cache.invalidateTags(['red']);
    await cache.invalidateTags(['blue'], { soft: true });
    await cache.invalidatePattern('group:*');
    for (const tier of ['l2', 'l3'] as const) {
      const listed = (): Promise<EntrySummary[]> => listAll(inspector, { tier, cache: 'default' });
      await expect
        .poll(
          async () => Object.fromEntries((await listed()).map(({ key, state }) => [key, state])),
          {
            timeout: 10_000,
          },
        )
        .toEqual({ kept: 'fresh', expired: 'stale', softly: 'stale', shortly: 'stale' });
      const found = await listed();
      const kept = found.find(({ key }) => key === 'kept')!;
      expect(kept.ttlMs).toBeGreaterThan(50_000);
      expect(kept.ttlMs).toBeLessThanOrEqual(60_100);
      expect(kept.bytes).toBeGreaterThan(100);
      expect(found.every(({ state, ttlMs }) => state === 'fresh' || ttlMs === 0)).toBe(true);
    }
    expect(await keysOf(inspector, { tier: 'l1', cache: 'default' })).toEqual(['kept']);
    await cache.clear();
    for (const tier of TIERS)
      expect(await listAll(inspector, { tier, cache: 'default' })).toEqual([]);
  });

  it('names the hash of a long key, which no prefix finds', async () => {
    const made = await make();
    const long = 'x'.repeat(300);
    await store(made, [long, `~${'a'.repeat(43)}`]);
    for (const tier of ['l2', 'l3'] as const) {
      const found = await listAll(made.inspector, { tier, cache: 'default' });
      expect(found.filter(({ hidden }) => !hidden).map(({ key }) => key)).toEqual([
        `~${'a'.repeat(43)}`,
      ]);
      expect(found.filter(({ hidden }) => hidden)).toEqual([
        expect.objectContaining({ key: expect.stringMatching(/^~[\w-]{43}$/), state: 'fresh' }),
      ]);
      expect(await keysOf(made.inspector, { tier, cache: 'default', prefix: 'x' })).toEqual([]);
    }
    expect(await keysOf(made.inspector, { tier: 'l1', cache: 'default', prefix: 'xx' })).toEqual([
      long,
    ]);
  });

  it('is noticed by no counter, and moves nothing', async () => {
    const made = await make();
    const { cache, inspector } = made;
    for (const key of ['a', 'b', 'c']) await cache.getOrSet(key, () => ({ name: key }));
    await cache.drain();
    await cache.get('a');
    const told = async (): Promise<unknown> => {
      const { caches, tiers } = cache.stats();
      const counts = TIERS.map((tier) => ({ ...tiers[tier], bytes: 0 }));
      return { caches, counts, hits: (await cache.explain('a')).tiers.l1?.hits };
    };
    const before = await told();
    for (const tier of TIERS) {
      await listAll(inspector, { tier, cache: 'default', limit: 1 });
      await inspector.shape('default', 'a');
    }
    expect(await told()).toEqual(before);
  });
});
