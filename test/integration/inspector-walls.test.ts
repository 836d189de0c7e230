/** What an operator's look at entries is kept from: other tenants, other callers, forged cursors and names, and what the store refuses. */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  PermissionPolicy,
  redisAclRules,
  type CacheInspector,
  type TierName,
} from '../../libs/multi-level-cache/src/index.js';
import { Address, Scope } from '../../libs/multi-level-cache/src/core/key.js';
import type { SecurityOptions } from '../../libs/multi-level-cache/src/core/security-options.js';
import { closeCaches, testCache, type TestCache } from '../support/cache.js';
import { keysOf, listAll } from '../support/listed.js';
import { newSecret } from '../support/sealed.js';
import { freshDatabase, freshNamespace, startRedis, type Server } from '../support/servers.js';
import { masterKeys } from '../support/vault.js';

const TIERS: readonly TierName[] = ['l1', 'l2', 'l3'];

let server: Server;
let admin: Redis;
let database: string;
let owner: pg.Client;
beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
  database = await freshDatabase();
  owner = new pg.Client({ connectionString: database });
  await owner.connect();
});
beforeEach(() => admin.flushall());
afterEach(closeCaches);
afterAll(async () => {
  await Promise.all([admin.quit(), owner.end()]);
  await server.stop();
});

interface Made extends TestCache {
  readonly inspector: CacheInspector;
}

async function make(security?: SecurityOptions, more: object = {}): Promise<Made> {
  const made = await testCache({
    namespace: freshNamespace(),
    redis: server.url,
    database,
    l3: { listable: true },
    more: { ...(security ? { security } : {}), ...more },
  });
  return Object.assign(made, { inspector: made.cache.inspector() });
}

async function store({ cache }: TestCache, ...keys: readonly string[]): Promise<void> {
  await cache.getOrSetMany(keys, (missing) => new Map(missing.map((key) => [key, { of: key }])));
  await cache.drain();
}

describe('who asks', () => {
  it('has to say for whom, where that is required', async () => {
    const { cache, inspector } = await make({ tenancy: 'required' });
    for (const tier of TIERS)
      await expect(inspector.entries({ tier, cache: 'default' })).rejects.toMatchObject({
        code: 'CACHE_CONTEXT_MISSING',
      });
    await expect(inspector.shape('default', 'k')).rejects.toMatchObject({
      code: 'CACHE_CONTEXT_MISSING',
    });
    expect(cache.stats().security.contextMissing).toBe(4);
  });

  it('needs the permission to administer that cache, and nothing is asked without', async () => {
    const made = await make({ tenancy: 'required', policy: new PermissionPolicy() });
    const { cache, inspector } = made;
    const may = (...permissions: string[]) => ({ tenantId: 'a', permissions });
    await cache.runAs(may('cache:read:*', 'cache:write:*'), async () => {
      await store(made, 'k');
      for (const tier of TIERS)
        await expect(inspector.entries({ tier, cache: 'default' })).rejects.toMatchObject({
          code: 'CACHE_ACCESS_DENIED',
        });
      await expect(inspector.shape('default', 'k')).rejects.toMatchObject({
        code: 'CACHE_ACCESS_DENIED',
      });
    });
    await cache.runAs(may('cache:admin:default'), async () => {
      for (const tier of TIERS)
        expect(await keysOf(inspector, { tier, cache: 'default' })).toEqual(['k']);
      expect(await inspector.shape('default', 'k')).toEqual({
        type: 'object',
        members: { of: { type: 'string', length: 1 } },
      });
      await expect(inspector.entries({ tier: 'l1', cache: 'other' })).rejects.toMatchObject({
        code: 'CACHE_ACCESS_DENIED',
      });
    });
  });

  it("is shown nothing of the library's own cache, for which no policy is asked", async () => {
    const { inspector } = await make();
    for (const tier of TIERS)
      await expect(inspector.entries({ tier, cache: 'mlc.warming' })).rejects.toMatchObject({
        code: 'CACHE_OPTION_INVALID',
      });
    await expect(inspector.shape('mlc.warming', 'hot')).rejects.toMatchObject({
      code: 'CACHE_OPTION_INVALID',
    });
  });
});

