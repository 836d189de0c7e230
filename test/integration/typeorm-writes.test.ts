/** What each kind of write through TypeORM invalidates: a list of the table, a row that was written, a row that was not. */
import { Column, Entity, PrimaryColumn, type DataSource, type EntityManager } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Cache } from '../../libs/multi-level-cache/src/manager/cache.js';
import { tagsOf } from '../../libs/multi-level-cache/src/nest/typeorm.js';
import { closeCaches } from '../support/cache.js';
import {
  BigTown,
  bind,
  closeSources,
  Country,
  Label,
  shaped,
  Statements,
  testSource,
  Town,
} from '../support/typeorm.js';

let source: DataSource;
let cache: Cache;
let statements: Statements;

beforeEach(async () => {
  source = await testSource();
  await source.getRepository(Country).insert({ code: 'de', name: 'Germany' });
  await source.getRepository(Label).insert([{ text: 'old' }]);
  await source.getRepository(Town).save([
    { id: 1, name: 'Ulm', country: { code: 'de' }, labels: [{ id: 1 }] },
    { id: 2, name: 'Linz' },
  ]);
  cache = bind(source, await shaped('l1+l2'));
  statements = Statements.of(source);
});

afterEach(async () => {
  await closeSources();
  await closeCaches();
});

/** Reads that are cached, by what they are pinned to. */
const READS: Record<string, () => Promise<unknown>> = {
  list: () => source.manager.find(Town, { cache: true }),
  row: () => source.manager.findOne(Town, { where: { id: 1 }, cache: true }),
  other: () => source.manager.findOne(Town, { where: { id: 2 }, cache: true }),
  absent: () => source.manager.findOne(Town, { where: { id: 7 }, cache: true }),
  view: () => source.manager.find(BigTown, { cache: true }),
  joined: () => source.manager.find(Country, { relations: { towns: true }, cache: true }),
  labelled: () => source.manager.find(Town, { relations: { labels: true }, cache: true }),
  country: () => source.manager.find(Country, { cache: true }),
};

/** Names of the reads that asked the database again. */
async function asked(): Promise<string[]> {
  const again: string[] = [];
  for (const [name, read] of Object.entries(READS)) {
    const before = statements.selects;
    await read();
    if (statements.selects > before) again.push(name);
  }
  return again;
}

const ALL_OF_TOWN = ['list', 'row', 'other', 'absent', 'view', 'joined', 'labelled'];

const towns = (manager: EntityManager) => manager.getRepository(Town);

/** What each write makes the reads ask again. */
const WRITES: Record<string, [(manager: EntityManager) => Promise<unknown>, readonly string[]]> = {
  'save of a row that is there': [
    async (manager) => towns(manager).save({ id: 1, name: 'Neu-Ulm' }),
    ['list', 'row', 'view', 'joined', 'labelled'],
  ],
  'save of a new row': [
    async (manager) => towns(manager).save({ id: 7, name: 'Wien' }),
    ['list', 'absent', 'view', 'joined', 'labelled'],
  ],
  'save that changes nothing': [async (manager) => towns(manager).save({ id: 1, name: 'Ulm' }), []],
  'save of a relation': [
    async (manager) => towns(manager).save({ id: 2, labels: [{ id: 1 }] }),
    ['labelled'],
  ],
  'save that cascades': [
    async (manager) =>
      towns(manager).save({ id: 2, name: 'Linz', country: { code: 'at', name: 'Austria' } }),
    ['list', 'other', 'view', 'joined', 'labelled', 'country'],
  ],
  remove: [
    async (manager) => towns(manager).remove((await towns(manager).findOneBy({ id: 1 }))!),
    ['list', 'row', 'view', 'joined', 'labelled'],
  ],
  softRemove: [
    async (manager) => towns(manager).softRemove((await towns(manager).findOneBy({ id: 1 }))!),
    ['list', 'row', 'view', 'joined', 'labelled'],
  ],
  update: [async (manager) => towns(manager).update(1, { name: 'x' }), ALL_OF_TOWN],
  increment: [async (manager) => towns(manager).increment({ id: 1 }, 'population', 1), ALL_OF_TOWN],
  softDelete: [async (manager) => towns(manager).softDelete(1), ALL_OF_TOWN],
  restore: [async (manager) => towns(manager).restore(1), ALL_OF_TOWN],
  delete: [async (manager) => towns(manager).delete(1), ALL_OF_TOWN],
  insert: [async (manager) => towns(manager).insert({ id: 7, name: 'Wien' }), ALL_OF_TOWN],
  upsert: [async (manager) => towns(manager).upsert({ id: 1, name: 'x' }, ['id']), ALL_OF_TOWN],
  'update by query builder': [
    async (manager) => manager.createQueryBuilder().update(Town).set({ name: 'x' }).execute(),
    ALL_OF_TOWN,
  ],
  'delete by query builder': [
    async (manager) => manager.createQueryBuilder().delete().from(Town).where('id = 1').execute(),
    ALL_OF_TOWN,
  ],
  'insert by query builder': [
    async (manager) =>
      manager.createQueryBuilder().insert().into(Town).values({ id: 7, name: 'x' }).execute(),
    ALL_OF_TOWN,
  ],
  'raw SQL': [async (manager) => manager.query("update town set name = 'x'"), []],
  'save without listeners': [
    async (manager) => towns(manager).save({ id: 1, name: 'x' }, { listeners: false }),
    [],
  ],
};

