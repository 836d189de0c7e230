// This library as a subject of load, with everything on that an application would have on: metrics that are collected, the record of
// accesses, values that nobody can change.
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { CacheManager, MultiLevelCacheModule } from 'nestjs-multi-level-cache';
import { CacheTelemetryModule } from 'nestjs-multi-level-cache/telemetry';
import { collectMetrics } from '../telemetry/sdk.mjs';

class Application {}

export async function open({ tiers, redisUrl, postgresUrl, maxEntries }) {
  collectMetrics();
  const options = {
    namespace: 'load',
    l1: tiers.includes('l1') && { maxEntries, maxSize: '1gb', ttl: '1h' },
    ...(tiers.includes('l2') && { l2: { url: redisUrl } }),
    ...(tiers.includes('l3') && { l3: { url: postgresUrl } }),
    warming: {},
    defaults: { ttl: '1h' },
  };
  const imports = [MultiLevelCacheModule.forRoot(options), CacheTelemetryModule];
  const module = { module: Application, imports };
  const app = await NestFactory.createApplicationContext(module, { logger: false });
  const cache = app.get(CacheManager);
  return {
    get: (key) => cache.get(key),
    getOrSet: (key, loader) => cache.getOrSet(key, loader),
    set: (key, value) => cache.set(key, value),
    getMany: (keys) => cache.getMany(keys),
    /** Reads of a tier that was late and is left alone for a moment: nothing fails, and something else answers. */
    stats: () => {
      const { l2, l3 } = cache.stats().tiers;
      return { skipped: l2.skipped + l2.errors + l3.skipped + l3.errors };
    },
    close: () => app.close(),
  };
}
