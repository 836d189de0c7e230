/** Encryption at rest on real servers: what lies there, what a change of times does to it, rotation and erasure under load, outages. */
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { MasterKeys } from '../../libs/multi-level-cache/src/core/encryption-options.js';
import type { SecurityOptions } from '../../libs/multi-level-cache/src/core/security-options.js';
import type { Refused } from '../../libs/multi-level-cache/src/core/vault.js';
import type { CacheRoot } from '../../libs/multi-level-cache/src/manager/create-cache.js';
import {
  decodeRecord,
  type SecretRecord,
} from '../../libs/multi-level-cache/src/security/vault/secrets.js';
import { closeCaches, testCache, type TestCache } from '../support/cache.js';
import { freshDatabase, freshNamespace, redisUrl } from '../support/servers.js';
import { masterKeys } from '../support/vault.js';

const SECRET = 'Zebra-4711';
/** Every instance has let go by then. */
const DROPPED = { timeout: 5_000, interval: 50 };

let redis: Redis;
let database: pg.Client;
let databaseUrl: string;
let namespace: string;
let keys: MasterKeys;

beforeAll(async () => {
  redis = new Redis(redisUrl());
  databaseUrl = await freshDatabase();
  database = new pg.Client({ connectionString: databaseUrl });
  await database.connect();
  // Makes the tables.
  namespace = freshNamespace();
  keys = masterKeys('m1');
  await (await instance('l3')).close();
});
afterAll(async () => {
  redis.disconnect();
  await database.end();
});
beforeEach(() => {
  namespace = freshNamespace();
  keys = masterKeys('m1');
});
afterEach(closeCaches);

type Shape = 'l2' | 'l3' | 'both';

interface Given extends Partial<SecurityOptions> {
  readonly required?: boolean;
  readonly plain?: boolean;
  readonly l1?: boolean;
}

function instance(shape: Shape = 'both', given: Given = {}): Promise<TestCache> {
  const { required = true, plain = false, l1 = true, ...more } = given;
  const encryption = plain ? (false as const) : { masterKeys: () => keys, required };
  return testCache({
    namespace,
    redis: shape === 'l3' ? undefined : redisUrl(),
    database: shape === 'l2' ? undefined : databaseUrl,
    l1,
    more: { security: { tenancy: 'optional', encryption, ...more } },
  });
}

const as = <T>({ cache }: TestCache, work: (cache: CacheRoot) => Promise<T>): Promise<T> =>
  cache.runAs({ tenantId: 'acme' }, () => work(cache));

const load = (made: TestCache, key: string, value: unknown = SECRET): Promise<unknown> =>
  as(made, (cache) => cache.getOrSet(key, () => value, { tags: [`tag:${SECRET}`] }));

async function redisValues(): Promise<Map<string, Buffer>> {
  const values = new Map<string, Buffer>();
  for (const key of await redis.keys(`${namespace}:*`))
    if ((await redis.type(key)) === 'string') values.set(key, (await redis.getBuffer(key))!);
  return values;
}

async function entryInRedis(): Promise<[key: string, bytes: Buffer]> {
  const found = [...(await redisValues())].find(([key]) => key.includes(':e:'));
  if (!found) throw new Error('no entry in Redis');
  return found;
}

async function rowsInDatabase(): Promise<readonly Buffer[]> {
  const { rows } = await database.query<{ value: Buffer }>(
    'select value from mlcache.entry where tenant like $1 and value is not null',
    [`${namespace}/%`],
  );
  return rows.map(({ value }) => value);
}

describe.each<Shape>(['l2', 'l3', 'both'])('with %s', (shape) => {
  it('stores nothing of a value that could be read, and other instances read it', async () => {
    const [one, other] = [await instance(shape), await instance(shape)];
    await load(one, 'k');
    await one.cache.drain();
    expect(await as(other, (cache) => cache.get('k'))).toBe(SECRET);
    await other.cache.drain();
    const stored = [...(await redisValues()).values(), ...(await rowsInDatabase())];
    expect(stored.length).toBeGreaterThan(0);
    for (const bytes of stored) expect(bytes.includes(SECRET)).toBe(false);
    for (const bytes of await rowsInDatabase()) expect(bytes[3]).toBe(1);
    const texts = await everyText();
    for (const key of Object.values(keys.keys)) {
      expect(texts).not.toContain(Buffer.from(key).toString('base64'));
      expect(texts).not.toContain(Buffer.from(key).toString('hex'));
    }
  });

  it('keeps what is set', async () => {
    const [one, other] = [await instance(shape), await instance(shape)];
    await as(one, (cache) => cache.set('k', SECRET));
    expect(await as(other, (cache) => cache.get('k'))).toBe(SECRET);
  });

  it('refuses and counts what was put under another key, another tenant, or is plain', async () => {
    const made = await instance(shape, { l1: false });
    const refused: Refused[] = [];
    made.cache.vault.onRefused((one) => refused.push(one));
    for (const key of ['k', 'other']) await load(made, key, `${key} of acme`);
    await made.cache.drain();
    await swapAll(shape);
    expect(await as(made, (cache) => cache.get('k'))).toBeUndefined();
    expect(await as(made, (cache) => cache.get('other'))).toBeUndefined();
    expect(refused.length).toBeGreaterThan(0);
    expect(new Set(refused.map(({ reason }) => reason))).toEqual(new Set(['tampered']));
    const { l2, l3 } = made.cache.stats().tiers;
    expect(l2.corrupt + l3.corrupt).toBe(refused.length);
  });
});

