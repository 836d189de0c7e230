/** The demo, put together on whatever servers there are. */
import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { TerminusModule } from '@nestjs/terminus';
import { TypeOrmModule } from '@nestjs/typeorm';
import { OpenTelemetryModule } from 'nestjs-otel';
import { MultiLevelCacheModule, type L3Config } from 'nestjs-multi-level-cache';
import { CacheDashboardModule } from 'nestjs-multi-level-cache-dashboard';
import { CacheTelemetryModule } from 'nestjs-multi-level-cache/telemetry';
import { CacheHealthIndicator } from 'nestjs-multi-level-cache/terminus';
import { DataSource } from 'typeorm';
import { AnsweredBy } from './answered-by.interceptor.js';
import { City } from './city.entity.js';
import { DatabasePlaces } from './database-places.js';
import { PlacesDatabase } from './database.service.js';
import { HealthController } from './health.controller.js';
import { LoopbackGuard } from './loopback.guard.js';
import { MemoryPlaces } from './memory-places.js';
import { PageController } from './page.controller.js';
import { PlacesController } from './places.controller.js';
import { Places } from './places.js';
import { PlacesService } from './places.service.js';
import type { Servers } from './servers/find-servers.js';
import { SERVERS } from './servers/token.js';

@Module({})
export class AppModule {
  static on(servers: Servers): DynamicModule {
    const { postgres } = servers;
    // A server that serves one connection is left to the cache; the places are in memory then.
    const origin = postgres.url !== undefined && !postgres.single;
    const places: Provider[] = origin
      ? [PlacesDatabase, { provide: Places, useClass: DatabasePlaces }]
      : [{ provide: Places, useClass: MemoryPlaces }];
    return {
      module: AppModule,
      imports: [
        ...(origin ? [database(postgres.url)] : []),
        cache(servers, origin),
        CacheDashboardModule.forRoot({
          path: 'cache',
          guard: LoopbackGuard,
          actions: true,
          values: 'redacted',
        }),
        CacheTelemetryModule,
        OpenTelemetryModule.forRoot(),
        ScheduleModule.forRoot(),
        TerminusModule,
      ],
      controllers: [PageController, PlacesController, HealthController],
      providers: [
        AnsweredBy,
        CacheHealthIndicator,
        PlacesService,
        { provide: SERVERS, useValue: servers },
        ...places,
      ],
    };
  }
}

function database(url: string): DynamicModule {
  return TypeOrmModule.forRoot({
    type: 'postgres',
    url,
    entities: [City],
    // PlacesDatabase connects and goes on trying: the application also starts while PostgreSQL is away.
    manualInitialization: true,
    extra: { connectionTimeoutMillis: 2_000 },
  });
}

function cache({ postgres, redis }: Servers, origin: boolean): DynamicModule {
  const l3 = (dataSource?: DataSource): L3Config | false => {
    if (dataSource) return { dataSource, listable: true };
    return postgres.url === undefined
      ? false
      : { url: postgres.url, poolSize: 1, poolerMode: true, listable: true };
  };
  return MultiLevelCacheModule.forRootAsync({
    inject: origin ? [DataSource] : [],
    useFactory: (dataSource?: DataSource) => ({
      namespace: 'places',
      ...(process.env['CACHE_L1'] === 'off' ? { l1: false as const } : {}),
      l2: redis.url === undefined ? (false as const) : { url: redis.url },
      l3: l3(dataSource),
      defaults: { ttl: '10m', grace: '1h' },
      warming: process.env['CACHE_WARMING'] === 'off' ? false : { interval: '10s' },
    }),
  });
}
