/** `cachedFind`, `versionedKey` and the module that binds them, as an application uses them. */
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { getRepositoryToken, TypeOrmModule } from '@nestjs/typeorm';
import {
  Column,
  DataSource,
  Entity,
  EntitySchema,
  In,
  LessThan,
  ManyToOne,
  MoreThan,
  Not,
  PrimaryColumn,
  Raw,
  type Repository,
} from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CacheManager, MultiLevelCacheModule } from '../../libs/multi-level-cache/src/index.js';
import {
  cachedFind,
  cachedFindOne,
  CacheTypeOrmModule,
  queryCacheStats,
  typeOrmQueryCache,
  versionedKey,
} from '../../libs/multi-level-cache/src/nest/typeorm.js';
import { closeCaches, deferred, type TestCache } from '../support/cache.js';
import { freshDatabase, freshNamespace, redisUrl } from '../support/servers.js';
import {
  bind,
  closeSources,
  Country,
  ENTITIES,
  Label,
  Note,
  sameDatabase,
  shaped,
  Statements,
  testSource,
  Town,
} from '../support/typeorm.js';

let source: DataSource;
let made: TestCache;
let towns: Repository<Town>;
let statements: Statements;

beforeEach(async () => {
  source = await testSource({ cache: false });
  towns = source.getRepository(Town);
  await source.getRepository(Label).save([{ text: 'old' }, { text: 'river' }]);
  await towns.save([
    {
      id: 1,
      name: 'Ulm',
      country: { code: 'de', name: 'Germany' },
      labels: [{ id: 1 }, { id: 2 }],
      crest: Buffer.from([1, 255]),
    },
    { id: 2, name: 'Linz', population: 210_000 },
  ]);
  await source.getRepository(Note).save({ text: 'first', town: { id: 1 } });
  made = await shaped('l1+l2+l3');
  bind(source, made);
  statements = Statements.of(source);
});

afterEach(async () => {
  await closeSources();
  await closeCaches();
});

/** How many statements that took. */
async function cost(work: () => Promise<unknown>): Promise<number> {
  const before = statements.selects;
  await work();
  return statements.selects - before;
}

