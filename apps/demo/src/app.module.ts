/** The demo, put together. */
import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { TypeOrmModule } from '@nestjs/typeorm';
import { MultiLevelCacheModule } from 'nestjs-multi-level-cache';
import { CacheHealthIndicator } from 'nestjs-multi-level-cache/terminus';
import { DataSource } from 'typeorm';
import { AnsweredBy } from './answered-by.interceptor.js';
import { City } from './city.entity.js';
import { PlacesDatabase } from './database.service.js';
import { HealthController } from './health.controller.js';
import { PageController } from './page.controller.js';
import { PlacesController } from './places.controller.js';
import { PlacesService } from './places.service.js';

@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      useFactory: () => ({
        type: 'postgres',
        url: process.env['DATABASE_URL'] ?? '',
        entities: [City],
        // PlacesDatabase connects and goes on trying: the application also starts while PostgreSQL is away.
        manualInitialization: true,
        extra: { connectionTimeoutMillis: 2_000 },
      }),
    }),
    MultiLevelCacheModule.forRootAsync({
      inject: [DataSource],
      useFactory: (dataSource: DataSource) => ({
        namespace: 'places',
        ...(process.env['CACHE_L1'] === 'off' ? { l1: false as const } : {}),
        l2: { url: process.env['REDIS_URL'] ?? '' },
        l3: { dataSource },
        defaults: { ttl: '10m', grace: '1h' },
      }),
    }),
    TerminusModule,
  ],
  controllers: [PageController, PlacesController, HealthController],
  providers: [AnsweredBy, CacheHealthIndicator, PlacesDatabase, PlacesService],
})
export class AppModule {}
