/** The cache beside transactions of the application's: it follows what is committed, and sees nothing that is not. */
import { AsyncResource } from 'node:async_hooks';
import { DataSource, EntitySchema, type EntityManager } from 'typeorm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import pg from 'pg';
import { closeCaches, deferred, testCache, type TestCache } from '../support/cache.js';
import { freshDatabase, freshNamespace, redisUrl } from '../support/servers.js';

interface City {
  id: number;
  name: string;
}

const Cities = new EntitySchema<City>({
  name: 'City',
  tableName: 'city',
  columns: { id: { type: 'int', primary: true }, name: { type: 'text' } },
});

let database: string;
let source: DataSource;
let outside: pg.Pool;

beforeAll(async () => {
  database = await freshDatabase();
  source = new DataSource({ type: 'postgres', url: database, entities: [Cities] });
  await source.initialize();
  await source.synchronize();
  outside = new pg.Pool({ connectionString: database, max: 2 });
});
afterAll(async () => {
  await source.destroy();
  await outside.end();
});
afterEach(async () => {
  await closeCaches();
  await source.query('truncate city');
});

const SHAPES = [
  { title: 'L1', redis: false, third: false },
  { title: 'L1+L2', redis: true, third: false },
  { title: 'L1+L3', redis: false, third: true },
  { title: 'L1+L2+L3', redis: true, third: true },
] as const;

/** Made outside every transaction, and so is what runs in it. */
const OUTSIDE = new AsyncResource('outside');
const outsideOf = <T>(work: () => Promise<T>): Promise<T> => OUTSIDE.runInAsyncScope(work);
const SOON = { timeout: 5_000, interval: 50 };

async function make(shape: (typeof SHAPES)[number], namespace: string): Promise<TestCache> {
  const made = await testCache({
    namespace,
    redis: shape.redis ? redisUrl() : undefined,
    database: shape.third ? database : undefined,
  });
  made.cache.hooks.listenTo(source);
  return made;
}

const write = (manager: EntityManager, name: string): Promise<unknown> =>
  manager.getRepository(Cities).save({ id: 1, name });

/** As everybody but the transaction sees it. */
async function committed(): Promise<string | undefined> {
  const { rows } = await outside.query<City>('select name from city where id = 1');
  return rows[0]?.name;
}

async function outboxRows(): Promise<number> {
  const { rows } = await outside.query<{ n: string }>('select count(*) n from mlcache.outbox');
  return Number(rows[0].n);
}

