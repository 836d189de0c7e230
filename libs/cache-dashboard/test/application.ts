/** Applications with a dashboard, on Express and on Fastify, for tests that ask by hand. */
import 'reflect-metadata';
import type { DynamicModule, INestApplication } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test, type TestingModule } from '@nestjs/testing';
import {
  CacheInspector,
  CacheManager,
  MultiLevelCacheModule,
  type CacheModuleOptions,
} from 'nestjs-multi-level-cache';
import request, { type Test as Asked } from 'supertest';
import { CacheDashboardModule, type CacheDashboardOptions } from '../src/index.js';

export const ADAPTERS = ['Express', 'Fastify'] as const;
export type Adapter = (typeof ADAPTERS)[number];

/** Lets everybody in. */
export const OPEN = { canActivate: (): boolean => true };

export interface TestApplication {
  readonly app: INestApplication;
  readonly cache: CacheManager;
  readonly inspector: CacheInspector;
  readonly get: (path: string) => Asked;
  /** An action, as the page sends it. */
  readonly act: (name: string, body: object) => Asked;
  close(): Promise<void>;
}

export interface Given {
  readonly dashboard?: CacheDashboardOptions;
  readonly cache?: Partial<CacheModuleOptions>;
  readonly imports?: readonly DynamicModule[];
  readonly prefix?: string;
  readonly prepare?: (app: INestApplication) => void;
}

export async function startApplication(
  adapter: Adapter,
  given: Given = {},
): Promise<TestApplication> {
  const module = await Test.createTestingModule({
    imports: [
      MultiLevelCacheModule.forRoot({ namespace: 'shop', ...given.cache }),
      CacheDashboardModule.forRoot(given.dashboard),
      ...(given.imports ?? []),
    ],
  })
    .overrideProvider(CacheInspector)
    .useFactory({
      factory: (cache: CacheManager) => new FakeInspector(cache),
      inject: [CacheManager],
    })
    .compile();
  const app = made(module, adapter);
  if (given.prefix) app.setGlobalPrefix(given.prefix);
  given.prepare?.(app);
  await app.init();
  if (adapter === 'Fastify')
    await (app as NestFastifyApplication).getHttpAdapter().getInstance().ready();
  const server: Parameters<typeof request>[0] = app.getHttpServer();
  return {
    app,
    cache: app.get(CacheManager),
    inspector: app.get(CacheInspector),
    get: (path) => request(server).get(path),
    act: (name, body) =>
      request(server)
        .post(`/ops/cache/api/actions/${name}`)
        .set({ 'x-cache-dashboard': '1', 'sec-fetch-site': 'same-origin' })
        .send(body),
    close: () => app.close(),
  };
}

function made(module: TestingModule, adapter: Adapter): INestApplication {
  return adapter === 'Fastify'
    ? module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false })
    : module.createNestApplication({ logger: false });
}
