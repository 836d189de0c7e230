/** Cached TypeORM queries of every kind: equal to uncached ones, gone with what they read, and never the reason for a failure. */
import pg from 'pg';
import { In, MoreThan, type DataSource, type SelectQueryBuilder } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  queryCacheStats,
  typeOrmQueryCache,
} from '../../libs/multi-level-cache/src/nest/typeorm.js';
import type { Cache } from '../../libs/multi-level-cache/src/manager/cache.js';
import { closeCaches, type TestCache } from '../support/cache.js';
import { startRedis } from '../support/servers.js';
import {
  BigTown,
  bind,
  closeSources,
  Country,
  Label,
  Note,
  sameDatabase,
  shaped,
  SHAPES,
  Statements,
  testSource,
  Town,
} from '../support/typeorm.js';

afterEach(async () => {
  await closeSources();
  await closeCaches();
});

async function seeded(): Promise<DataSource> {
  const source = await testSource();
  await source.getRepository(Country).save([
    { code: 'de', name: 'Germany' },
    { code: 'at', name: 'Austria' },
  ]);
  const [old, river] = await source.getRepository(Label).save([{ text: 'old' }, { text: 'river' }]);
  await source.getRepository(Town).save([
    {
      id: 1,
      name: 'Ulm',
      population: 126_000,
      country: { code: 'de' },
      labels: [old, river],
      crest: Buffer.from([0, 255, 7]),
      founded: new Date('0854-07-22T00:00:00Z'),
      facts: { mayors: ['A', 'B'] },
    },
    { id: 2, name: 'Linz', population: 210_000, country: { code: 'at' }, labels: [river] },
    { id: 3, name: 'Berlin', population: 3_600_000, country: { code: 'de' }, labels: [] },
  ]);
  await source.getRepository(Note).save([{ text: 'first', town: { id: 1 } }, { text: 'second' }]);
  return source;
}

/** Ways to ask, each with and without the cache. */
const QUERIES: Record<string, (source: DataSource, cache: boolean | number) => Promise<unknown>> = {
  find: ({ manager }, cache) => manager.find(Town, { cache, order: { id: 'ASC' } }),
  findOne: ({ manager }, cache) => manager.findOne(Town, { where: { id: 1 }, cache }),
  'findOne without a row': ({ manager }, cache) =>
    manager.findOne(Town, { where: { id: 99 }, cache }),
  findAndCount: ({ manager }, cache) =>
    manager.findAndCount(Town, {
      where: { id: MoreThan(0) },
      order: { id: 'DESC' },
      take: 2,
      cache,
    }),
  'joins with skip and take': ({ manager }, cache) =>
    manager.find(Town, {
      relations: { labels: true, country: true },
      order: { id: 'ASC' },
      skip: 1,
      take: 2,
      cache,
    }),
  'an eager relation': ({ manager }, cache) =>
    manager.find(Note, { order: { text: 'ASC' }, cache }),
  'an operator': ({ manager }, cache) =>
    manager.find(Town, { where: { name: In(['Ulm', 'Linz']) }, order: { id: 'ASC' }, cache }),
  'a view': ({ manager }, cache) => manager.find(BigTown, { cache }),
  count: ({ manager }, cache) => manager.count(Town, { cache }),
  'a query builder with a sub-query': ({ manager }, cache) =>
    cached(
      manager.createQueryBuilder(Town, 'town').where('town.id in (select n."townId" from note n)'),
      cache,
    ).getMany(),
  getRawMany: ({ manager }, cache) =>
    cached(
      manager
        .createQueryBuilder(Town, 'town')
        .select([
          'town.id as id',
          'town.founded as founded',
          'town.crest as crest',
          'town.facts as facts',
        ])
        .addSelect('town.area', 'area')
        .orderBy('town.id'),
      cache,
    ).getRawMany(),
  'getRawOne of no entity': ({ manager }, cache) =>
    cached(
      manager.createQueryBuilder().select('now() > now()', 'never').from('note', 'n'),
      cache,
    ).getRawOne(),
};

function cached<E extends object>(
  query: SelectQueryBuilder<E>,
  cache: boolean | number,
): SelectQueryBuilder<E> {
  return query.cache(cache as number);
}