describe.each(SHAPES)('$title', (shape) => {
  const load = (cache: TestCache['cache']): Promise<string | undefined> =>
    cache.getOrSet('city:1', committed, { tags: ['cities'] });

  it('R13: invalidated in a transaction, another reader refills before the commit: nothing older survives it', async () => {
    const namespace = freshNamespace();
    const [writer, reader] = [await make(shape, namespace), await make(shape, namespace)];
    await write(source.manager, 'old');
    expect(await load(writer.cache)).toBe('old');
    let begun: Promise<string | undefined> | undefined;
    let goOn!: () => void;
    await source.transaction(async (manager) => {
      await write(manager, 'new');
      await writer.cache.invalidateIn(manager, { keys: ['city:1'] });
      // A whole load of what is committed, and one that has read it and is not back yet.
      expect(await load(reader.cache)).toBe('old');
      begun = reader.cache.getOrSet('slow', async () => {
        const name = await committed();
        await new Promise<void>((resolve) => (goOn = resolve));
        return name;
      });
      await expect.poll(() => typeof goOn).toBe('function');
      await writer.cache.invalidateIn(manager, { keys: ['slow'] });
    });
    goOn();
    expect(await begun).toBe('old');
    expect(await load(writer.cache)).toBe('new');
    expect(await writer.cache.get('slow')).toBeUndefined();
    if (shape.redis) await expect.poll(() => reader.cache.peek('city:1')).not.toBe('old');
    if (shape.redis) expect(await load(reader.cache)).toBe('new');
    const late = await make(shape, namespace);
    expect(await load(late.cache)).toBe('new');
    expect(await late.cache.get('slow')).toBeUndefined();
  });

  it('rolled back: nothing is invalidated, and what was read within it is kept nowhere', async () => {
    const { cache } = await make(shape, freshNamespace());
    await write(source.manager, 'old');
    await load(cache);
    const failure = new Error('no');
    const failing = source.transaction(async (manager) => {
      await write(manager, 'new');
      await cache.delete('city:1');
      await cache.invalidateTags(['cities']);
      const own = await cache.getOrSet('city:1', () =>
        manager
          .getRepository(Cities)
          .findOneByOrFail({ id: 1 })
          .then(({ name }) => name),
      );
      expect(own).toBe('new');
      throw failure;
    });
    await expect(failing).rejects.toBe(failure);
    await cache.drain();
    expect(cache.peek('city:1')).toBe('old');
    expect(await cache.get('city:1')).toBe('old');
    if (shape.third) expect(await outboxRows()).toBe(0);
  });

  it('reads its own writes, and nobody else sees them before the commit', async () => {
    const { cache } = await make(shape, freshNamespace());
    await write(source.manager, 'old');
    await load(cache);
    await source.transaction(async (manager) => {
      await write(manager, 'new');
      expect(cache.peek('city:1')).toBeUndefined();
      expect(await cache.get('city:1')).toBeUndefined();
      expect(await cache.has('city:1')).toBe(false);
      expect(await cache.getMany(['city:1'])).toEqual(new Map());
      const own = (): Promise<string> =>
        manager
          .getRepository(Cities)
          .findOneByOrFail({ id: 1 })
          .then(({ name }) => name);
      expect(await cache.getOrSet('city:1', own)).toBe('new');
      expect(await cache.getOrSetMany(['city:1'], async () => [['city:1', await own()]])).toEqual(
        new Map([['city:1', 'new']]),
      );
      expect(await outsideOf(() => cache.get('city:1'))).toBe('old');
      await cache.delete('city:1');
      expect(await outsideOf(() => cache.get('city:1'))).toBe('old');
    });
    expect(await cache.get('city:1')).toBeUndefined();
    expect(await load(cache)).toBe('new');
  });

  it('inner savepoint rolled back: the outer one still invalidates what it wrote', async () => {
    const { cache } = await make(shape, freshNamespace());
    await write(source.manager, 'old');
    await load(cache);
    await cache.set('inner', 1);
    await source.transaction(async (manager) => {
      await write(manager, 'new');
      await cache.invalidateIn(manager, { keys: ['city:1'] });
      await manager
        .transaction(async (nested) => {
          await write(nested, 'newer');
          await cache.invalidateIn(nested, { keys: ['inner'] });
          throw new Error('no');
        })
        .catch(() => undefined);
      await manager.transaction((nested) => write(nested, 'other'));
      expect(await outsideOf(() => cache.get('city:1'))).toBe('old');
    });
    expect(await load(cache)).toBe('other');
    // Too much is safe.
    expect(await cache.get('inner')).toBeUndefined();
  });
});