describe('a cursor', () => {
  const spelled = (...parts: unknown[]): string =>
    Buffer.from(JSON.stringify(parts)).toString('base64url');
  const forged = [
    '',
    'x',
    '%',
    '0',
    'null',
    spelled(),
    spelled('l1'),
    spelled('l1', '-1'),
    spelled('l1', '1e3'),
    spelled('l1', '99999999999'),
    spelled('l1', 1),
    spelled('l1', '1', '2'),
    spelled('l2', '', '-1', ''),
    spelled('l2', '', '18446744073709551616', ''),
    spelled('l2', '', '0 MATCH *', ''),
    spelled('l2', 'deadbeef', '0', ''),
    spelled('l2', '', '0', '\u0000'),
    spelled('l2', '', '0', 7),
    spelled('l3', ''),
    spelled('l3', 'k\u0000'),
    spelled('l3', 'x'.repeat(2_701)),
    spelled('l3', ['k']),
    'A'.repeat(20_000),
    Buffer.from('{"__proto__":1}').toString('base64url'),
  ];

  it.each(forged)('that no page gave is refused: %j', async (cursor) => {
    const { inspector } = await make();
    for (const tier of TIERS)
      await expect(inspector.entries({ tier, cache: 'default', cursor })).rejects.toMatchObject({
        code: 'CACHE_OPTION_INVALID',
      });
  });

  it('of another tenant, cache or prefix shows the own entries alone', async () => {
    const made = await make();
    const { cache, inspector } = made;
    const names = ['a1', 'a2', 'b1', 'b2'];
    for (const tenantId of ['a', 'b'])
      await cache.runAs({ tenantId }, () =>
        store(made, ...names.map((name) => `${tenantId}-${name}`)),
      );
    for (const tier of TIERS) {
      const { next } = await cache.runAs({ tenantId: 'a' }, () =>
        inspector.entries({ tier, cache: 'default', limit: 1 }),
      );
      const found = await cache.runAs({ tenantId: 'b' }, () =>
        listAll(inspector, { tier, cache: 'default', cursor: next }),
      );
      expect(found.every(({ key }) => key.startsWith('b-'))).toBe(true);
      const others = await cache.runAs({ tenantId: 'b' }, () =>
        listAll(inspector, { tier, cache: 'default', cursor: next, prefix: 'a-' }),
      );
      expect(others).toEqual([]);
    }
    // Made to lead elsewhere: what it says is no more than where to go on.
    for (const cursor of [spelled('l3', '!'), spelled('l3', 'default:a-a1')]) {
      const found = await cache.runAs({ tenantId: 'b' }, () =>
        listAll(inspector, { tier: 'l3', cache: 'default', cursor }),
      );
      expect(found.every(({ key }) => key.startsWith('b-'))).toBe(true);
    }
  });

  it('leads nobody to where the servers are', async () => {
    const made = await make();
    await store(made, 'a', 'b', 'c');
    const { next } = await made.inspector.entries({ tier: 'l2', cache: 'default', limit: 1 });
    expect(Buffer.from(next!, 'base64url').toString()).not.toMatch(/127\.0\.0\.1|localhost/);
  });
});

describe('names that somebody else has written', () => {
  it('are not taken for entries in Redis', async () => {
    const made = await make();
    const { namespace } = made;
    await store(made, 'k:1');
    const real = new Address(new Scope(namespace, 'p', 'default'), 'k:1').entryKey;
    const bytes = await admin.getBuffer(real);
    const slot = /\{\w+\}/.exec(real)![0];
    for (const name of [
      real.replace(slot, '{00000000}'), // of another slot
      real.replace('k%3a1', 'k:1'),
      real.replace('k%3a1', '%6b%3a1'),
      real.replace('k%3a1', '%'),
      real.replace('k%3a1', '%00'),
      real.replace('k%3a1', `~${'a'.repeat(43)}`),
      real.replace(':e:', ':l:'),
      real.replace(':e:', ':w:'),
    ])
      await admin.set(name, bytes!);
    const other = new Address(new Scope(namespace, 'p', 'default'), 'list').entryKey;
    await admin.rpush(other, 'x');
    await admin.set(new Address(new Scope(namespace, 'p', 'default'), 'short').entryKey, 'x');
    await admin.set(new Address(new Scope(namespace, 'p', 'default'), 'moved').entryKey, bytes!);
    expect(await keysOf(made.inspector, { tier: 'l2', cache: 'default' })).toEqual(['k:1']);
  });

  it('and entries of before Redis has lost its numbers are none any more', async () => {
    const { namespace, ...made } = await make();
    await store({ namespace, ...made }, 'k');
    await made.close();
    await admin.del(`${namespace}:{~}:ep`, `${namespace}:{~}:sq`);
    const { cache } = await testCache({ namespace, redis: server.url });
    expect(await cache.get('k')).toBeUndefined();
    expect(await keysOf(cache.inspector(), { tier: 'l2', cache: 'default' })).toEqual([]);
  });

  it('are not taken for entries in PostgreSQL', async () => {
    const made = await make();
    await store(made, 'a', 'b', 'c', 'd');
    const rename = (from: string, to: string): Promise<unknown> =>
      owner.query(`update mlcache.entry set name = $2 where tenant = $3 and name = $1`, [
        `default:${from}`,
        to,
        `${made.namespace}/p`,
      ]);
    await rename('b', 'default:zz');
    await rename('c', `default:~${'a'.repeat(43)}`);
    await rename('d', 'other:d');
    await store(made, 'e', 'f');
    await rename('e', `default:${'d'.repeat(300)}\u{1f600}`);
    for (const limit of [1, 50])
      expect(await keysOf(made.inspector, { tier: 'l3', cache: 'default', limit })).toEqual([
        'a',
        'f',
      ]);
    expect(await keysOf(made.inspector, { tier: 'l3', cache: 'other' })).toEqual([]);
  });
});