/** The first two entries of each store change places. */
async function swapAll(shape: Shape): Promise<void> {
  if (shape !== 'l3') {
    const entries = [...(await redisValues())].filter(([key]) => key.includes(':e:'));
    if (entries.length === 2) {
      const [[one, first], [other, second]] = entries;
      await redis.set(one, second, 'KEEPTTL');
      await redis.set(other, first, 'KEEPTTL');
    }
  }
  if (shape === 'l2') return;
  const { rows } = await database.query<{ key_hash: Buffer; value: Buffer }>(
    'select key_hash, value from mlcache.entry where tenant = $1',
    [`${namespace}/t:acme`],
  );
  for (const [at, { key_hash }] of rows.entries())
    await database.query('update mlcache.entry set value = $1 where key_hash = $2', [
      rows[1 - at].value,
      key_hash,
    ]);
}

/** All that the stores say, as text. */
async function everyText(): Promise<string> {
  const hashes = await Promise.all(
    (await redis.keys(`${namespace}:*`)).map(async (key) =>
      (await redis.type(key)) === 'hash' ? JSON.stringify(await redis.hgetall(key)) : key,
    ),
  );
  const { rows } = await database.query('select * from mlcache.tenant_key where app = $1', [
    namespace,
  ]);
  return hashes.join('\n') + JSON.stringify(rows);
}

describe('a plain value', () => {
  it('is refused where encryption is required, and taken where it is not', async () => {
    const plain = await instance('l2', { plain: true });
    await load(plain, 'k');
    const [strict, lenient] = [
      await instance('l2', { l1: false }),
      await instance('l2', { l1: false, required: false }),
    ];
    expect(await as(strict, (cache) => cache.get('k'))).toBeUndefined();
    expect(strict.cache.vault.stats()?.refused.unsigned).toBe(1);
    expect(await as(lenient, (cache) => cache.get('k'))).toBe(SECRET);
    // And sealed by that.
    await expect.poll(async () => (await entryInRedis())[1][3], DROPPED).toBe(1);
  });
});

describe('the times of an encrypted entry in Redis', () => {
  let one: TestCache;
  let other: TestCache;

  beforeEach(async () => {
    [one, other] = [await instance('l2', { l1: false }), await instance('l2', { l1: false })];
    await as(one, (cache) =>
      cache.getOrSet('k', () => 'old', { ttl: 10_000, grace: 60_000, tags: ['red'] }),
    );
  });

  it('are longer after touch, on every instance, and the entry is still bound to its tags', async () => {
    expect(await as(one, (cache) => cache.touch('k', '2m'))).toBe(true);
    const left = await as(other, (cache) => cache.ttl('k'));
    expect(left).toBeGreaterThan(115_000);
    expect(left).toBeLessThanOrEqual(120_000);
    expect(await redis.pttl((await entryInRedis())[0])).toBeGreaterThan(175_000);
    await as(one, (cache) => cache.invalidateTags(['red']));
    expect(await as(other, (cache) => cache.get('k'))).toBeUndefined();
  });

  it('are over after expire, and it stands in within its grace', async () => {
    await as(one, (cache) => cache.expire('k'));
    expect(await as(other, (cache) => cache.get('k'))).toBeUndefined();
    const fail = (): never => {
      throw new Error('down');
    };
    expect(await as(other, (cache) => cache.getOrSet('k', fail))).toBe('old');
    const ms = await redis.pttl((await entryInRedis())[0]);
    expect(ms).toBeGreaterThan(50_000);
    expect(ms).toBeLessThanOrEqual(60_000);
  });

  it('stay over, whatever is asked of it afterwards', async () => {
    await as(one, (cache) => cache.expire('k'));
    await as(other, (cache) => cache.expire('k'));
    await as(one, (cache) => cache.touch('k', '2m'));
    expect(await as(other, (cache) => cache.get('k'))).toBeUndefined();
  });

  it('of another entry that came meanwhile are not those of the one that was read', async () => {
    const [key, bytes] = await entryInRedis();
    // The body that expire sends was made of this entry; then another one takes its place.
    const calls: string[] = [];
    const expiring = as(one, async (cache) => {
      await cache.expire('k');
      calls.push('expired');
    });
    await redis.set(
      key,
      Buffer.concat([bytes.subarray(0, 34), Buffer.alloc(8, 7), bytes.subarray(42)]),
      'PX',
      60_000,
    );
    await expiring;
    // Whichever came first: nothing fresh is left under the key.
    expect(await as(other, (cache) => cache.get('k'))).toBeUndefined();
  });

  it('a load that began before an expire is not kept', async () => {
    let finish!: (value: string) => void;
    const running = as(one, (cache) =>
      cache.getOrSet('k', () => new Promise<string>((resolve) => (finish = resolve)), {
        forceFresh: true,
      }),
    );
    await expect.poll(() => typeof finish, DROPPED).toBe('function');
    await as(other, (cache) => cache.expire('k'));
    finish('loaded before');
    await running;
    expect(await as(other, (cache) => cache.get('k'))).toBeUndefined();
  });
});

