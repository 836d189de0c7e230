/** An application with a dashboard for the tests in a browser: a small shop on real servers. */
import 'reflect-metadata';
import { Injectable, Module, type DynamicModule, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  CacheInspector,
  CacheLoader,
  CacheManager,
  MultiLevelCacheModule,
} from 'nestjs-multi-level-cache';
import {
  CacheDashboardModule,
  type CacheDashboardOptions,
} from 'nestjs-multi-level-cache-dashboard';
import {
  type FakeInspector,
  InspectorModule,
} from '../../libs/cache-dashboard/test/fake-inspector.js';

export interface Shop {
  readonly app: INestApplication;
  readonly cache: CacheManager;
  /** Keys that there are to see, where the inspector does not find them itself. */
  list(keys: readonly string[]): void;
  /** Where the dashboard is, without a slash at the end. */
  readonly url: string;
  close(): Promise<void>;
}

export interface ShopOptions {
  readonly redis?: string;
  readonly database?: string;
  readonly fastify?: boolean;
  readonly prefix?: string;
  readonly port?: number;
  /** Keys in memory at most. */
  readonly maxEntries?: number;
  readonly tenants?: boolean;
  readonly warming?: boolean;
  readonly dashboard?: Partial<CacheDashboardOptions>;
}

let shops = 0;
const OPEN = { canActivate: () => true };

/** Starts one; the dashboard lets everybody in unless `dashboard` says something else. */
export async function startShop(options: ShopOptions = {}): Promise<Shop> {
  const adapter = options.fastify ? new FastifyAdapter() : undefined;
  const module = ShopModule.with(options);
  const app = adapter
    ? await NestFactory.create(module, adapter, { logger: ['error'], forceCloseConnections: true })
    : await NestFactory.create(module, { logger: ['error'], forceCloseConnections: true });
  if (options.prefix) app.setGlobalPrefix(options.prefix);
  await app.listen(options.port ?? 0, '127.0.0.1');
  const { port } = new URL(await app.getUrl());
  const path = [options.prefix, options.dashboard?.path ?? 'ops/cache'].filter(Boolean).join('/');
  return {
    app,
    cache: app.get(CacheManager),
    list: (keys) => {
      const inspector: unknown = app.get(CacheInspector);
      if (inspector instanceof FakeInspector) inspector.keys.set('default', [...keys]);
    },
    url: `http://127.0.0.1:${port}/${path}`,
    close: () => app.close(),
  };
}

/** What warming loads by. */
@Injectable()
class Products {
  @CacheLoader('product:{kind}:{id}')
  load(kind: string, id: string): Promise<object> {
    return Promise.resolve({ name: kind, id, text: 'x'.repeat(200) });
  }
}

@Module({})
class ShopModule {
  static with(options: ShopOptions): DynamicModule {
    const { dashboard, database, maxEntries, redis, tenants, warming } = options;
    const cache = MultiLevelCacheModule.forRoot({
      namespace: `shop-${++shops}`,
      ...(maxEntries ? { l1: { maxEntries, maxSize: '500mb' } } : {}),
      ...(redis ? { l2: { url: redis, budget: 500 } } : {}),
      ...(database ? { l3: { url: database, budget: 500 } } : {}),
      placement: false,
      ...(warming ? { warming: { interval: '2s' } } : {}),
      ...(tenants
        ? {
            security: {
              tenancy: 'required',
              resolve: (request: { headers: Record<string, string | undefined> }) => {
                const tenantId = request.headers['x-tenant'];
                return tenantId === undefined ? undefined : { tenantId };
              },
            },
          }
        : {}),
    });
    return {
      module: ShopModule,
      providers: [Products],
      imports: [
        cache,
        InspectorModule.forTest(),
        CacheDashboardModule.forRoot({ guard: OPEN, ...dashboard }),
      ],
    };
  }
}