describe('cachedFind', () => {
  it('gives entities from every tier, as the repository does', async () => {
    const options = { relations: { country: true, labels: true }, order: { id: 'ASC' } } as const;
    const plain = await towns.find(options);
    await cachedFind(towns, options);
    await made.cache.drain();
    for (const tiers of [{}, { redis: undefined }]) {
      const second = await sameDatabase(source, { cache: false });
      const other = await shaped('l1+l2+l3', { namespace: made.namespace, ...tiers });
      const reads = Statements.of(second);
      bind(second, other);
      for (let turn = 0; turn < 2; turn++) {
        const found = await cachedFind(second.getRepository(Town), options);
        expect(found).toStrictEqual(plain);
        expect(found[0]).toBeInstanceOf(Town);
        expect(found[0].country).toBeInstanceOf(Country);
        expect(found[0].labels?.[0]).toBeInstanceOf(Label);
        expect(Buffer.isBuffer(found[0].crest)).toBe(true);
      }
      expect(reads.selects).toBe(0);
    }
  });

  it('asks once for all that come at once', async () => {
    const all = (): Promise<unknown> =>
      Promise.all(Array.from({ length: 20 }, () => cachedFind(towns)));
    expect(await cost(all)).toBe(1);
  });

  it('tells options apart, and takes equal ones for equal', async () => {
    const wheres = [
      {},
      { where: { id: 1 } },
      { where: { id: MoreThan(1) } },
      { where: { id: LessThan(1) } },
      { where: { id: Not(MoreThan(1)) } },
      { where: { id: Not(LessThan(1)) } },
      { where: { id: In([1, 2]) } },
      { where: { id: In([2, 1]) } },
      { where: { name: Raw("'Ulm'") } },
      { where: [{ id: 1 }, { id: 2 }] },
      { order: { id: 'DESC' } },
      { take: 1, order: { id: 'ASC' } },
      { select: { id: true } },
      { withDeleted: true },
      { relations: { country: true } },
      { relations: { labels: true } },
      { where: { country: { name: 'Germany' } } },
    ] as Parameters<Repository<Town>['find']>[0][];
    for (const options of wheres)
      expect(await cost(() => cachedFind(towns, options))).toBeGreaterThan(0);
    for (const options of wheres) {
      expect(await cachedFind(towns, options)).toEqual(await towns.find(options));
      expect(await cost(() => cachedFind(towns, { ...options, cache: true }))).toBe(0);
    }
    await expect(
      cachedFind(towns, { where: { name: Raw((alias) => `${alias} = 'Ulm'`) } }),
    ).rejects.toMatchObject({ code: 'CACHE_KEY_INVALID' });
    const country = Object.assign(new Country(), { code: 'de' });
    await expect(cachedFind(towns, { where: { country } })).rejects.toMatchObject({
      code: 'CACHE_KEY_INVALID',
    });
  });

  it.each([
    ['its own table', {}, Town, 1],
    ['a relation', { relations: { country: true } }, Country, 'de'],
    ['a relation in the condition', { where: { country: { name: 'Germany' } } }, Country, 'de'],
    ['a relation in the order', { order: { country: { name: 'ASC' } } }, Country, 'de'],
    [
      'a relation that is read by a query of its own',
      { relations: { country: true }, relationLoadStrategy: 'query' },
      Country,
      'de',
    ],
    ['ids of a relation', { loadRelationIds: true }, Country, 'de'],
  ] as const)('reads again after a write of %s', async (_what, options, entity, id) => {
    const find = (): Promise<unknown> => cachedFind(towns, options);
    await find();
    expect(await cost(find)).toBe(0);
    await source.getRepository<{ name: string }>(entity).update(id, { name: 'new' });
    expect(await cost(find)).toBeGreaterThan(0);
  });

  it('reads again after a write of an eager relation, and of a join table', async () => {
    const notes = source.getRepository(Note);
    await cachedFind(notes);
    await towns.update(1, { name: 'new' });
    expect((await cachedFind(notes))[0].town?.name).toBe('new');
    const labelled = (): Promise<Town[]> => cachedFind(towns, { relations: { labels: true } });
    await labelled();
    await towns.save({ id: 1, labels: [] });
    expect((await labelled()).find(({ id }) => id === 1)?.labels).toEqual([]);
  });

  it('finds one row, or none, and keeps it while others are written', async () => {
    const one = (id: number) => () => cachedFindOne(towns, { where: { id } });
    expect(await one(1)()).toBeInstanceOf(Town);
    expect(await one(9)()).toBeNull();
    expect(await cost(one(9))).toBe(0);
    await towns.save({ id: 2, name: 'new' });
    expect(await cost(one(1))).toBe(0);
    await towns.save({ id: 1, name: 'new' });
    expect((await one(1)())?.name).toBe('new');
    await towns.save({ id: 9, name: 'Wien' });
    expect((await one(9)())?.name).toBe('Wien');
    await towns.update(2, { name: 'newer' });
    expect(await cost(one(1))).toBe(1);
  });

  it('refuses entities with lazy relations, which would come back without them', async () => {
    @Entity()
    class Diary {
      @PrimaryColumn('int')
      id!: number;

      @ManyToOne(() => Town, { lazy: true })
      town!: Promise<Town>;
    }
    const lazy = await testSource({ entities: [...ENTITIES, Diary], cache: false });
    bind(lazy, made);
    await expect(cachedFind(lazy.getRepository(Diary))).rejects.toMatchObject({
      code: 'CACHE_VALUE_UNCACHEABLE',
    });
  });

  it('takes tags, lives and another cache', async () => {
    const cache = made.cache.namespace('other');
    const find = (): Promise<unknown> =>
      cachedFind(towns, {}, { tags: ['mine'], ttl: '1h', cache });
    await find();
    expect(await cost(find)).toBe(0);
    await made.cache.namespace('typeorm').clear();
    expect(await cost(find)).toBe(0);
    await cache.invalidateTags(['mine']);
    expect(await cost(find)).toBe(1);
  });

  it('lets a stale result stand in while the database is away', async () => {
    const find = (): Promise<Town[]> => cachedFind(towns, {}, { ttl: 20, grace: '1m' });
    await find();
    await new Promise((resolve) => setTimeout(resolve, 30));
    await source.query('alter table town rename to away');
    expect(await find()).toHaveLength(2);
    await expect(towns.find()).rejects.toThrow('does not exist');
  });

  it('sees what its transaction has written, and keeps nothing of it', async () => {
    await cachedFind(towns);
    const undone = source.transaction(async (manager) => {
      const inside = manager.getRepository(Town);
      await inside.update(1, { name: 'never' });
      expect((await cachedFind(inside, { where: { id: 1 } }))[0].name).toBe('never');
      throw new Error('undo');
    });
    await expect(undone).rejects.toThrow('undo');
    expect((await cachedFind(towns, { where: { id: 1 } }))[0].name).toBe('Ulm');
    expect(queryCacheStats(source).bypassed.transaction).toBe(1);
  });

  it('does not keep what was read before a write that came meanwhile', async () => {
    const stop = statements.stop(/FROM "town"/);
    const old = cachedFind(towns);
    await stop.reached;
    await towns.update(1, { name: 'new' });
    stop.pass();
    await old;
    expect((await cachedFind(towns, {})).map(({ name }) => name)).toContain('new');
  });
});