describe.each(Object.entries(WRITES))('%s', (_name, [write, expected]) => {
  it('outside of a transaction', async () => {
    expect(await asked()).toEqual(Object.keys(READS));
    expect(await asked()).toEqual([]);
    await write(source.manager);
    expect(await asked()).toEqual(expected);
  });

  it('in a transaction: after its outermost commit, and not before', async () => {
    await asked();
    await source.transaction(async (manager) => {
      await manager.transaction((inner) => write(inner));
      expect(await asked()).toEqual([]);
    });
    expect(await asked()).toEqual(expected);
  });

  it('in a transaction that is rolled back: nothing', async () => {
    await asked();
    const undone = source.transaction(async (manager) => {
      await write(manager);
      throw new Error('undo');
    });
    await expect(undone).rejects.toThrow('undo');
    expect(await asked()).toEqual([]);
  });
});

it('keeps what a savepoint wrote that was rolled back: too much goes, never too little', async () => {
  await asked();
  await source.transaction(async (manager) => {
    await towns(manager).update(1, { name: 'x' });
    const inner = manager.transaction(async (nested) => {
      await nested.getRepository(Country).update('de', { name: 'y' });
      throw new Error('undo');
    });
    await expect(inner).rejects.toThrow('undo');
  });
  expect(await asked()).toEqual([...ALL_OF_TOWN, 'country']);
});

it('forgets what a runner rolled back before its next transaction', async () => {
  await asked();
  const runner = source.createQueryRunner();
  await runner.startTransaction();
  await runner.manager.update(Town, 1, { name: 'never' });
  await runner.rollbackTransaction();
  await runner.startTransaction();
  await runner.manager.update(Country, 'de', { name: 'x' });
  await runner.commitTransaction();
  await runner.release();
  expect(await asked()).toEqual(['joined', 'country']);
});

it('sends one change for a statement of many rows', async () => {
  const changes = vi.spyOn(cache, 'invalidateIn');
  const rows = Array.from({ length: 500 }, (_zero, index) => ({ id: 100 + index, name: 'n' }));
  await towns(source.manager).insert(rows);
  expect(changes).toHaveBeenCalledTimes(1);
  await towns(source.manager).save(rows.map(({ id }) => ({ id, name: 'm' })));
  expect(changes).toHaveBeenCalledTimes(2);
  // So many that naming them all costs more than reading the rest again.
  expect(changes).toHaveBeenLastCalledWith(expect.anything(), {
    tags: ['table:town', 'rows:town'],
  });
});

it('invalidates by hand what TypeORM does not tell of', async () => {
  await asked();
  await source.query("update town set name = 'x' where id = 1");
  await cache.invalidateTags(tagsOf(towns(source.manager), [{ id: 1 }]));
  expect(await asked()).toEqual(['list', 'row', 'view', 'joined', 'labelled']);
  await source.query("update town set name = 'y'");
  await cache.invalidateTags(tagsOf(towns(source.manager)));
  expect(await asked()).toEqual(ALL_OF_TOWN);
});

