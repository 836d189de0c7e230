/** An application with all three tiers under the traffic that makes every panel show something, and a second one it hears. */
import { Injectable, Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { metrics } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from 'throwaway-servers';
import {
  CacheLoader,
  CacheManager,
  MultiLevelCacheModule,
  type CachePolicy,
} from '../../libs/multi-level-cache/src/index.js';
import { CacheTelemetryModule } from '../../libs/multi-level-cache/src/nest/telemetry.js';

export interface Where {
  readonly namespace: string;
  readonly redis: string;
  readonly database: string;
}

/** What is scraped, and how it ends. */
export interface Running {
  /** Host and port of `/metrics`. */
  readonly target: string;
  stop(): Promise<void>;
}

const noSecrets: CachePolicy = { can: (_context, _action, _cache, key) => key !== 'secret' };

@Injectable()
class Items {
  @CacheLoader('ahead:{id}')
  async load(id: string): Promise<string> {
    return `item ${id}`;
  }
}

function cacheOf({ database, namespace, redis }: Where) {
  return MultiLevelCacheModule.forRoot({
    namespace,
    l1: { maxEntries: 20 },
    l2: { url: redis, budget: '1s' },
    l3: { url: database, budget: '1s' },
    placement: false,
    warming: { interval: '1s' },
    security: { policy: noSecrets },
    defaults: { ttl: '5m' },
  });
}

/** Starts both and keeps them busy until `stop`. */
export async function startTraffic(where: Where): Promise<Running> {
  const port = await freePort();
  const exporter = new PrometheusExporter({ host: '127.0.0.1', port });
  const provider = new MeterProvider({ readers: [exporter] });
  metrics.setGlobalMeterProvider(provider);
  @Module({ imports: [cacheOf(where), CacheTelemetryModule], providers: [Items] })
  class Watched {}
  @Module({ imports: [cacheOf(where)] })
  class Other {}
  const apps = await Promise.all(
    [Watched, Other].map((app) => NestFactory.createApplicationContext(app, { logger: false })),
  );
  const redis = new Redis(where.redis);
  const abort = new AbortController();
  const ended = keepBusy(apps, redis, where.namespace, abort.signal);
  const stop = async (): Promise<void> => {
    abort.abort();
    try {
      await ended;
    } finally {
      redis.disconnect();
      await Promise.all(apps.map((app) => app.close()));
      await provider.shutdown();
      metrics.disable();
    }
  };
  return { target: `127.0.0.1:${port}`, stop };
}

async function keepBusy(
  [watched, other]: readonly INestApplicationContext[],
  redis: Redis,
  namespace: string,
  until: AbortSignal,
): Promise<void> {
  const [cache, others] = [watched.get(CacheManager), other.get(CacheManager)];
  for (let round = 0; !until.aborted; round++) {
    await answers(cache, redis, namespace);
    await warmed(cache, round);
    await failures(cache);
    await changes(cache, others, round);
    await sleep(100);
  }
}

/** From each tier, and from loaders that several wait for. */
async function answers(cache: CacheManager, redis: Redis, namespace: string): Promise<void> {
  const keys = Array.from({ length: 60 }, (_, n) => `item-${n}`);
  // More than memory holds: some are thrown out, and are found in L2 the next time.
  for (const key of keys) await cache.getOrSet(key, () => `value of ${key}`, { tags: ['items'] });
  await Promise.all(keys.slice(-10).map((key) => cache.get(key)));
  for (const key of keys.slice(0, 5)) {
    const there = await redis.keys(`${namespace}:*:e:*:${key}`);
    if (there.length > 0) await redis.del(...there);
    await cache.getOrSet(key, () => 'not in L3');
  }
  const slow = (): Promise<string> => sleep(5, 'slow');
  await Promise.all([1, 2, 3].map(() => cache.getOrSet('together', slow, { ttl: 0 })));
}

/** Loaded ahead, and asked for. */
async function warmed(cache: CacheManager, round: number): Promise<void> {
  await cache.warm({ keys: [`ahead:${round}`] });
  await cache.get(`ahead:${round}`);
}

/** Of a loader, of a policy, and of a fill that a delete has overtaken. */
async function failures(cache: CacheManager): Promise<void> {
  const broken = (): never => {
    throw new RangeError('broken');
  };
  await cache.getOrSet('broken', broken).catch(() => undefined);
  await cache.getOrSet('secret', () => 1).catch(() => undefined);
  const overtaken = async (): Promise<string> => (await cache.delete('overtaken'), 'void');
  await cache.getOrSet('overtaken', overtaken);
}

async function changes(cache: CacheManager, others: CacheManager, round: number): Promise<void> {
  await others.delete(`item-${round % 60}`);
  await cache.delete(`item-${(round + 30) % 60}`);
  if (round % 20 === 19) await cache.invalidateTags(['items']);
  // Stale at once: the next one gets the old value, and its loader fails.
  await cache.set('worn', 1, { ttl: '5m', grace: '1h' });
  await cache.expire('worn');
  const broken = (): never => {
    throw new RangeError('broken');
  };
  await cache.getOrSet('worn', broken);
}
