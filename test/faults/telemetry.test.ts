/** What metrics, log and health say when something goes wrong for real: servers killed and frozen, a loader that fails, deaf ears. */
import type { LoggerService } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { Test, type TestingModule } from '@nestjs/testing';
import { metrics } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  CacheManager,
  MultiLevelCacheModule,
  type CacheModuleOptions,
} from '../../libs/multi-level-cache/src/index.js';
import { CacheTelemetryModule } from '../../libs/multi-level-cache/src/nest/telemetry.js';
import { CacheHealthIndicator } from '../../libs/multi-level-cache/src/nest/terminus.js';
import { deaf } from '../support/deaf.js';
import {
  databaseUrl,
  freshNamespace,
  redisUrl,
  startRedis,
  type Server,
} from '../support/servers.js';

const servers: Server[] = [];
const modules: TestingModule[] = [];
let exporter: PrometheusExporter;
let provider: MeterProvider;
let lines: string[];

beforeEach(() => {
  lines = [];
  exporter = new PrometheusExporter({ preventServerStart: true });
  provider = new MeterProvider({ readers: [exporter] });
  metrics.setGlobalMeterProvider(provider);
});
afterEach(async () => {
  await Promise.all(modules.splice(0).map((module) => module.close()));
  metrics.disable();
  await provider.shutdown().catch(() => undefined);
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function boot(options: Partial<CacheModuleOptions>): Promise<{
  readonly cache: CacheManager;
  readonly health: () => Promise<unknown>;
}> {
  const note = (line: string): void => void lines.push(line);
  const logger: LoggerService = { log: note, warn: note, error: note };
  const module = await Test.createTestingModule({
    imports: [
      MultiLevelCacheModule.forRoot({ namespace: freshNamespace(), ...options }),
      CacheTelemetryModule,
    ],
    providers: [CacheHealthIndicator, HealthIndicatorService],
  })
    .setLogger(logger)
    .compile();
  modules.push(module);
  await module.init();
  const indicator = module.get(CacheHealthIndicator);
  return { cache: module.get(CacheManager), health: () => indicator.check('cache') };
}

/** What one series says now; 0 = there is none. */
async function value(name: string, ...labels: readonly string[]): Promise<number> {
  const { resourceMetrics } = await exporter.collect();
  const text = new PrometheusSerializer().serialize(resourceMetrics);
  const line = text
    .split('\n')
    .find((one) => one.startsWith(`${name}{`) && labels.every((label) => one.includes(label)));
  return Number(line?.split(' ').at(-1) ?? 0);
}

const state = (tier: string, of: string): Promise<number> =>
  value('mlcache_tier_state', `mlcache_tier="${tier}"`, `mlcache_state="${of}"`);

async function ownRedis(): Promise<Server> {
  const server = await startRedis();
  servers.push(server);
  return server;
}

it('Redis killed: the tier is open in metrics, log and health, and closed again when it is back', async () => {
  const redis = await ownRedis();
  const { cache, health } = await boot({ l2: { url: redis.url }, l3: { url: databaseUrl() } });
  await cache.getOrSet('k', () => 1);
  expect([await state('l2', 'closed'), await state('l2', 'open')]).toEqual([1, 0]);
  await redis.kill();
  await expect.poll(() => state('l2', 'open'), { timeout: 10_000 }).toBe(1);
  expect(await state('l2', 'closed')).toBe(0);
  expect(await cache.getOrSet('other', () => 2)).toBe(2);
  expect(
    await value('mlcache_tier_lookups_total', 'mlcache_tier="l2"', 'mlcache_result="skipped"'),
  ).toBeGreaterThan(0);
  expect(lines.filter((line) => line.startsWith('cache.tier.opened: l2'))).toHaveLength(1);
  expect(await health()).toMatchObject({
    cache: { status: 'up', degraded: ['l2'], objectives: { l2: { met: false } } },
  });
  await redis.restart();
  await expect.poll(() => state('l2', 'closed'), { timeout: 10_000 }).toBe(1);
  expect(lines.filter((line) => line.startsWith('cache.tier.closed: l2'))).toHaveLength(1);
});

it('a password that is wrong is a state of its own', async () => {
  const redis = await ownRedis();
  const { port } = new URL(redis.url);
  const url = `redis://app:wrong@127.0.0.1:${port}`;
  await boot({ l2: { url } });
  await expect.poll(() => state('l2', 'config'), { timeout: 10_000 }).toBe(1);
  expect(await state('l2', 'open')).toBe(0);
  expect(lines.join('\n')).not.toContain('wrong@');
});

it('Redis frozen: late answers count as errors of the tier, and not of the request', async () => {
  const redis = await ownRedis();
  const { cache } = await boot({ l2: { url: redis.url, budget: 20 } });
  await cache.getOrSet('k', () => 1);
  await redis.freeze();
  for (let at = 0; at < 8; at++) await cache.getOrSet(`late:${at}`, () => at);
  await redis.thaw();
  const late = await value(
    'mlcache_tier_operation_duration_count',
    'mlcache_tier="l2"',
    'mlcache_operation="get"',
    'error_type="CACHE_TIER_TIMEOUT"',
  );
  expect(late).toBeGreaterThan(0);
  expect(
    await value('mlcache_tier_lookups_total', 'mlcache_tier="l2"', 'mlcache_result="error"'),
  ).toBe(late);
  expect(await value('mlcache_requests_total', 'mlcache_result="error"')).toBe(0);
});

it('a loader that fails: stale values and errors of the loader are counted apart', async () => {
  const { cache } = await boot({ l2: { url: redisUrl() } });
  const fail = (): never => {
    throw new RangeError('away');
  };
  await cache.getOrSet('k', () => 1);
  await cache.expire('k');
  expect(await cache.getOrSet('k', fail)).toBe(1);
  expect(await value('mlcache_requests_total', 'mlcache_result="stale"')).toBe(1);
  expect(await value('mlcache_loader_duration_count', 'error_type="RangeError"')).toBe(1);
  await cache.getOrSet('never', fail).catch(() => undefined);
  expect(await value('mlcache_requests_total', 'mlcache_result="error"')).toBe(1);
});

it('deaf to other instances: said in log, stats and health, and received stays where it was', async () => {
  const namespace = freshNamespace();
  const hears = await boot({ namespace, l2: { url: redisUrl() } });
  const { cache, health } = await boot({
    namespace,
    l2: deaf(),
  });
  await expect
    .poll(() => lines.filter((line) => line.startsWith('cache.backplane.deaf')).length, {
      timeout: 10_000,
    })
    .toBe(1);
  await hears.cache.delete('k');
  expect(cache.stats().backplane).toMatchObject({ deaf: true, received: 0 });
  expect(await health()).toMatchObject({ cache: { status: 'up', deaf: true } });
});

it('what another instance does is counted, and how late it was heard', async () => {
  const namespace = freshNamespace();
  const [a, b] = [
    await boot({ namespace, l2: { url: redisUrl() } }),
    await boot({ namespace, l2: { url: redisUrl() } }),
  ];
  await a.cache.deleteMany(['x', 'y']);
  await a.cache.invalidateTags(['t']);
  await expect
    .poll(() => b.cache.stats().invalidations)
    .toEqual({
      key: { local: 0, backplane: 2 },
      tag: { local: 0, backplane: 1 },
    });
  expect(a.cache.stats().invalidations).toEqual({
    key: { local: 2, backplane: 0 },
    tag: { local: 1, backplane: 0 },
  });
  // Its own come back as well: who hears nothing at all is deaf.
  await expect.poll(() => a.cache.stats().backplane).toMatchObject({ published: 2, received: 2 });
  expect(await value('mlcache_backplane_lag_count')).toBeGreaterThanOrEqual(2);
  expect(await value('mlcache_backplane_lag_sum')).toBeLessThan(10);
});

it('a value that came too late is counted where it was refused', async () => {
  const { cache } = await boot({ l2: { url: redisUrl() }, l3: { url: databaseUrl() } });
  await cache.getOrSet('k', async () => {
    await cache.delete('k');
    return 'old';
  });
  expect(
    await value('mlcache_fills_rejected_total', 'mlcache_tier="l2"', 'mlcache_reason="lease"'),
  ).toBe(1);
  expect(await cache.get('k')).toBeUndefined();
});

it('twenty caches over three tiers stay within 2,500 series, and none says a key, a tag, a tenant or a user', async () => {
  const { cache } = await boot({
    l2: { url: redisUrl() },
    l3: { url: databaseUrl() },
    security: { tenancy: 'optional' },
  });
  const fail = (): never => {
    throw new RangeError('secret-message');
  };
  const work = async (at: number): Promise<void> => {
    const named = cache.namespace(`cache${at}`);
    await named.getOrSet('secret-key', () => 1, { tags: ['secret-tag'] });
    await named.get('secret-key');
    await named.scoped('user').getOrSet('secret-key', () => 1);
    await named.getOrSet('secret-broken', fail).catch(() => undefined);
    await named.invalidateTags(['secret-tag']);
    await named.delete('secret-key');
  };
  await cache.runAs({ tenantId: 'secret-tenant', subjectId: 'secret-user' }, async () => {
    for (let at = 0; at < 20; at++) await work(at);
  });
  const { resourceMetrics } = await exporter.collect();
  const text = new PrometheusSerializer().serialize(resourceMetrics);
  const series = text.split('\n').filter((line) => line.startsWith('mlcache'));
  expect(series.length).toBeGreaterThan(500);
  expect(series.length).toBeLessThanOrEqual(2_500);
  expect(text).not.toContain('secret');
});