describe('what a transaction may see', () => {
  const shape = SHAPES[3];

  it('READ COMMITTED and nothing written: answered by the cache, a miss is loaded and kept nowhere', async () => {
    const { cache } = await make(shape, freshNamespace());
    await write(source.manager, 'old');
    await cache.getOrSet('warm', () => 'kept');
    await source.transaction(async (manager) => {
      await manager.getRepository(Cities).findOneBy({ id: 1 });
      expect(await cache.getOrSet('warm', () => 'not asked')).toBe('kept');
      expect(await cache.getOrSet('cold', committed)).toBe('old');
      expect(await cache.getOrSetMany(['warm', 'cold'], async () => [['cold', 'here']])).toEqual(
        new Map([
          ['warm', 'kept'],
          ['cold', 'here'],
        ]),
      );
    });
    await cache.drain();
    expect(await cache.get('cold')).toBeUndefined();
  });

  it.each(['REPEATABLE READ', 'SERIALIZABLE'] as const)(
    '%s: asks no tier, for the cache may be newer than its snapshot',
    async (level) => {
      const { cache } = await make(shape, freshNamespace());
      await cache.set('k', 'newer');
      await source.transaction(level, async () => {
        expect(cache.peek('k')).toBeUndefined();
        expect(await cache.get('k')).toBeUndefined();
        expect(await cache.getOrSet('k', () => 'as of the snapshot')).toBe('as of the snapshot');
      });
      expect(await cache.get('k')).toBe('newer');
    },
  );

  it.each([
    ['insert into city values (2, $1)', true],
    ['/* why */ with moved as (delete from city returning *) select $1::text from moved', true],
    ['with one as (select $1::text as name) select name from one', false],
    ['-- why\nselect name from city where name = $1 for update', false],
  ])('raw statement %s: has written: %s', async (statement, dirty) => {
    const { cache } = await make(shape, freshNamespace());
    await cache.set('k', 'cached');
    await source.transaction(async (manager) => {
      await manager.query(statement, ['x']);
      expect(await cache.get('k')).toBe(dirty ? undefined : 'cached');
    });
  });

  it('a load that another call runs is not joined, and nobody joins one of a transaction', async () => {
    const { cache } = await make(shape, freshNamespace());
    let finish!: (value: string) => void;
    const outer = cache.getOrSet('k', () => new Promise<string>((resolve) => (finish = resolve)));
    await expect.poll(() => typeof finish).toBe('function');
    await source.transaction(async (manager) => {
      await write(manager, 'new');
      expect(await cache.getOrSet('k', () => 'mine')).toBe('mine');
      let end!: (value: string) => void;
      const own = cache.getOrSet('other', () => new Promise<string>((resolve) => (end = resolve)));
      expect(await outsideOf(() => cache.getOrSet('other', () => 'theirs'))).toBe('theirs');
      end('uncommitted');
      expect(await own).toBe('uncommitted');
    });
    finish('loaded');
    expect(await outer).toBe('loaded');
    expect(await cache.get('other')).toBe('theirs');
  });

  it('a set within it is an invalidation after the commit, and what it leaves running is outside', async () => {
    const { cache } = await make(shape, freshNamespace());
    await cache.set('k', 'old');
    let later: Promise<unknown> | undefined;
    const ended = deferred();
    const receipt = await source.transaction(async (manager) => {
      await write(manager, 'new');
      later = ended.promise.then(() => cache.set('k', 'after'));
      return cache.set('k', 'uncommitted');
    });
    expect(receipt).toMatchObject({ l1: 'queued', l2: 'queued', l3: 'queued', durable: false });
    expect(await cache.get('k')).toBeUndefined();
    await source.transaction(async () => {
      ended.resolve();
      await later;
    });
    expect(await cache.get('k')).toBe('after');
  });

  it('mutate within it runs the write, and removes at the commit', async () => {
    const { cache } = await make(shape, freshNamespace());
    await cache.set('k', 'old', { tags: ['t'] });
    await source.transaction(async (manager) => {
      const done = await cache.mutate({ keys: ['k'], tags: ['t'] }, () => write(manager, 'new'));
      expect(done).toMatchObject({ name: 'new' });
      expect(await outsideOf(() => cache.get('k'))).toBe('old');
    });
    expect(await cache.get('k')).toBeUndefined();
  });
});

