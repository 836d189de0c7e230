/** Binds a DataSource of the application to one of its caches while it runs. */
import {
  Inject,
  Module,
  type DynamicModule,
  type InjectionToken,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { DataSource } from 'typeorm';
import { CacheError } from '../../core/errors.js';
import { attach } from '../../integrations/typeorm/attach.js';
import { Cache } from '../../manager/cache.js';
import { CacheManager } from '../../manager/cache-manager.js';

/** Which DataSource, and which cache. */
export interface CacheTypeOrmOptions {
  /** Token of the DataSource. @defaultValue `DataSource`, under which `@nestjs/typeorm` has the default one */
  readonly dataSource?: InjectionToken;
  /** Name of the cache; settings of its own by `MultiLevelCacheModule.forFeature`. @defaultValue 'typeorm' */
  readonly cache?: string;
}

const OPTIONS = Symbol('CACHE_TYPEORM_OPTIONS');

/**
 * Import it beside `MultiLevelCacheModule` and `TypeOrmModule`: `typeOrmQueryCache()` and `cachedFind` work from the application's
 * start to its end, and what is written through TypeORM invalidates what was read. Once for each DataSource.
 *
 * @throws CacheError `CACHE_CONFIG_INVALID` at boot where there is no such DataSource
 *
 * @example
 * \@Module({
 *   imports: [
 *     MultiLevelCacheModule.forRoot({ namespace: 'shop' }),
 *     TypeOrmModule.forRoot({ type: 'postgres', url, cache: { provider: typeOrmQueryCache() } }),
 *     CacheTypeOrmModule.forRoot(),
 *   ],
 * })
 * class AppModule {}
 */
@Module({})
export class CacheTypeOrmModule implements OnModuleInit, OnApplicationShutdown {
  #detach: (() => void) | undefined;

  constructor(
    @Inject(CacheManager) private readonly cache: CacheManager,
    @Inject(ModuleRef) private readonly modules: ModuleRef,
    @Inject(OPTIONS) private readonly options: CacheTypeOrmOptions,
  ) {}

  static forRoot(options: CacheTypeOrmOptions = {}): DynamicModule {
    return {
      module: CacheTypeOrmModule,
      providers: [{ provide: OPTIONS, useValue: options }],
    };
  }

  onModuleInit(): void {
    const { cache: name = 'typeorm', dataSource: token = DataSource } = this.options;
    const cache = this.cache.namespace(name);
    // A stand-in that a test put in the cache's place cannot hold queries: they run uncached.
    if (cache instanceof Cache) this.#detach = attach(this.#find(token), cache);
  }

  /** After the HTTP server has closed: until then writes invalidate. */
  onApplicationShutdown(): void {
    this.#detach?.();
  }

  #find(token: InjectionToken): DataSource {
    try {
      return this.modules.get<DataSource>(token as string, { strict: false });
    } catch (error) {
      throw new CacheError(
        'CACHE_CONFIG_INVALID',
        'CacheTypeOrmModule found no DataSource; import TypeOrmModule, or give the token of yours as `dataSource`',
        { cause: error },
      );
    }
  }
}
