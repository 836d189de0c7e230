/** The Nest module: mounts the page, its API and its stream under one path. */
import {
  Inject,
  Module,
  type DynamicModule,
  type MiddlewareConsumer,
  type NestModule,
} from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { Actions } from './actions.js';
import { ApiController } from './api.controller.js';
import { CacheErrorFilter } from './cache-error.filter.js';
import { DashboardGuard } from './dashboard.guard.js';
import {
  readOptions,
  type CacheDashboardOptions,
  type ResolvedDashboardOptions,
} from './options.js';
import { PageController } from './page.controller.js';
import { SlashMiddleware } from './slash.middleware.js';
import { DASHBOARD_PULSE, DashboardStream, SYSTEM_PULSE } from './stream.js';
import { DASHBOARD_OPTIONS } from './tokens.js';
import { WriteGuard } from './write.guard.js';

/**
 * A page that shows who answers, what each tier holds and why. Closed until it is given a guard.
 *
 * Needs `MultiLevelCacheModule` in the application. Costs nothing while nobody watches.
 */
@Module({})
export class CacheDashboardModule implements NestModule {
  constructor(@Inject(DASHBOARD_OPTIONS) private readonly options: ResolvedDashboardOptions) {}

  /**
   * @throws CacheError `CACHE_CONFIG_INVALID` with every fault of the options at once
   *
   * @example
   * \@Module({
   *   imports: [
   *     MultiLevelCacheModule.forRoot({ namespace: 'shop' }),
   *     CacheDashboardModule.forRoot({ path: 'ops/cache', guard: AdminGuard }),
   *   ],
   * })
   * class AppModule {}
   */
  static forRoot(options: CacheDashboardOptions = {}): DynamicModule {
    const resolved = readOptions(options);
    const mounted = RouterModule.register([{ path: resolved.path, module: CacheDashboardModule }]);
    return {
      module: CacheDashboardModule,
      imports: [mounted, ...(options.imports ?? [])],
      // The page's route for files would take the API's requests.
      controllers: [ApiController, PageController],
      providers: [
        Actions,
        CacheErrorFilter,
        DashboardGuard,
        DashboardStream,
        WriteGuard,
        { provide: DASHBOARD_OPTIONS, useValue: resolved },
        { provide: DASHBOARD_PULSE, useValue: SYSTEM_PULSE },
      ],
    };
  }

  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(SlashMiddleware).forRoutes(this.options.path);
  }
}