describe('the outbox', () => {
  const shape = SHAPES[3];

  it('one row and one statement more for all that a transaction and its savepoints invalidate', async () => {
    const { cache } = await make(shape, freshNamespace());
    const statements: string[] = [];
    const seen = { beforeQuery: ({ query }: { query: string }) => void statements.push(query) };
    const work = async (manager: EntityManager): Promise<number> => {
      await write(manager, 'new');
      await cache.invalidateIn(manager, { keys: ['a', 'b'], tags: ['t'] });
      await cache.deleteMany(['c']);
      await manager.transaction((nested) => cache.invalidateIn(nested, { tags: ['u'] }));
      return 0;
    };
    await source.transaction(work);
    source.subscribers.push(seen);
    let rows = -1;
    const after = { afterTransactionCommit: async () => void (rows = await outboxRows()) };
    source.subscribers.unshift(after);
    try {
      statements.length = 0;
      await source.transaction(work);
      expect(statements.filter((text) => text.includes('outbox'))).toHaveLength(1);
      expect(rows).toBe(1);
    } finally {
      for (const one of [seen, after])
        source.subscribers.splice(source.subscribers.indexOf(one), 1);
    }
    await cache.drain();
    expect(await outboxRows()).toBe(0);
  });

  it('transactions that commit in another order than they have written into it: nothing is lost', async () => {
    const namespace = freshNamespace();
    const { cache } = await make(shape, namespace);
    await cache.setMany([
      ['first', 1],
      ['second', 2],
    ]);
    const [one, two] = [await outside.connect(), await outside.connect()];
    const owe = (client: pg.PoolClient, key: string): Promise<unknown> =>
      client.query(
        `insert into mlcache.outbox (id, app, type, payload, whole, due_at) values ($1, $2, 'd', $3, true, now())`,
        [key, namespace, JSON.stringify([['p', 'default', key]])],
      );
    try {
      for (const client of [one, two]) await client.query('begin');
      await owe(one, 'first');
      await owe(two, 'second');
      await two.query('commit');
      await expect.poll(() => cache.get('second'), SOON).toBeUndefined();
      expect(await cache.get('first')).toBe(1);
      await one.query('commit');
      await expect.poll(() => cache.get('first'), SOON).toBeUndefined();
    } finally {
      one.release();
      two.release();
    }
    const left = `select count(*)::int n from mlcache.outbox where app = $1`;
    await expect
      .poll(
        () => outside.query<{ n: number }>(left, [namespace]).then(({ rows }) => rows[0].n),
        SOON,
      )
      .toBe(0);
  });

  it('rubbish in it is struck, and what comes after it is made', async () => {
    const namespace = freshNamespace();
    const { cache } = await make(shape, namespace);
    await cache.set('k', 1);
    const rows = [
      ['m', '[["d","[]"'],
      ['m', '[["q","[]"]]'],
      ['m', '{}'],
      ['m', '[]'],
      ['?', ''],
      ['m', JSON.stringify([['d', JSON.stringify([['p', 'default', 'k']])]])],
    ];
    for (const [at, [type, payload]] of rows.entries())
      await outside.query(
        `insert into mlcache.outbox (id, app, type, payload, whole, due_at) values ($1, $2, $3, $4, true, now())`,
        [`${namespace}${at}`, namespace, type, payload],
      );
    await expect.poll(() => cache.get('k'), SOON).toBeUndefined();
    await expect.poll(outboxRows, SOON).toBe(0);
  });

  it.each([
    ['L3 is in another database', () => ({ database: freshDatabase() })],
    ['there is no L3', () => ({ database: Promise.resolve(undefined) })],
  ])('%s: invalidated at the commit all the same', async (_title, where) => {
    const { cache } = await testCache({
      namespace: freshNamespace(),
      redis: redisUrl(),
      database: await where().database,
    });
    await cache.set('k', 1);
    await source.transaction(async (manager) => {
      await cache.invalidateIn(manager, { keys: ['k'] });
      expect(await cache.get('k')).toBe(1);
    });
    expect(await cache.get('k')).toBeUndefined();
    expect(await outboxRows()).toBe(0);
  });

  it('no tier takes it after the commit: the row stays for whoever looks into the outbox', async () => {
    const namespace = freshNamespace();
    const { cache, l2, l3 } = await make(shape, namespace);
    await cache.set('k', 1);
    const stops = await source.transaction(async (manager) => {
      await cache.invalidateIn(manager, { keys: ['k'] });
      return [l2!, l3!].map((tier) => tier.failThenStop('apply'));
    });
    expect(await outboxRows()).toBe(1);
    for (const stop of stops) stop.pass();
    await expect.poll(outboxRows, SOON).toBe(0);
    const late = await make(shape, namespace);
    expect(await late.cache.get('k')).toBeUndefined();
  });

  it('who finds it cannot make it either: that is an error, so that it is left there', async () => {
    const { cache, l2, l3 } = await make(shape, freshNamespace());
    const { writes } = cache.transactions;
    const change = { kind: 'delete', keys: [['p', 'default', 'k']] } as const;
    const second = l2!.failThenStop('apply');
    await writes.redo(change);
    second.pass();
    const stops = [l2!, l3!].map((tier) => tier.failThenStop('apply'));
    await expect(writes.redo(change)).rejects.toMatchObject({ code: 'CACHE_TIER_UNAVAILABLE' });
    for (const stop of stops) stop.pass();
  });

  it('a transaction of another database within it: what that one invalidates waits for both', async () => {
    const url = await freshDatabase();
    const other = await new DataSource({ type: 'postgres', url }).initialize();
    try {
      const { cache } = await make(shape, freshNamespace());
      cache.hooks.listenTo(other);
      await source.transaction(async (manager) => {
        await write(manager, 'new');
        await other.transaction(async () => {
          // Its own database says nothing of what the outer one has written.
          expect(await cache.getOrSet('k', () => 'uncommitted')).toBe('uncommitted');
          await cache.delete('k');
        });
        await outsideOf(() => cache.set('k', 'read before the outer commit'));
      });
      expect(await cache.get('k')).toBeUndefined();
    } finally {
      await other.destroy();
    }
  });

  it('an error in the cache after the commit never reaches the caller', async () => {
    const { cache } = await make(shape, freshNamespace());
    const broken = source.transaction(async (manager) => {
      await write(manager, 'new');
      await cache.invalidateIn(manager, { keys: ['k'] });
      cache.transactions.writes.write = () => Promise.reject(new Error('broken'));
      return 'result';
    });
    expect(await broken).toBe('result');
    expect(await committed()).toBe('new');
  });
});