describe('hidden and encrypted entries', () => {
  it('are hashes in the stores, and keys in memory', async () => {
    const keys = masterKeys('m1');
    const encryption = { masterKeys: () => keys, required: true };
    const made = await make({ tenancy: 'off', encryption }, { nameSecret: newSecret() });
    await store(made, 'patient:1', 'patient:2');
    expect(await keysOf(made.inspector, { tier: 'l1', cache: 'default' })).toEqual([
      'patient:1',
      'patient:2',
    ]);
    for (const tier of ['l2', 'l3'] as const) {
      const found = await listAll(made.inspector, { tier, cache: 'default', limit: 1 });
      expect(found).toHaveLength(2);
      for (const entry of found)
        expect(entry).toMatchObject({
          key: expect.stringMatching(/^~[\w-]{43}$/),
          hidden: true,
          state: 'fresh',
        });
      expect(await keysOf(made.inspector, { tier, cache: 'default', prefix: 'patient' })).toEqual(
        [],
      );
      expect(await keysOf(made.inspector, { tier, cache: 'default', prefix: '~' })).toEqual([]);
    }
    const shape = { type: 'object', members: { of: { type: 'string', length: 9 } } };
    expect(await made.inspector.shape('default', 'patient:1')).toEqual(shape);
  });

  it('that are encrypted alone have their names, and go with what clears them', async () => {
    const keys = masterKeys('m1');
    const encryption = { masterKeys: () => keys, required: true };
    const made = await make({ tenancy: 'off', encryption });
    await store(made, 'patient:1', 'x');
    for (const tier of ['l2', 'l3'] as const)
      expect(await keysOf(made.inspector, { tier, cache: 'default' })).toEqual(['patient:1', 'x']);
    await made.cache.invalidatePattern('patient:*');
    for (const tier of ['l2', 'l3'] as const)
      expect(await keysOf(made.inspector, { tier, cache: 'default' })).toEqual(['x']);
  });
});

describe('a user of Redis', () => {
  async function as(rules: readonly string[], namespace: string): Promise<CacheInspector> {
    await admin.call('ACL', 'SETUSER', 'app', 'reset', 'on', '>secret', ...rules);
    await admin.call('ACL', 'LOG', 'RESET');
    const l2 = { host: '127.0.0.1', port: server.port, username: 'app', password: 'secret' };
    const made = await testCache({ namespace, l2 });
    await store(made, 'k');
    return made.cache.inspector();
  }
  const version = async (): Promise<string> =>
    /redis_version:(\S+)/.exec(await admin.info('server'))![1];

  it('may not list unless its rules say so, and is told which do', async () => {
    const namespace = freshNamespace();
    const inspector = await as(redisAclRules({ namespace, version: await version() }), namespace);
    await expect(inspector.entries({ tier: 'l2', cache: 'default' })).rejects.toThrow(
      /^CACHE_TIER_UNAVAILABLE: .*features: \['entries'\]/,
    );
    expect(await keysOf(inspector, { tier: 'l1', cache: 'default' })).toEqual(['k']);
  });

  it('lists with them, and is refused nothing', async () => {
    const namespace = freshNamespace();
    const rules = redisAclRules({ namespace, version: await version(), features: ['entries'] });
    const inspector = await as(rules, namespace);
    expect(await keysOf(inspector, { tier: 'l2', cache: 'default' })).toEqual(['k']);
    expect(await admin.call('ACL', 'LOG')).toEqual([]);
  });

  it.each(['scan', 'strlen'])('lists nothing without %s', async (command) => {
    const namespace = freshNamespace();
    const rules = redisAclRules({ namespace, version: await version(), features: ['entries'] });
    const inspector = await as(
      rules.filter((rule) => rule !== `+${command}`),
      namespace,
    );
    await expect(inspector.entries({ tier: 'l2', cache: 'default' })).rejects.toMatchObject({
      code: 'CACHE_TIER_UNAVAILABLE',
    });
  });

  it('of one tenant may not have it: SCAN shows names of all of them', async () => {
    const given = {
      namespace: 'shop',
      version: '7.2',
      tenant: 'a',
      features: ['entries'] as const,
    };
    expect(() => redisAclRules(given)).toThrow(/^CACHE_OPTION_INVALID: features/);
  });
});

