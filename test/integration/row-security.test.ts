/** Row-level security on a real PostgreSQL: everything works behind it, and a condition that was forgotten shows nothing. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../libs/multi-level-cache/src/core/clock.js';
import { Address, Scope } from '../../libs/multi-level-cache/src/core/key.js';
import { rowSecurity, type RowSecurityOptions } from '../../libs/multi-level-cache/src/index.js';
import {
  tierContract,
  type ContractSetup,
} from '../../libs/multi-level-cache/src/testing/tier-contract.js';
import { REACHES_OUTBOX } from '../../libs/multi-level-cache/src/tiers/database/sql.js';
import { DatabaseTier } from '../../libs/multi-level-cache/src/tiers/database/database-tier.js';
import { closeCaches, testCache, type TestCache } from '../support/cache.js';
import type { L3Options } from '../../libs/multi-level-cache/src/core/options.js';
import { L3 } from '../support/options.js';
import { freshNamespace, redisUrl, startPgBouncer, type Server } from '../support/servers.js';
import { walledDatabase, type WalledDatabase } from '../support/walled-database.js';

const STRICT = { rowSecurity: true, migrate: false } as const;
const L3_ONLY = { tiers: ['l3'] } as const;
const DEAF = { changed: () => undefined, lost: () => undefined, state: () => undefined };

let database: WalledDatabase;
let pooler: Server;
beforeAll(async () => {
  database = await walledDatabase();
  pooler = await startPgBouncer(database.url);
});
afterEach(closeCaches);
afterAll(async () => {
  await pooler.stop();
  await database.end();
});

async function instance(more: Partial<L3Options> = {}, redis?: string): Promise<TestCache> {
  const namespace = freshNamespace();
  await database.admit(namespace);
  return testCache({ namespace, redis, database: database.url, l3: { ...STRICT, ...more } });
}

/** What the user itself may do, by hand. */
async function asUser<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