async function recordOf(tenant: string): Promise<SecretRecord> {
  const { rows } = await database.query<{ record: string }>(
    'select record from mlcache.tenant_key where app = $1 and tenant = $2',
    [namespace, tenant],
  );
  return decodeRecord(rows[0].record)!;
}

describe('rotation', () => {
  it.each<Shape>(['l2', 'l3'])(
    'with %s: what is written from then on has the new key, and what is read is sealed anew',
    async (shape) => {
      const [one, other] = [
        await instance(shape, { l1: false }),
        await instance(shape, { l1: false }),
      ];
      await load(one, 'k');
      await one.cache.drain();
      const keyIds = async (): Promise<number[]> =>
        shape === 'l2' ? [(await entryInRedis())[1][3]] : (await rowsInDatabase()).map((b) => b[3]);
      expect(await keyIds()).toEqual([1]);
      await one.cache.vault.rotate('acme');
      expect(await as(one, (cache) => cache.get('k'))).toBe(SECRET);
      await expect.poll(keyIds, DROPPED).toEqual([2]);
      // The other one learns of the new key when it needs it, or with its next look.
      await expect.poll(() => as(other, (cache) => cache.get('k')), DROPPED).toBe(SECRET);
      const ttl = await as(other, (cache) => cache.ttl('k'));
      expect(ttl).toBeGreaterThan(40_000);
    },
  );

  it('without an overlap leaves nothing of before that can be opened, and no call fails', async () => {
    const [one, other] = [await instance(), await instance()];
    await load(one, 'old');
    await one.cache.drain();
    const copies = [...(await redisValues()).entries()].filter(([key]) => key.includes(':e:'));
    const stop = traffic([one, other]);
    await one.cache.vault.rotate('acme', { overlap: 0 });
    await one.cache.vault.rotate('acme', { overlap: 0 });
    // What has ended is destroyed by whoever sees it.
    await expect
      .poll(async () => (await recordOf('t:acme')).secrets.map(({ id }) => id), DROPPED)
      .toEqual([3]);
    for (const [key, bytes] of copies) await redis.set(key, bytes, 'PX', 60_000);
    for (const made of [one, other])
      await expect
        .poll(() => as(made, (cache) => cache.get('old', { tiers: ['l2'] })), DROPPED)
        .toBeUndefined();
    for (const made of [one, other])
      expect(made.cache.vault.stats()!.refused['unknown-key']).toBeGreaterThan(0);
    const { calls, failed } = await stop();
    expect(failed).toEqual([]);
    expect(calls).toBeGreaterThan(20);
  });

  it('of the master key wraps all secrets anew by itself, and on demand', async () => {
    const one = await instance();
    await load(one, 'k');
    const masters = async (): Promise<string[]> =>
      (await recordOf('t:acme')).secrets.map(({ master }) => master);
    expect(await masters()).toEqual(['m1']);
    keys = { current: 'm2', keys: { ...keys.keys, ...masterKeys('m2').keys } };
    expect(await one.cache.vault.rotateMaster()).toBe(1);
    expect(await masters()).toEqual(['m2']);
    keys = { current: 'm2', keys: { m2: keys.keys.m2 } };
    const late = await instance('both', { l1: false });
    expect(await as(late, (cache) => cache.get('k'))).toBe(SECRET);
  });
});