describe.each(Object.entries(QUERIES))('%s', (_name, ask) => {
  it('gives from every tier what the database gives', async () => {
    const source = await seeded();
    const statements = Statements.of(source);
    const made = await shaped('l1+l2+l3');
    const plain = await ask(source, false);
    bind(source, made);
    expect(await ask(source, 60_000)).toEqual(plain);
    await made.cache.drain();
    const before = statements.selects;
    expect(await ask(source, 60_000)).toEqual(plain);
    expect(statements.selects).toBe(before);
    for (const tiers of [{}, { redis: undefined }]) {
      const second = await sameDatabase(source);
      const other = await shaped('l1+l2+l3', { namespace: made.namespace, ...tiers });
      const reads = Statements.of(second);
      bind(second, other);
      expect(await ask(second, 60_000)).toEqual(plain);
      expect(reads.selects).toBe(0);
    }
  });
});

describe('a DataSource that caches every query', () => {
  it('caches exists, which TypeORM caches in no other way', async () => {
    const source = await testSource({
      cache: { provider: typeOrmQueryCache(), duration: 60_000, alwaysEnabled: true },
    });
    bind(source, await shaped('l1'));
    const statements = Statements.of(source);
    const ask = (): Promise<boolean> => source.manager.exists(Town, { where: { name: 'Ulm' } });
    for (let turn = 0; turn < 3; turn++) expect(await ask()).toBe(false);
    expect(statements.selects).toBe(1);
    await source.getRepository(Town).insert({ id: 1, name: 'Ulm' });
    expect(await ask()).toBe(true);
  });
});

describe('values', () => {
  it('keeps the types that the driver makes of columns, bigint as well', async () => {
    const source = await testSource({
      extra: {
        types: {
          getTypeParser: (oid: Parameters<typeof pg.types.getTypeParser>[0], format?: 'text') =>
            oid === pg.types.builtins.INT8
              ? (text: string) => BigInt(text)
              : (pg.types.getTypeParser(oid, format) as unknown),
        },
      },
    });
    await source.getRepository(Town).insert({ id: 1, name: 'Ulm' });
    bind(source, await shaped('l1+l2'));
    const ask = (): Promise<unknown> =>
      source.manager
        .createQueryBuilder(Town, 'town')
        .select('town.area', 'area')
        .addSelect('town.founded', 'founded')
        .cache(true)
        .getRawOne();
    const first = await ask();
    expect(first).toEqual({ area: 9007199254740993n, founded: expect.any(Date) as Date });
    expect(await ask()).toEqual(first);
    expect(queryCacheStats(source)).toMatchObject({ hits: 1, misses: 1, errors: 0 });
  });

  it('tells parameters apart that spell alike as JSON', async () => {
    const source = await testSource();
    bind(source, await shaped('l1'));
    const ask = (given: unknown): Promise<unknown> =>
      source.manager
        .createQueryBuilder()
        .select(':given::float8 is null', 'absent')
        .from('(select 1)', 'one')
        .setParameter('given', given)
        .cache(true)
        .getRawOne();
    expect(await ask(null)).toEqual({ absent: true });
    expect(await ask(Number.NaN)).toEqual({ absent: false });
    expect(await ask(Infinity)).toEqual({ absent: false });
  });

  it('gives every caller rows of its own', async () => {
    const source = await seeded();
    bind(source, await shaped('l1'));
    const find = (): Promise<Town | null> =>
      source.manager.findOne(Town, { where: { id: 1 }, cache: true });
    for (let turn = 0; turn < 3; turn++) {
      const town = (await find())!;
      expect(town.facts).toEqual({ mayors: ['A', 'B'] });
      town.facts!.mayors.push('C');
      town.name = 'changed';
    }
    const raw = (): Promise<{ name: string }[]> =>
      source.manager
        .createQueryBuilder(Label, 'l')
        .select('l.text', 'name')
        .orderBy('l.id')
        .cache(true)
        .getRawMany();
    for (let turn = 0; turn < 3; turn++) {
      const rows = await raw();
      expect(JSON.stringify(rows)).toBe('[{"name":"old"},{"name":"river"}]');
      rows[0].name = 'changed';
      rows.push({ name: 'more' });
    }
  });

  it('serves no longer than its duration', async () => {
    const source = await seeded();
    bind(source, await shaped('l1'));
    const statements = Statements.of(source);
    const ask = (): Promise<unknown> => source.manager.find(Town, { cache: 40 });
    await ask();
    await ask();
    expect(statements.selects).toBe(1);
    await expect.poll(async () => (await ask(), statements.selects)).toBeGreaterThan(1);
  });
});

