/** Transactions in a Nest application: found by themselves, with `@nestjs/typeorm` and with what carries one in the async context. */
import { Injectable, Module, type DynamicModule } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ClsPluginTransactional, Transactional, TransactionHost } from '@nestjs-cls/transactional';
import { TransactionalAdapterTypeOrm } from '@nestjs-cls/transactional-adapter-typeorm';
import { ClsModule } from 'nestjs-cls';
import { DataSource, EntitySchema } from 'typeorm';
import {
  addTransactionalDataSource,
  initializeTransactionalContext,
  Transactional as Typeormal,
} from 'typeorm-transactional';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freshDatabase, freshNamespace } from '../../../../test/support/servers.js';
import { CacheEvict, CacheManager, MultiLevelCacheModule } from '../../src/index.js';

interface City {
  id: number;
  name: string;
}

const Cities = new EntitySchema<City>({
  name: 'City',
  tableName: 'city',
  columns: { id: { type: 'int', primary: true }, name: { type: 'text' } },
});

const FAILURE = new Error('no');

/** What both libraries decorate: a method in a transaction of theirs, and a part of it that evicts. */
abstract class Service {
  constructor(
    readonly source: DataSource,
    readonly cache: CacheManager,
  ) {}

  abstract save(name: string): Promise<unknown>;

  @CacheEvict({ keys: ['city:1'], afterCommit: true })
  async rename(name: string): Promise<void> {
    await this.save(name);
  }

  async renameSeen(name: string, seen: (value: unknown) => void, fail = false): Promise<void> {
    await this.rename(name);
    seen(await this.cache.getOrSet('city:1', () => 'own'));
    if (fail) throw FAILURE;
  }

  abstract run(name: string, seen: (value: unknown) => void, fail?: boolean): Promise<void>;
}

@Injectable()
class Plain extends Service {
  save(name: string): Promise<unknown> {
    return this.source.getRepository(Cities).save({ id: 1, name });
  }

  run(name: string, seen: (value: unknown) => void, fail?: boolean): Promise<void> {
    return this.source.transaction(async (manager) => {
      await manager.getRepository(Cities).save({ id: 1, name });
      await this.renameIn(name);
      seen(await this.cache.getOrSet('city:1', () => 'own'));
      if (fail) throw FAILURE;
    });
  }

  @CacheEvict({ keys: ['city:1'], afterCommit: true })
  async renameIn(_name: string): Promise<void> {}
}

@Injectable()
class Cls extends Service {
  constructor(
    source: DataSource,
    cache: CacheManager,
    readonly host: TransactionHost<TransactionalAdapterTypeOrm>,
  ) {
    super(source, cache);
  }

  save(name: string): Promise<unknown> {
    return this.host.tx.getRepository(Cities).save({ id: 1, name });
  }

  @Transactional()
  run(name: string, seen: (value: unknown) => void, fail?: boolean): Promise<void> {
    return this.renameSeen(name, seen, fail);
  }
}

@Injectable()
class Typeorm extends Service {
  save(name: string): Promise<unknown> {
    return this.source.getRepository(Cities).save({ id: 1, name });
  }

  @Typeormal()
  run(name: string, seen: (value: unknown) => void, fail?: boolean): Promise<void> {
    return this.renameSeen(name, seen, fail);
  }
}

function provided(
  service: new (...args: never[]) => Service,
  more: object[] = [],
  inject: unknown[] = [],
): DynamicModule {
  class App {}
  Module({})(App);
  return {
    module: App,
    imports: more as never,
    providers: [
      {
        provide: Service,
        inject: [DataSource, CacheManager, ...inject] as never,
        useFactory: (...args: never[]) => new service(...args),
      },
    ],
  };
}

let url: string;
beforeAll(async () => {
  url = await freshDatabase();
});

let close: (() => Promise<void>) | undefined;
afterEach(async () => {
  await close?.();
  close = undefined;
});

const LIBRARIES = [
  { title: '@nestjs/typeorm alone', module: () => provided(Plain), prepare: () => undefined },
  {
    title: '@nestjs-cls/transactional',
    module: () =>
      provided(
        Cls,
        [
          ClsModule.forRoot({
            plugins: [
              new ClsPluginTransactional({
                adapter: new TransactionalAdapterTypeOrm({ dataSourceToken: DataSource }),
              }),
            ],
          }),
        ],
        [TransactionHost],
      ),
    prepare: () => undefined,
  },
  {
    title: 'typeorm-transactional',
    module: () => provided(Typeorm),
    prepare: (source: DataSource) => void addTransactionalDataSource(source),
  },
] as const;

describe.each(LIBRARIES)('$title', ({ title, module, prepare }) => {
  it('evicts after the commit and only then, sees its own writes, and leaves the cache alone on a rollback', async () => {
    if (title === 'typeorm-transactional') initializeTransactionalContext();
    const namespace = freshNamespace();
    const made = await Test.createTestingModule({
      imports: [
        TypeOrmModule.forRootAsync({
          useFactory: () => ({ type: 'postgres', url, entities: [Cities], synchronize: true }),
          dataSourceFactory: async (options) => {
            const source = new DataSource(options!);
            prepare(source);
            return source.initialize();
          },
        }),
        MultiLevelCacheModule.forRootAsync({
          inject: [DataSource],
          useFactory: (dataSource: DataSource) => ({ namespace, l3: { dataSource } }),
        }),
        module(),
      ],
    }).compile();
    await made.init();
    close = () => made.close();
    const [cache, service] = [made.get(CacheManager), made.get<Service>(Service)];
    await cache.set('city:1', 'cached');
    const seen: unknown[] = [];
    await expect(service.run('failed', (value) => seen.push(value), true)).rejects.toBe(FAILURE);
    expect(await cache.get('city:1')).toBe('cached');
    await service.run('new', (value) => seen.push(value));
    expect(await cache.get('city:1')).toBeUndefined();
    expect(seen).toEqual(['own', 'own']);
  });
});

it('afterCommit beside when: before is a contradiction, told at decoration', () => {
  class Bad {
    async change(): Promise<void> {}
  }
  const decorate = CacheEvict<[]>({ keys: ['k'], when: 'before', afterCommit: true });
  const descriptor = Object.getOwnPropertyDescriptor(Bad.prototype, 'change')!;
  expect(() => decorate(Bad.prototype, 'change', descriptor as never)).toThrow(/afterCommit/);
});