describe('versionedKey', () => {
  it('changes with the version, or the date of the last update, of the row', async () => {
    const [before] = await towns.findBy({ id: 1 });
    await towns.save({ id: 1, name: 'new' });
    const [after] = await towns.findBy({ id: 1 });
    expect(versionedKey(Town, before)).toBe('Town:1:1');
    expect(versionedKey(Town, after)).toBe('Town:1:2');
    expect(versionedKey('Town', after)).toBe('Town:1:2');
    expect(versionedKey(Town, after, 'name')).toBe('Town:1:new');
    const [note] = await source.getRepository(Note).find();
    expect(versionedKey(Note, note)).toBe(`Note:${note.id}:${note.changed.getTime()}`);
    await made.cache.set(versionedKey(Town, after), 1);
  });

  it('takes an entity schema, and keys of several columns', () => {
    interface Line {
      order: string;
      line: number;
      rev: number;
    }
    const schema = new EntitySchema<Line>({
      name: 'line',
      columns: {
        order: { type: 'text', primary: true },
        line: { type: 'int', primary: true },
        rev: { type: 'int', version: true },
      },
    });
    expect(versionedKey(schema, { order: 'a:1', line: 2, rev: 3 })).toBe('line:a%3a1:2:3');
    expect(versionedKey(schema, { order: 'a', line: 12, rev: 3 })).toBe('line:a:12:3');
  });

  it('says what is missing', () => {
    @Entity()
    class Plain {
      @PrimaryColumn('int')
      id!: number;

      @Column('text')
      text!: string;
    }
    expect(() => versionedKey(Plain, { id: 1, text: 'a' })).toThrow(
      /CACHE_OPTION_INVALID: entity Plain has no @VersionColumn/,
    );
    expect(() => versionedKey(Town, { id: 1 } as Town)).toThrow(/CACHE_KEY_INVALID.*version/);
    expect(() => versionedKey('Nothing', { id: 1 })).toThrow(/CACHE_OPTION_INVALID/);
  });
});

describe('CacheTypeOrmModule', () => {
  const cacheModule = (): ReturnType<typeof MultiLevelCacheModule.forRoot> =>
    MultiLevelCacheModule.forRoot({ namespace: freshNamespace(), l2: { url: redisUrl() } });

  it('caches queries from the start of an application to its end', async () => {
    const database = TypeOrmModule.forRoot({
      type: 'postgres',
      url: await freshDatabase(),
      entities: ENTITIES,
      synchronize: true,
      cache: { provider: typeOrmQueryCache(), duration: 60_000 },
    });
    @Module({
      imports: [
        cacheModule(),
        database,
        CacheTypeOrmModule.forRoot(),
        TypeOrmModule.forFeature([Town]),
      ],
    })
    class AppModule {}
    const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
    const repository = app.get<Repository<Town>>(getRepositoryToken(Town));
    const { dataSource } = repository.manager;
    await repository.save({ id: 1, name: 'Ulm' });
    for (let turn = 0; turn < 2; turn++) {
      await repository.find({ cache: true });
      await cachedFind(repository);
    }
    expect(queryCacheStats(dataSource)).toMatchObject({ hits: 1, misses: 1, errors: 0 });
    expect(app.get(CacheManager).stats().caches['typeorm']?.requests.l1).toBe(2);
    await repository.save({ id: 1, name: 'new' });
    expect((await repository.find({ cache: true }))[0].name).toBe('new');
    expect((await cachedFind(repository))[0].name).toBe('new');
    const subscribers = dataSource.subscribers.length;
    await app.close();
    expect(dataSource.subscribers.length).toBe(subscribers - 2);
    expect(Object.hasOwn(dataSource, 'initialize')).toBe(false);
  });

  it('finds a DataSource under another token, binds another cache, and waits for a late connection', async () => {
    const late = new DataSource({
      type: 'postgres',
      url: await freshDatabase(),
      entities: ENTITIES,
      synchronize: true,
      cache: { provider: typeOrmQueryCache(), duration: 60_000 },
    });
    @Module({
      imports: [cacheModule(), CacheTypeOrmModule.forRoot({ dataSource: 'late', cache: 'rows' })],
      providers: [{ provide: 'late', useValue: late }],
    })
    class AppModule {}
    const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
    await late.initialize();
    const repository = late.getRepository(Town);
    expect(await repository.find({ cache: true })).toEqual([]);
    await repository.insert({ id: 1, name: 'Ulm' });
    expect(await repository.find({ cache: true })).toHaveLength(1);
    expect(app.get(CacheManager).stats().caches['rows']?.requests.loader).toBe(2);
    await app.close();
    expect(await repository.find({ cache: true })).toHaveLength(1);
    await late.destroy();
  });

  it('says at boot that there is no DataSource', async () => {
    const { promise, reject } = deferred();
    promise.catch(() => undefined);
    @Module({ imports: [cacheModule(), CacheTypeOrmModule.forRoot()] })
    class AppModule {}
    await NestFactory.createApplicationContext(AppModule, {
      logger: false,
      abortOnError: false,
    }).catch(reject);
    await expect(promise).rejects.toMatchObject({ code: 'CACHE_CONFIG_INVALID' });
  });
});