describe('ids', () => {
  it('removes a query with its pages and counts', async () => {
    const source = await seeded();
    const cache = bind(source, await shaped('l1+l2'));
    const statements = Statements.of(source);
    const ask = (): Promise<unknown> =>
      source.manager.findAndCount(Town, {
        relations: { labels: true },
        skip: 0,
        take: 2,
        order: { id: 'ASC' },
        cache: { id: 'page', milliseconds: 60_000 },
      });
    await ask();
    const once = statements.selects;
    expect(once).toBe(3);
    await ask();
    expect(statements.selects).toBe(once);
    await source.queryResultCache!.remove(['page']);
    await ask();
    expect(statements.selects).toBe(2 * once);
    await cache.invalidateTags(['queryId:page-count']);
    await ask();
    expect(statements.selects).toBe(2 * once + 1);
    await source.queryResultCache!.clear();
    await ask();
    expect(statements.selects).toBe(3 * once + 1);
  });

  it('takes any text as an id', async () => {
    const source = await seeded();
    bind(source, await shaped('l1'));
    const statements = Statements.of(source);
    const id = `a\u0000b${'x'.repeat(2_000)}`;
    const ask = (): Promise<unknown> =>
      source.manager.find(Town, { cache: { id, milliseconds: 60_000 } });
    await ask();
    await ask();
    expect(statements.selects).toBe(1);
    await source.queryResultCache!.remove([id]);
    await ask();
    expect(statements.selects).toBe(2);
  });
});

describe('an invalidation between a query and its result', () => {
  describe.each(SHAPES)('%s', (shape) => {
    let source: DataSource;
    let made: TestCache;
    let cache: Cache;
    let statements: Statements;

    beforeEach(async () => {
      source = await seeded();
      made = await shaped(shape);
      cache = bind(source, made);
      statements = Statements.of(source);
    });

    const find = (): Promise<Town | null> =>
      source.manager.findOne(Town, { where: { name: 'Ulm' }, cache: true });

    // Memory alone hears of no other instance.
    const ways = [
      'the write itself',
      'a tag',
      'clear',
      ...(shape === 'l1' ? [] : ['another instance']),
    ];
    it.each(ways)('by %s: the caller gets the rows, and no tier keeps them', async (by) => {
      const stop = statements.stop(/FROM "town"/);
      const old = find();
      await stop.reached;
      if (by === 'the write itself') await source.manager.update(Town, 1, { population: 1 });
      else {
        await source.query('update town set population = 1 where id = 1');
        if (by === 'clear') await cache.clear();
        else if (by === 'a tag') await cache.invalidateTags(['table:town']);
        else {
          const other = await shaped(shape, { namespace: made.namespace });
          await other.cache.invalidateTags(['table:town']);
        }
      }
      stop.pass();
      expect((await old)?.population).toBe(126_000);
      expect((await find())?.population).toBe(1);
      expect((await find())?.population).toBe(1);
    });
  });
});