it('never fails a write, whatever becomes of the cache', async () => {
  await asked();
  cache.invalidateTags = () => Promise.reject(new Error('broken'));
  await towns(source.manager).update(1, { name: 'x' });
  await source.transaction((manager) => towns(manager).update(1, { name: 'y' }));
  expect((await towns(source.manager).findOneBy({ id: 1 }))?.name).toBe('y');
});

it('invalidates for a DataSource that is opened later, or once more', async () => {
  await source.destroy();
  await source.initialize();
  statements = Statements.of(source);
  expect(await asked()).toEqual(Object.keys(READS));
  await towns(source.manager).update(1, { name: 'x' });
  expect(await asked()).toEqual(ALL_OF_TOWN);
});

describe('a condition that only looks as if it pinned a row', () => {
  it.each([
    ['or', 'town.id = :id or town.population = 0'],
    ['negation', 'not (town.id = :id)'],
    ['comparison of the comparison', '(town.id = :id) = false'],
    ['a function around it', 'coalesce(town.id = :id, true)'],
    ['a sub-query', 'town.id = :id and exists (select 1 from town t where t.id = 2)'],
    ['or, after AND', 'town.id = :id AND town.population = 0 OR town.id > 0'],
    ['negation of both', 'NOT (town.name IS NULL AND town.id = :id)'],
    ['a range', 'town.id >= :id'],
  ])('%s', async (_what, where) => {
    const read = (): Promise<unknown> =>
      source.manager.createQueryBuilder(Town, 'town').where(where, { id: 1 }).cache(true).getMany();
    await read();
    await towns(source.manager).save({ id: 2, population: 5 });
    const before = statements.selects;
    await read();
    expect(statements.selects).toBe(before + 1);
  });

  it('another spelling of the same number', async () => {
    const read = async (): Promise<string | undefined> =>
      (await source.manager.findOne(Town, { where: { id: '01' as never }, cache: true }))?.name;
    expect(await read()).toBe('Ulm');
    await towns(source.manager).save({ id: 1, name: 'new' });
    expect(await read()).toBe('new');
  });

  it.each(['a join', 'a comma'])('the same table twice, by %s', async (by) => {
    const query = source.manager.createQueryBuilder(Town, 'town');
    const other = 'other.id <> town.id';
    const read = (): Promise<unknown> =>
      (by === 'a join'
        ? query.clone().leftJoin(Town, 'other', other)
        : query.clone().from('town', 'other')
      )
        .addSelect('other.population', 'more')
        .where('town.id = :id', { id: 1 })
        .orderBy('other.id')
        .cache(true)
        .getRawMany();
    await read();
    await towns(source.manager).save({ id: 2, population: 5 });
    expect(((await read()) as unknown[]).at(-1)).toMatchObject({ more: 5 });
  });
});

describe('keys of text', () => {
  @Entity({ name: 'page' })
  class Page {
    @PrimaryColumn('text')
    path!: string;

    @PrimaryColumn('uuid')
    site!: string;

    @Column('text')
    title!: string;
  }

  it.each([
    ['short', '/a'],
    ['with what tags do not hold', '/\n,:ä'],
    ['too long for a tag', `/${'ä'.repeat(400)}`],
  ])('%s', async (_what, path) => {
    const pages = await testSource({ entities: [Page] });
    const repository = pages.getRepository(Page);
    const [site, other] = ['a', 'b'].map(
      (digit) => `${digit.repeat(8)}-1111-4111-8111-${digit.repeat(12)}`,
    );
    await repository.insert([
      { path, site, title: 'old' },
      { path, site: other, title: 'old' },
    ]);
    bind(pages, await shaped('l1'));
    const read = async (of: string): Promise<string | undefined> =>
      (await repository.findOne({ where: { path, site: of }, cache: true }))?.title;
    expect([await read(site), await read(other.toUpperCase())]).toEqual(['old', 'old']);
    await repository.save({ path, site, title: 'new' });
    expect([await read(site), await read(other)]).toEqual(['new', 'old']);
    await repository.save({ path, site: other, title: 'new' });
    expect(await read(other.toUpperCase())).toBe('new');
  });
});