it('outside a transaction invalidateIn acts at once, and says what is not a manager', async () => {
  const { cache } = await make(SHAPES[3], freshNamespace());
  await cache.set('k', 1, { tags: ['t'] });
  await cache.invalidateIn(source.manager, { tags: ['t'] });
  expect(await cache.get('k')).toBeUndefined();
  for (const manager of [undefined, null, {}, 'manager'])
    await expect(cache.invalidateIn(manager as never, { keys: ['k'] })).rejects.toMatchObject({
      code: 'CACHE_OPTION_INVALID',
    });
  await expect(cache.invalidateIn(source.manager, {})).rejects.toThrow(/names no key and no tag/);
});

it('a data source that is initialised later, and then has subscribers of its own, is listened to', async () => {
  const { cache } = await testCache({ namespace: freshNamespace() });
  const later = new DataSource({ type: 'postgres', url: await freshDatabase() });
  cache.hooks.listenTo(later);
  await later.initialize();
  try {
    await cache.set('k', 1);
    await later.transaction(async (manager) => {
      await cache.invalidateIn(manager, { keys: ['k'] });
      expect(await outsideOf(() => cache.get('k'))).toBe(1);
    });
    expect(await cache.get('k')).toBeUndefined();
    await cache.set('k', 1);
    const runner = later.createQueryRunner();
    await runner.startTransaction();
    await cache.invalidateIn(runner.manager, { keys: ['k'] });
    expect(await cache.get('k')).toBe(1);
    await runner.commitTransaction();
    expect(await cache.get('k')).toBeUndefined();
    await runner.release();
  } finally {
    await later.destroy();
  }
});

it('several caches listen to one data source and leave in the order they came: it has back what was its own', async () => {
  const [one, other] = [
    await testCache({ namespace: freshNamespace() }),
    await testCache({ namespace: freshNamespace() }),
  ];
  const later = new DataSource({ type: 'postgres', url: await freshDatabase() });
  for (const { cache } of [one, other]) cache.hooks.listenTo(later);
  await one.close();
  await later.initialize();
  try {
    expect(later.subscribers).toHaveLength(1);
    await other.close();
    expect(later.subscribers).toHaveLength(0);
    for (const [owner, name] of [
      [later, 'initialize'],
      [later.manager, 'transaction'],
    ] as const)
      expect(Object.hasOwn(owner, name)).toBe(false);
  } finally {
    await later.destroy();
  }
});

it('after close no transaction is listened to, and the data source is as it was', async () => {
  const before = source.subscribers.length;
  const [one, other] = [
    await make(SHAPES[0], freshNamespace()),
    await make(SHAPES[0], freshNamespace()),
  ];
  expect(source.subscribers).toHaveLength(before + 2);
  await one.close();
  await other.cache.set('k', 1);
  await source.transaction(async () => {
    await other.cache.delete('k');
    expect(await outsideOf(() => other.cache.get('k'))).toBe(1);
  });
  await other.close();
  expect(source.subscribers).toHaveLength(before);
  expect(Object.hasOwn(source.manager, 'transaction')).toBe(false);
});