describe('a tier', () => {
  it('that is off, or does not list, is named', async () => {
    const made = await testCache({ namespace: freshNamespace(), l1: false, redis: server.url });
    const inspector = made.cache.inspector();
    for (const tier of ['l1', 'l3'] as const)
      await expect(inspector.entries({ tier, cache: 'default' })).rejects.toThrow(
        `CACHE_TIER_UNAVAILABLE: ${tier} is off`,
      );
    made.l2!.list = undefined as never;
    await expect(inspector.entries({ tier: 'l2', cache: 'default' })).rejects.toThrow(
      'CACHE_OPTION_INVALID: tier l2 cannot be listed',
    );
  });

  it('that never answers is given up after a second', async () => {
    const made = await make();
    made.l2!.list = () => new Promise(() => undefined);
    await expect(made.inspector.entries({ tier: 'l2', cache: 'default' })).rejects.toThrow(
      'CACHE_TIER_UNAVAILABLE: l2 did not answer within 1000 ms',
    );
  });

  it('of PostgreSQL keeps no names unless it is told to', async () => {
    const made = await testCache({ namespace: freshNamespace(), database });
    await store(made, 'k');
    await expect(made.cache.inspector().entries({ tier: 'l3', cache: 'default' })).rejects.toThrow(
      /^CACHE_OPTION_INVALID: tier l3 cannot be listed.*listable/,
    );
    const { rows } = await owner.query(`select name from mlcache.entry where tenant = $1`, [
      `${made.namespace}/p`,
    ]);
    expect(rows).toEqual([{ name: null }]);
  });

  it("of PostgreSQL keeps no names of users' entries", async () => {
    const made = await make();
    await made.cache.runAs({ tenantId: 'a', subjectId: 'ann' }, async () => {
      await made.cache.scoped('user').getOrSet('loaded', () => 1);
      await made.cache.scoped('user').set('set', 1);
    });
    await made.cache.drain();
    const of = [`${made.namespace}/t:a`];
    const { rows } = await owner.query(`select name from mlcache.entry where tenant = $1`, of);
    expect(rows).toEqual([{ name: null }, { name: null }]);
  });

  it('does not name what it is owed a removal of', async () => {
    const made = await make();
    await store(made, 'kept', 'gone');
    const stop = made.l2!.failThenStop('apply');
    await made.cache.delete('gone');
    expect(
      await admin.exists(new Address(new Scope(made.namespace, 'p', 'default'), 'gone').entryKey),
    ).toBe(1);
    expect(await keysOf(made.inspector, { tier: 'l2', cache: 'default' })).not.toContain('gone');
    stop.pass();
  });

  it.each([
    { tier: 'l4' },
    { tier: undefined },
    { cache: 'a:b' },
    { cache: '' },
    { limit: 0 },
    { limit: 201 },
    { limit: 1.5 },
    { limit: '5' },
    { prefix: '\u0000' },
    { prefix: '\ud800' },
    { prefix: 5 },
    { prefix: 'x'.repeat(1_025) },
    { cursor: 5 },
  ])('is not asked for nonsense: %j', async (query) => {
    const { inspector } = await make();
    const whole = { tier: 'l2', cache: 'default', ...query } as never;
    await expect(inspector.entries(whole)).rejects.toMatchObject({ code: 'CACHE_OPTION_INVALID' });
  });
});

it('tells the shape of what a lower tier has, and of nothing it is nothing', async () => {
  const made = await testCache({ namespace: freshNamespace(), l1: false, redis: server.url });
  const inspector = made.cache.inspector();
  await made.cache.getOrSet('k', () => ({ secret: randomBytes(8).toString('hex') }));
  const shape = await inspector.shape('default', 'k');
  expect(shape).toEqual({ type: 'object', members: { secret: { type: 'string', length: 16 } } });
  expect(await inspector.shape('default', 'other')).toBeUndefined();
});