describe('trouble', () => {
  it('leaves nobody hanging where a query fails, and its key free', async () => {
    const source = await seeded();
    const made = await shaped('l1+l2+l3');
    bind(source, made);
    const ask = (): Promise<unknown> =>
      source.manager
        .createQueryBuilder(Town, 'town')
        .select('1 / (population - 126000)', 'value')
        .where('town.id = 1')
        .cache(true)
        .getRawOne();
    for (const result of await Promise.allSettled([ask(), ask(), ask()]))
      expect(result).toMatchObject({ status: 'rejected', reason: { message: 'division by zero' } });
    await made.cache.drain();
    await source.query('update town set population = 126001 where id = 1');
    const second = await sameDatabase(source);
    bind(second, await shaped('l1+l2+l3', { namespace: made.namespace }));
    expect(await ask()).toEqual({ value: 1 });
    expect(made.cache.stats().tiers.l2.writes).toBe(1);
  });

  it('lets every caller run its own query: none waits for another’s', async () => {
    const source = await seeded();
    bind(source, await shaped('l1+l2+l3'));
    const statements = Statements.of(source);
    const ask = (): Promise<unknown> => source.manager.find(Town, { cache: true });
    const stop = statements.stop(/FROM "town"/);
    const slow = ask();
    await stop.reached;
    expect(await ask()).toHaveLength(3);
    stop.pass();
    expect(await slow).toHaveLength(3);
  });

  it('answers uncached while nothing is bound, and while the cache is closed', async () => {
    const source = await seeded();
    const statements = Statements.of(source);
    const ask = (): Promise<unknown[]> => source.manager.find(Town, { cache: true });
    expect(await ask()).toHaveLength(3);
    expect(await ask()).toHaveLength(3);
    expect(statements.selects).toBe(2);
    expect(queryCacheStats(source).bypassed.unbound).toBe(2);
    await source.queryResultCache!.remove(['x']);
    const made = await shaped('l1');
    bind(source, made);
    await made.close();
    expect(await ask()).toHaveLength(3);
    expect(queryCacheStats(source)).toMatchObject({ hits: 0, errors: 1 });
    await source.manager.update(Town, 1, { population: 5 });
  });

  it('answers while Redis is gone', async () => {
    const server = await startRedis();
    const source = await seeded();
    const made = await shaped('l1+l2', { redis: server.url, l1: false, budget: 100 });
    bind(source, made);
    const ask = (): Promise<unknown[]> => source.manager.find(Town, { cache: true });
    expect(await ask()).toHaveLength(3);
    await server.stop();
    expect(await ask()).toHaveLength(3);
    await source.manager.update(Town, 1, { population: 5 });
    expect(await ask()).toHaveLength(3);
  });

  it('does not cache what it cannot, and says so by a number', async () => {
    const source = await seeded();
    bind(source, await shaped('l1'));
    // The driver makes an object of a class of its own of an interval.
    const ask = (): Promise<unknown> =>
      source.manager
        .createQueryBuilder(Town, 'town')
        .select("interval '1 day'", 'value')
        .where('town.id = 1')
        .cache(true)
        .getRawOne();
    expect(await ask()).toMatchObject({ value: { days: 1 } });
    expect(await ask()).toMatchObject({ value: { days: 1 } });
    expect(queryCacheStats(source)).toMatchObject({ hits: 0, misses: 2, errors: 2 });
  });

  it('keeps nothing that was read on a connection to which somebody left settings', async () => {
    const source = await testSource({ poolSize: 1 });
    await source.getRepository(Town).insert({ id: 1, name: 'Ulm' });
    bind(source, await shaped('l1'));
    const runner = source.createQueryRunner();
    await runner.query('set search_path to pg_catalog, public');
    await runner.release();
    const ask = (): Promise<unknown[]> => source.manager.find(Town, { cache: true });
    await ask();
    await ask();
    expect(queryCacheStats(source)).toMatchObject({ hits: 0, bypassed: { session: 2 } });
    await source.query('reset search_path');
    await ask();
    await ask();
    expect(queryCacheStats(source)).toMatchObject({ hits: 1, bypassed: { session: 2 } });
  });

  it('takes no notice of settings that end with a transaction', async () => {
    const source = await testSource({ poolSize: 1 });
    await source.getRepository(Town).insert({ id: 1, name: 'Ulm' });
    bind(source, await shaped('l1'));
    await source.transaction(async (manager) => {
      await manager.query("set local statement_timeout = '5s'");
      await manager.query("select set_config('app.tenant', $1, true)", ['a']);
    });
    const ask = (): Promise<unknown[]> => source.manager.find(Town, { cache: true });
    await ask();
    await ask();
    expect(queryCacheStats(source)).toMatchObject({ hits: 1, bypassed: { session: 0 } });
  });
});