describe.each([
  ['directly', false],
  ['through PgBouncer', true],
])('the contract of every tier, %s', (_how, poolerMode) => {
  async function setup(): Promise<ContractSetup> {
    const clock = new SystemClock();
    const namespace = freshNamespace();
    await database.admit(namespace);
    const { url } = poolerMode ? pooler : database;
    const options = { ...L3, ...STRICT, url, poolSize: 2, poolerMode };
    const tier = new DatabaseTier(options, { namespace, clock });
    await tier.open(DEAF);
    return { tier, clock, namespace, cleanup: () => tier.close() };
  }

  it.each(tierContract(setup))('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

describe('the cache behind it', () => {
  it('serves every verb, for tenants one by one and many in one statement', async () => {
    const { cache } = await instance({}, redisUrl());
    const as = <T>(tenantId: string, work: () => Promise<T>): Promise<T> =>
      cache.runAs({ tenantId }, work);
    const tenants = ['a', 'b', 'a/b', "o'hara", 'a\\b', '%'];
    await Promise.all(
      tenants.map((tenant) =>
        as(tenant, async () => {
          await cache.getOrSet('k', () => tenant, { tags: ['t'] });
          await cache.set('s', tenant);
          await cache.mutate({ keys: ['m'], tags: ['mt'] }, () => 'done');
        }),
      ),
    );
    await cache.drain();
    // Asked for in one tick: one statement for all of them.
    const found = await Promise.all(
      tenants.map((tenant) => as(tenant, () => cache.get('k', L3_ONLY))),
    );
    expect(found).toEqual(tenants);
    for (const tenant of tenants)
      expect(await as(tenant, () => cache.get('s', L3_ONLY))).toBe(tenant);
    expect((await as('a', () => cache.invalidateTags(['t']))).l3).toBe('ok');
    expect((await as('b', () => cache.expire('k'))).l3).toBe('ok');
    expect(await as('a/b', () => cache.touch('k', '1h'))).toBe(true);
    const left = await Promise.all(
      tenants.map((tenant) => as(tenant, () => cache.get('k', L3_ONLY))),
    );
    expect(left).toEqual([undefined, undefined, ...tenants.slice(2)]);
    expect(cache.stats().tiers.l3.state).toBe('up');
  });

  it('is swept and kept small, by counts alone', async () => {
    const made = await instance({ maxSize: 100_000 });
    const { cache } = made;
    const tier = made.l3!.real as DatabaseTier;
    for (let at = 0; at < 200; at++)
      await cache.runAs({ tenantId: `t${at % 7}` }, () => cache.set(`k${at}`, 'x'.repeat(900)));
    await database.owner.query(
      `update mlcache.entry set stale_until = now() - interval '1 day', expiry_bucket = 0 where tenant like '%/t:t1'`,
    );
    await tier.maintain();
    expect(await tier.sweep(10)).toBe(0);
    const { rows } = await database.owner.query<{ tenant: string }>(
      `select distinct tenant from mlcache.entry where tenant like $1`,
      [`${made.namespace}/%`],
    );
    expect(rows.some(({ tenant }) => tenant.endsWith('/t:t1'))).toBe(false);
    expect(cache.stats().tiers.l3).toMatchObject({ state: 'up' });
    expect(cache.stats().tiers.l3.bytes).toBeGreaterThan(0);
  });

  it('keeps each tenant within its quota', async () => {
    const made = await instance({ tenantSize: 20_000 });
    const { cache } = made;
    for (let at = 0; at < 60; at++)
      await cache.runAs({ tenantId: at < 50 ? 'large' : 'small' }, () =>
        cache.getOrSet(`k${at}`, () => randomBytes(900).toString('hex'), {
          ttl: 60_000 + at * 3_600_000,
        }),
      );
    await cache.drain();
    await (made.l3!.real as DatabaseTier).maintain();
    const held = async (tenantId: string, from: number, to: number): Promise<number> => {
      const keys = Array.from({ length: to - from }, (_zero, at) => `k${from + at}`);
      return (await cache.runAs({ tenantId }, () => cache.getMany(keys, L3_ONLY))).size;
    };
    expect(await held('small', 50, 60)).toBe(10);
    // Some 1,100 bytes each: those that live longest stay.
    const left = await held('large', 0, 50);
    expect(left).toBeGreaterThan(10);
    expect(left).toBeLessThan(20);
    expect(await held('large', 50 - left, 50)).toBe(left);
  });

  it('keeps the secrets of its own application, and seals anew what it finds', async () => {
    const options = () => {
      const masterKeys = () => ({ current: 'm1', keys: { m1: Buffer.alloc(32, 7) } });
      return { encryption: { masterKeys, required: true }, tenancy: 'off' as const };
    };
    const namespace = freshNamespace();
    await database.admit(namespace);
    const l3 = { ...STRICT };
    const url = database.url;
    const made = await testCache({ namespace, database: url, l3, more: { security: options() } });
    const a = <T>(work: () => T): T => made.cache.runAs({ tenantId: 'a' }, work);
    await a(() => made.cache.set('k', 'secret'));
    const stored = async (): Promise<Buffer> => {
      const { rows } = await database.owner.query<{ value: Buffer }>(
        'select value from mlcache.entry where tenant = $1',
        [`${namespace}/t:a`],
      );
      return rows[0].value;
    };
    const before = await stored();
    expect(before.includes('secret')).toBe(false);
    await made.cache.vault.rotate('a');
    await expect
      .poll(
        async () => (await a(() => made.cache.get('k', L3_ONLY)), (await stored()).equals(before)),
      )
      .toBe(false);
    expect(await a(() => made.cache.get('k', L3_ONLY))).toBe('secret');
    await database.owner.query(
      `insert into mlcache.tenant_key values ('foreign', 't:a', 'secret')`,
    );
    const found = await asUser((client) =>
      client.query<{ app: string }>('select app from mlcache.tenant_key'),
    );
    expect(found.rows.some(({ app }) => app === namespace)).toBe(true);
    expect(found.rows.some(({ app }) => app === 'foreign')).toBe(false);
  });

  it('keeps debts of its own application', async () => {
    const [one, other] = [await instance(), await instance()];
    const [first, second] = [one.l3!.book!, other.l3!.book!];
    await first.owe!('debt', { kind: 'tags', tenant: 'p', tags: ['t'] });
    expect([(await first.debts()).length, (await second.debts()).length]).toEqual([1, 0]);
    await second.strike(['debt']);
    expect((await first.debts()).length).toBe(1);
    await first.strike(['debt']);
    expect((await first.debts()).length).toBe(0);
  });
});

it('whom a statement has named is forgotten with it, on a connection that others use next', async () => {
  const namespace = freshNamespace();
  await database.admit(namespace);
  let pool!: pg.Pool;
  const options = { ...L3, ...STRICT, url: database.url, poolSize: 1 };
  const deps = { namespace, clock: new SystemClock() };
  const tier = new DatabaseTier(options, {
    ...deps,
    pool: (config) => (pool = new pg.Pool(config)),
  });
  await tier.open(DEAF);
  await tier.apply({ kind: 'tags', tenant: 't:a', tags: ['x'] });
  const { rows } = await pool.query<{ named: string; seen: number }>(
    `select current_setting('mlcache.tenants', true) as named, (select count(*)::int from mlcache.tag) as seen`,
  );
  expect(rows).toEqual([{ named: '', seen: 0 }]);
  await tier.close();
});

describe('a forgotten condition', () => {
  let made: TestCache;
  let foreign: TestCache;
  const TABLES = ['entry', 'tag', 'outbox'] as const;

  beforeAll(async () => {
    const fill = async (one: TestCache): Promise<void> => {
      for (const tenantId of ['a', 'b'])
        await one.cache.runAs({ tenantId }, async () => {
          await one.cache.getOrSet('k', () => 'secret', { tags: ['t'] });
          await one.cache.invalidateTags(['other']);
        });
      await one.cache.getOrSet('k', () => 'public');
      await one.l3!.book!.owe!(`debt-${one.namespace}`, { kind: 'tags', tenant: 'p', tags: ['t'] });
      await one.cache.drain();
    };
    made = await instance();
    await fill(made);
    // Of another application, whose user is another one.
    const owned = await walledUser();
    foreign = owned;
    await fill(foreign);
  });

  async function walledUser(): Promise<TestCache> {
    const namespace = freshNamespace();
    await database.owner.query(`create role other_${namespace.slice(2)} login password 'secret'`);
    const role = `other_${namespace.slice(2)}`;
    for (const sql of rowSecurity({ namespace, role })) await database.owner.query(sql);
    const url = Object.assign(new URL(database.url), { username: role }).href;
    return testCache({ namespace, database: url, l3: STRICT });
  }

  /** What a statement without any condition shows while these tenants are named; `undefined` = nobody is. */
  function seen(table: string, tenants: string | undefined): Promise<string[]> {
    return asUser(async (client) => {
      await client.query('begin');
      if (tenants !== undefined)
        await client.query(`select set_config('mlcache.tenants', $1, true)`, [tenants]);
      const { rows } = await client.query<Record<string, string>>(`select * from mlcache.${table}`);
      await client.query('rollback');
      return [...new Set(rows.map((row) => row['tenant'] ?? row['app']))];
    });
  }

  it.each(['entry', 'tag'])(
    'in %s shows the rows of the tenant that is named, and no other',
    async (table) => {
      const { namespace } = made;
      expect(await seen(table, `${namespace}/t:a`)).toEqual([`${namespace}/t:a`]);
      expect(await seen(table, `${namespace}/t:nobody`)).toEqual([]);
      expect(await seen(table, '')).toEqual([]);
      expect(await seen(table, undefined)).toEqual([]);
      // Named, and another application's all the same.
      expect(await seen(table, `${foreign.namespace}/t:a`)).toEqual([]);
      expect(await seen(table, `${namespace}/t:a\u001f${foreign.namespace}/t:a`)).toEqual([
        `${namespace}/t:a`,
      ]);
    },
  );

  it('in the outbox shows debts of its own applications alone', async () => {
    const apps = await seen('outbox', undefined);
    expect(apps).toContain(made.namespace);
    expect(apps).not.toContain(foreign.namespace);
  });

  it('changes nothing of others', async () => {
    const count = async (): Promise<unknown> =>
      (
        await database.owner.query(
          'select (select count(*) from mlcache.entry) + (select count(*) from mlcache.tag) as all',
        )
      ).rows[0];
    const before = await count();
    await asUser(async (client) => {
      for (const statement of [
        'delete from mlcache.entry',
        'delete from mlcache.tag',
        `update mlcache.entry set value = null`,
      ])
        expect((await client.query(statement)).rowCount).toBe(0);
      await client.query('begin');
      await client.query(`select set_config('mlcache.tenants', $1, true)`, [
        `${made.namespace}/t:a`,
      ]);
      for (const [statement, values] of [
        [`insert into mlcache.tag values ($1, 'x', 1, now(), 0)`, [`${made.namespace}/t:b`]],
        [`update mlcache.tag set tenant = $1`, [`${made.namespace}/t:b`]],
      ] as const) {
        await client.query('savepoint s');
        await expect(client.query(statement, [...values])).rejects.toThrow(/row-level security/);
        await client.query('rollback to s');
      }
      await client.query('rollback');
    });
    expect(await count()).toEqual(before);
  });

  it('is not undone by the user', async () => {
    await asUser(async (client) => {
      for (const statement of [
        ...TABLES.map((table) => `alter table mlcache.${table} disable row level security`),
        ...TABLES.map((table) => `alter table mlcache.${table} no force row level security`),
        'set session authorization postgres',
        'set role mlcache_upkeep',
        'create policy mine on mlcache.entry using (true)',
        'truncate mlcache.entry',
        'drop table mlcache.entry',
        `create or replace function mlcache.entry_sweep(int) returns setof int language sql as 'select 1'`,
      ])
        await expect(client.query(statement)).rejects.toMatchObject({
          code: expect.stringMatching(/^42501|^22023/),
        });
      // Off means an error here, and no way around.
      await client.query('set row_security = off');
      await expect(client.query('select * from mlcache.entry')).rejects.toThrow(
        /row-level security/,
      );
    });
  });

  it('in a statement of the tier itself brings no row of others: without the wall it does', async () => {
    const broken = ({ text }: { text: string }): string =>
      text.replace('on e.tenant = w.tenant and e.key_hash = w.key_hash', 'on true');
    const pool = (config: pg.PoolConfig): pg.Pool => {
      const made = new pg.Pool(config);
      made.on('connect', (client) => {
        const query = client.query.bind(client) as (...args: unknown[]) => unknown;
        Object.assign(client, {
          query: (given: { text: string } | string, ...rest: unknown[]) => {
            if (typeof given === 'object') given.text = broken(given);
            return query(given, ...rest);
          },
        });
      });
      return made;
    };
    const readBy = async (url: string, rowSecurity: boolean): Promise<unknown> => {
      const options = { ...L3, ...STRICT, rowSecurity, url };
      const deps = { namespace: made.namespace, clock: new SystemClock(), pool };
      const tier = new DatabaseTier(options, deps);
      await tier.open(DEAF);
      const { state } = await tier.read(
        new Address(new Scope(made.namespace, 't:new', 'default'), 'k'),
      );
      await tier.close();
      return { state, corrupt: tier.status().corrupt };
    };
    expect(await readBy(database.url, true)).toEqual({ state: 'absent', corrupt: 0 });
    const { state, corrupt } = (await readBy(database.ownerUrl, false)) as Record<string, unknown>;
    expect([state, Number(corrupt) > 0]).toEqual(['invalid', true]);
  });
});

describe('at boot', () => {
  const refused = {
    state: 'down',
    reason: 'without row-level security for this user',
    config: true,
  };
  const open = async (url: string, namespace = freshNamespace()): Promise<TestCache> =>
    testCache({ namespace, database: url, l3: STRICT, mayBeDown: true });

  it('a user whom nothing keeps out is refused, and the application serves without the tier', async () => {
    const made = await open(database.ownerUrl);
    expect(made.cache.stats().tiers.l3).toMatchObject(refused);
    expect(await made.cache.getOrSet('k', () => 'v')).toBe('v');
  });

  it.each([
    [
      'is exempted',
      (role: string) => [`alter role ${role} bypassrls`],
      (role: string) => [`alter role ${role} nobypassrls`],
    ],
    [
      'owns a table',
      (role: string) => [`alter table mlcache.tag owner to ${role}`],
      () => ['alter table mlcache.tag owner to current_user'],
    ],
    [
      'has a table without it',
      () => ['alter table mlcache.tag disable row level security'],
      () => ['alter table mlcache.tag enable row level security'],
    ],
    [
      'has a table that does not force it',
      () => ['alter table mlcache.entry no force row level security'],
      () => ['alter table mlcache.entry force row level security'],
    ],
  ])('one that %s', async (_what, undo, redo) => {
    const { owner, role, url } = database;
    const namespace = freshNamespace();
    await database.admit(namespace);
    for (const statement of undo(role)) await owner.query(statement);
    const made = await open(url, namespace);
    expect(made.cache.stats().tiers.l3).toMatchObject(refused);
    for (const statement of redo(role)) await owner.query(statement);
    // Asked again each second.
    await expect.poll(() => made.cache.stats().tiers.l3.state, { timeout: 5_000 }).toBe('up');
  });
});

it('a user of the application’s own writes debts only where a policy lets it in', async () => {
  const { owner, role } = database;
  const plain = `plain_${freshNamespace().slice(2)}`;
  await owner.query(`create role ${plain} login password 'secret'`);
  await owner.query(`grant usage on schema mlcache to ${plain}`);
  await owner.query(`grant insert on mlcache.outbox to ${plain}`);
  const client = new pg.Client({
    connectionString: Object.assign(new URL(database.url), { username: plain }).href,
  });
  await client.connect();
  const reached = async (): Promise<boolean> =>
    (await client.query<{ reached: boolean }>(REACHES_OUTBOX, ['"mlcache"."outbox"'])).rows[0]
      .reached;
  try {
    // It may insert, and every insert would fail: in the application's transaction, of all places.
    expect(await reached()).toBe(false);
    await expect(client.query('select * from mlcache.entry_evict(1)')).rejects.toMatchObject({
      code: '42501',
    });
    await owner.query(`grant ${role} to ${plain}`);
    expect(await reached()).toBe(true);
  } finally {
    await client.end();
  }
});

it.each([
  { namespace: "shop'; drop table x" },
  { role: 'a b' },
  { schema: 'a"b' },
  { table: '' },
  { upkeepRole: 'x; y' },
] as Partial<RowSecurityOptions>[])('refuses names that are none: %o', (wrong) => {
  expect(() => rowSecurity({ namespace: 'shop', role: 'shop_cache', ...wrong })).toThrow(
    /^CACHE_OPTION_INVALID: (namespace|role|schema|table|upkeepRole) /,
  );
});
