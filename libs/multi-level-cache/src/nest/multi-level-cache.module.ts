/** The Nest module: wires options, tiers and cache, opens them at boot and closes them when nobody needs them any more. */
import {
  Inject,
  Logger,
  Module,
  type BeforeApplicationShutdown,
  type DynamicModule,
  type MiddlewareConsumer,
  type NestModule,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import type { CacheModuleOptions, FeatureConfig, ResolvedOptions } from '../core/options.js';
import type { Tier } from '../core/tier.js';
import { CacheManager } from '../manager/cache-manager.js';
import { isRoot } from '../manager/create-cache.js';
import { CacheAdvisor } from './advisor.js';
import { CacheHolder } from './cache-holder.js';
import { CacheLog } from './cache-log.js';
import { ContextMiddleware } from './context.middleware.js';
import { featureModule } from './cache-feature.module.js';
import { demandCaches } from './decorators/wrap-method.js';
import {
  ConfigurableModuleClass,
  type CacheModuleAsyncOptions,
  type CacheModuleExtras,
} from './multi-level-cache.module-definition.js';
import { EXPORTS, PROVIDERS } from './providers.js';
import { CACHE_TIERS, RESOLVED_OPTIONS } from './tokens.js';

/**
 * One cache per application: memory, and where configured Redis and PostgreSQL behind it.
 *
 * Boot waits up to a second for the first contact with the tiers; one that is down or late never stops the application. On
 * shutdown requests in flight are served before the tiers close, which takes at most five seconds of the cache's own.
 *
 * @throws CacheError `CACHE_CONFIG_INVALID` at boot, with every fault of the options at once
 *
 * @example
 * \@Module({
 *   imports: [MultiLevelCacheModule.forRoot({ namespace: 'shop', l2: { url: 'redis://cache.internal:6379' } })],
 * })
 * class AppModule {}
 */
@Module({ imports: [DiscoveryModule], providers: PROVIDERS, exports: EXPORTS })
export class MultiLevelCacheModule
  extends ConfigurableModuleClass
  implements
    NestModule,
    OnModuleInit,
    OnModuleDestroy,
    BeforeApplicationShutdown,
    OnApplicationShutdown
{
  readonly #log = new CacheLog(new Logger('MultiLevelCache'));
  #stopDemanding: (() => void) | undefined;

  constructor(
    @Inject(CacheManager) private readonly cache: CacheManager,
    @Inject(CACHE_TIERS) private readonly tiers: readonly Tier[],
    @Inject(CacheHolder) private readonly holder: CacheHolder,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(CacheAdvisor) private readonly advisor: CacheAdvisor,
  ) {
    super();
  }

  /** The module with options that are known where it is imported. */
  static override forRoot(options: CacheModuleOptions & CacheModuleExtras): DynamicModule {
    return super.forRoot(options);
  }

  /**
   * The module with options from other providers.
   *
   * @example
   * MultiLevelCacheModule.forRootAsync({
   *   imports: [ConfigModule],
   *   inject: [ConfigService],
   *   useFactory: (config: ConfigService) => ({ namespace: 'shop', l2: { url: config.getOrThrow('REDIS_URL') } }),
   * });
   */
  static override forRootAsync(options: CacheModuleAsyncOptions): DynamicModule {
    return super.forRootAsync(options);
  }

  /**
   * Named caches with settings of their own, injected by `@InjectCache(name)` where this is imported.
   *
   * @throws CacheError `CACHE_CONFIG_INVALID` at boot, with every fault at once
   *
   * @example
   * MultiLevelCacheModule.forFeature([{ name: 'sessions', l3: false, defaults: { ttl: '30m' } }]);
   */
  static forFeature(features: readonly FeatureConfig[]): DynamicModule {
    return featureModule(features);
  }

  /** Each request runs in the context that `security.resolve` makes of it. */
  configure(consumer: MiddlewareConsumer): void {
    if (this.options.security?.resolve) consumer.apply(ContextMiddleware).forRoutes('{*any}');
  }

  /** Contact with the servers; consumers' `onModuleInit` comes later and finds the cache open. */
  async onModuleInit(): Promise<void> {
    // A stand-in that a test put in the cache's place has nothing to open.
    if (!isRoot(this.cache)) return;
    if (this.options.strict) this.#stopDemanding = demandCaches();
    await this.cache.open();
    this.#log.ready(this.tiers);
    this.#log.listenTo(this.cache);
    this.advisor.begin();
  }

  /** The first that is heard of it. */
  onModuleDestroy(): void {
    if (isRoot(this.cache)) void this.cache.beginClose();
  }

  /** New work may still come: the HTTP server closes after this hook. */
  async beforeApplicationShutdown(): Promise<void> {
    if (isRoot(this.cache)) await this.cache.beginClose();
  }

  /** Nest calls this last, after the HTTP server has closed and its requests have been answered. */
  async onApplicationShutdown(): Promise<void> {
    const began = performance.now();
    this.#stopDemanding?.();
    this.holder.closed = true;
    if (!isRoot(this.cache)) return;
    await this.cache.close();
    this.#log.closed(performance.now() - began);
  }
}
