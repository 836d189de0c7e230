/** The cache's counters as a Prometheus scrape sees them, through the API and through nestjs-otel. */
import { Test } from '@nestjs/testing';
import { metrics } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { OpenTelemetryModule } from 'nestjs-otel';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CacheManager, MultiLevelCacheModule } from '../../src/index.js';
import { CacheTelemetryModule, METRICS, subscribe } from '../../src/nest/telemetry.js';
import { boot, closeLater, NO_LOGGER } from '../nest/boot.js';

let exporter: PrometheusExporter;
let provider: MeterProvider;

beforeEach(() => {
  exporter = new PrometheusExporter({ preventServerStart: true });
  provider = new MeterProvider({ readers: [exporter] });
  metrics.setGlobalMeterProvider(provider);
});
afterEach(async () => {
  metrics.disable();
  await provider.shutdown().catch(() => undefined);
});

async function scrape(): Promise<string> {
  const { resourceMetrics } = await exporter.collect();
  return new PrometheusSerializer().serialize(resourceMetrics);
}

function series(text: string, name: string): string[] {
  return text.split('\n').filter((line) => line.startsWith(name));
}

async function traffic(cache: CacheManager): Promise<void> {
  await cache.getOrSet('user:secret', () => 1, { tags: ['tag:secret'] });
  await cache.getOrSet('user:secret', () => 1);
  await cache.getOrSet('user:secret', () => 1);
  await cache
    .getOrSet('broken', () => {
      throw new RangeError('user:secret');
    })
    .catch(() => undefined);
}

describe.each([
  ['through the API', []],
  ['through nestjs-otel', [OpenTelemetryModule.forRoot()]],
])('%s', (_how, more) => {
  it('exports what stats() counts, and nothing of keys, tags or tenants', async () => {
    const { module, cache } = await boot({ imports: [CacheTelemetryModule, ...more] });
    await cache.runAs({ tenantId: 'tenant-secret' }, () => traffic(cache));
    const text = await scrape();
    const answered = (tier: string, result: string): string =>
      `mlcache_requests_total{mlcache_cache="default",mlcache_tier="${tier}",mlcache_result="${result}"`;
    expect(series(text, answered('l1', 'hit'))[0]).toMatch(/ 2$/);
    expect(series(text, answered('none', 'miss'))[0]).toMatch(/ 1$/);
    expect(series(text, answered('none', 'error'))[0]).toMatch(/ 1$/);
    expect(series(text, 'mlcache_tier_writes_total{mlcache_tier="l1"')[0]).toMatch(/ 1$/);
    expect(text).toMatch(/mlcache_tier_state\{mlcache_tier="l1",mlcache_state="closed"[^}]*\} 1/);
    expect(text).toMatch(
      /mlcache_loader_duration_count\{mlcache_cache="default",error_type="RangeError"[^}]*\} 1/,
    );
    expect(text).not.toContain('secret');
    await module.close();
    const stats = vi.spyOn(cache, 'stats');
    await scrape();
    expect(stats).not.toHaveBeenCalled();
  });
});

it('keeps the caches of two applications in one process apart from one another’s callbacks', async () => {
  const other = async (): Promise<CacheManager> => {
    const imports = [
      MultiLevelCacheModule.forRoot({ namespace: 'other' }),
      CacheTelemetryModule,
      OpenTelemetryModule.forRoot(),
    ];
    const module = closeLater(
      await Test.createTestingModule({ imports }).setLogger(NO_LOGGER).compile(),
    );
    await module.init();
    return module.get(CacheManager);
  };
  const [first, second] = [await other(), await other()];
  await first.getOrSet('a', () => 1);
  await second.namespace('second').getOrSet('a', () => 1);
  const names = series(await scrape(), 'mlcache_requests_total')
    .filter((line) => line.includes('result="miss"'))
    .map((line) => /mlcache_cache="(\w+)"/.exec(line)![1]);
  expect(names).toEqual(expect.arrayContaining(['default', 'second']));
});

it('stays within 2,500 series with a hundred caches', async () => {
  const { cache } = await boot({ imports: [CacheTelemetryModule] });
  for (let n = 0; n < 100; n++) await cache.namespace(`cache${n}`).getOrSet('k', () => n);
  const lines = (await scrape()).split('\n').filter((line) => line.startsWith('mlcache'));
  expect(lines.length).toBeGreaterThan(300);
  expect(lines.length).toBeLessThan(2_500);
  expect(lines.some((line) => line.includes('mlcache_cache="_other"'))).toBe(true);
});

it('says once that nobody collects where no SDK was started', async () => {
  metrics.disable();
  const warned: string[] = [];
  const logger = { ...NO_LOGGER, warn: (message: string) => void warned.push(message) };
  const imports = [MultiLevelCacheModule.forRoot({ namespace: 'dark' }), CacheTelemetryModule];
  const module = await Test.createTestingModule({ imports }).setLogger(logger).compile();
  closeLater(module);
  await module.init();
  expect(warned.filter((message) => message.startsWith('cache.telemetry.dark'))).toHaveLength(1);
});

it('spells every name once, in its own namespace', () => {
  const names = Object.values(METRICS).map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^mlcache\.[a-z.]+$/);
});

describe('channels', () => {
  it('carry typed events while somebody listens, and build nothing otherwise', async () => {
    const { cache } = await boot({});
    await traffic(cache);
    const heard: string[] = [];
    const stop = subscribe('hit', ({ namespace, cache: name, key, tier }) =>
      heard.push([namespace, name, key, tier].join(' ')),
    );
    await cache.get('user:secret');
    stop();
    await cache.get('user:secret');
    expect(heard).toEqual(['test default user:secret l1']);
  });
});
