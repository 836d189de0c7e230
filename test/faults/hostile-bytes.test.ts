/** Hostile bytes in real stores under living keys: each is a counted miss, the loader answers, and the entry is replaced. */
import { Redis } from 'ioredis';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { Address, Scope } from '../../libs/multi-level-cache/src/core/key.js';
import { testCache, type TestCache } from '../support/cache.js';
import { atEnd, endAfterEach } from '../support/ends.js';
import { mutated, REFUSED } from '../support/hostile-bytes.mjs';
import { seeded } from '../support/random.mjs';
import { databaseUrl, freshNamespace, redisUrl } from '../support/servers.js';

const ROUNDS = Number(process.env['FUZZ_ROUNDS'] ?? 4);
const KINDS = Object.entries(REFUSED);
endAfterEach();

interface Store {
  readonly made: TestCache;
  /** Makes other bytes of those that are stored under a key. */
  readonly spoil: (key: string, change: (bytes: Buffer) => Buffer) => Promise<void>;
}

const STORES = {
  l2: async (): Promise<Store> => {
    const namespace = freshNamespace();
    const redis = new Redis(redisUrl());
    atEnd(() => redis.quit());
    const made = await testCache({ namespace, redis: redisUrl(), l1: false, budget: 5_000 });
    const scope = new Scope(namespace, 'p', 'default');
    return {
      made,
      spoil: async (key, change) => {
        const { entryKey } = new Address(scope, key);
        await redis.set(entryKey, change((await redis.getBuffer(entryKey))!), 'PX', 60_000);
      },
    };
  },
  l3: async (): Promise<Store> => {
    const namespace = freshNamespace();
    const client = new pg.Client({ connectionString: databaseUrl() });
    await client.connect();
    atEnd(() => client.end());
    const made = await testCache({ namespace, database: databaseUrl(), l1: false, budget: 5_000 });
    const scope = new Scope(namespace, 'p', 'default');
    const row = 'where tenant = $1 and key_hash = $2';
    return {
      made,
      spoil: async (key, change) => {
        const { rowHash } = new Address(scope, key);
        const place = [`${namespace}/p`, `\\x${rowHash}`];
        const { rows } = await client.query<{ value: Buffer }>(
          `select value from mlcache.entry ${row}`,
          place,
        );
        await client.query(`update mlcache.entry set value = $3 ${row}`, [
          ...place,
          change(rows[0].value),
        ]);
      },
    };
  },
} as const;

describe.each(['l2', 'l3'] as const)('%s', (tier) => {
  it(`${KINDS.length * ROUNDS} entries that no reader may take`, async () => {
    const { made, spoil } = await STORES[tier]();
    const { cache } = made;
    const random = seeded(7);
    const corrupt = (): number => cache.stats().tiers[tier].corrupt;
    for (let round = 0; round < ROUNDS; round++)
      for (const [kind, hostile] of KINDS) {
        const key = `${kind}:${round}`;
        await cache.getOrSet(key, () => ({ text: 'honest', list: [1, 2, 3] }));
        await cache.drain();
        await spoil(key, (bytes) => hostile(bytes, random));
        const before = corrupt();
        expect([kind, await cache.get(key), corrupt() - before]).toEqual([kind, undefined, 1]);
        const value = await cache.getOrSet(key, () => ({ text: 'new' }));
        await cache.drain();
        expect([kind, value, await cache.get(key)]).toEqual([kind, value, { text: 'new' }]);
      }
    expect(cache.stats().tiers[tier].state).toBe('up');
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
  }, 120_000);

  it('200 entries with some bytes changed: no exception, and the cache serves on', async () => {
    const { made, spoil } = await STORES[tier]();
    const { cache } = made;
    const random = seeded(11);
    for (let at = 0; at < 200; at++) {
      const key = `k${at}`;
      await cache.getOrSet(key, () => ({ text: 'honest', list: [1, 2, 3] }), { tags: ['t'] });
      await cache.drain();
      await spoil(key, (bytes) => mutated(bytes, random));
      await cache.get(key);
      await cache.delete(key);
      expect(await cache.getOrSet(key, () => 'new')).toBe('new');
    }
    expect(cache.stats().tiers[tier].state).toBe('up');
  }, 120_000);
});

it('l3: a row of 32 MiB does not leave the server', async () => {
  const { made, spoil } = await STORES.l3();
  const { cache } = made;
  await cache.getOrSet('k', () => 'honest');
  await cache.drain();
  await spoil('k', () => Buffer.alloc(32 * 1024 ** 2));
  const address = new Address(new Scope(made.namespace, 'p', 'default'), 'k');
  expect(await made.l3!.read(address)).toMatchObject({ state: 'invalid', bytes: 0 });
  expect(cache.stats().tiers.l3.corrupt).toBe(1);
});

it.each([
  ['none where there must be a text', 'array[null]::text[]'],
  ['more than an entry may have', "array(select 'tag ' || n from generate_series(1, 5000) n)"],
])('l3: tags of a row, %s', async (_what, tags) => {
  const { made } = await STORES.l3();
  const { cache, namespace } = made;
  await cache.getOrSet('k', () => 'honest');
  await cache.getOrSet('beside', () => 'honest too');
  await cache.drain();
  const client = new pg.Client({ connectionString: databaseUrl() });
  await client.connect();
  atEnd(() => client.end());
  const { rowHash } = new Address(new Scope(namespace, 'p', 'default'), 'k');
  await client.query(`update mlcache.entry set tags = ${tags} where key_hash = $1`, [
    `\\x${rowHash}`,
  ]);
  // Asked for in one statement: the one does no harm to the other.
  expect([...(await cache.getMany(['k', 'beside']))]).toEqual([['beside', 'honest too']]);
  expect(cache.stats().tiers.l3).toMatchObject({ state: 'up', corrupt: 1 });
  expect(await cache.getOrSet('k', () => 'new')).toBe('new');
});