describe('erasure of a tenant', () => {
  it.each<Shape>(['l2', 'both'])(
    'with %s, under load: no call fails, nothing old can be opened, memory of all instances is empty within 5 s',
    async (shape) => {
      const [one, other] = [await instance(shape), await instance(shape)];
      for (const made of [one, other]) await load(made, 'old');
      await one.cache.drain();
      const copies = [...(await redisValues()).entries()].filter(([key]) => key.includes(':e:'));
      expect(copies.length).toBeGreaterThan(0);
      const stop = traffic([one, other]);
      await one.cache.vault.erase('acme');
      expect(await as(one, async (cache) => cache.peek('old'))).toBeUndefined();
      for (const made of [one, other])
        await expect
          .poll(() => as(made, async (cache) => cache.peek('old')), DROPPED)
          .toBeUndefined();
      const { failed } = await stop();
      expect(failed).toEqual([]);
      // A copy that somebody has kept comes back: no instance has a key for it, neither one that was there nor a new one.
      const late = await instance(shape, { l1: false });
      for (const [key, bytes] of copies) await redis.set(key, bytes, 'PX', 60_000);
      for (const made of [one, other, late]) {
        await expect.poll(() => as(made, (cache) => cache.get('old')), DROPPED).toBeUndefined();
        await expect
          .poll(async () => {
            await as(made, (cache) => cache.get('old'));
            return made.cache.vault.stats()!.refused['unknown-key'];
          }, DROPPED)
          .toBeGreaterThan(0);
      }
      // The tenant goes on.
      await load(late, 'new');
      expect(await as(one, (cache) => cache.get('new'))).toBe(SECRET);
    },
  );

  it('reaches an instance that has been told nothing, within 5 s', async () => {
    const [one, other] = [await instance('l3'), await instance('l3')];
    for (const made of [one, other]) await load(made, 'k');
    await one.cache.drain();
    // What lies there when the operator's own tool destroys the secret, without a word to anybody.
    await database.query(
      `with d as (update mlcache.tenant_key set record = '{"v":1,"last":1,"secrets":[]}' where app = $1 and tenant = $2 returning 1)
       insert into mlcache.tenant_key (app, tenant, record) select $1, '', '1' from d
       on conflict (app, tenant) do update set record = (mlcache.tenant_key.record::bigint + 1)::text`,
      [namespace, 't:acme'],
    );
    // Neither out of memory nor with a secret that is still there.
    for (const made of [one, other])
      await expect.poll(() => as(made, (cache) => cache.get('k')), DROPPED).toBeUndefined();
  });

  it('leaves other tenants alone', async () => {
    const one = await instance();
    await load(one, 'k');
    await one.cache.runAs({ tenantId: 'other' }, () => one.cache.getOrSet('k', () => 'theirs'));
    await one.cache.drain();
    await one.cache.vault.erase('acme');
    expect(await one.cache.runAs({ tenantId: 'other' }, () => one.cache.get('k'))).toBe('theirs');
  });
});

describe('noL1', () => {
  it('keeps the values of a cache out of memory, whatever a call says', async () => {
    const made = await instance('l2', { noL1: ['files'] });
    const files = made.cache.namespace('files');
    await files.getOrSet('k', () => SECRET);
    await files.set('set', SECRET);
    await files.set('named', SECRET, { tiers: ['l1'] });
    await files.get('k', { tiers: ['l1', 'l2'] });
    for (const key of ['k', 'set', 'named']) expect(files.peek(key)).toBeUndefined();
    expect(made.cache.stats().tiers.l1.entries).toBe(0);
    expect(await files.get('k')).toBe(SECRET);
    await made.cache.getOrSet('k', () => SECRET);
    expect(made.cache.peek('k')).toBe(SECRET);
  });
});

/** Calls of all kinds on both, until it is stopped. */
function traffic(
  instances: readonly TestCache[],
): () => Promise<{ calls: number; failed: readonly unknown[] }> {
  let on = true;
  let calls = 0;
  const failed: unknown[] = [];
  const one = async (made: TestCache, at: number): Promise<void> => {
    for (let n = 0; on; n++) {
      const key = `k${(n * 7 + at) % 40}`;
      try {
        const value = await as(made, (cache) => cache.getOrSet(key, () => key, { ttl: '1m' }));
        if (value !== key) failed.push(`${key}: ${value}`);
        if (n % 5 === 0) await as(made, (cache) => cache.set(key, key));
        if (n % 7 === 0) await as(made, (cache) => cache.expire(key));
        if (n % 11 === 0) await as(made, (cache) => cache.touch(key, '2m'));
      } catch (error) {
        failed.push(error);
      }
      calls++;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const all = instances.flatMap((made) => [0, 1, 2, 3].map((at) => one(made, at)));
  return async () => {
    on = false;
    await Promise.all(all);
    return { calls, failed };
  };
}
