/** Looks into a cache for tests of the dashboard: keys that a test names, the rest as the public door tells it. */
import { Global, Module, type DynamicModule } from '@nestjs/common';
import {
  CacheInspector,
  CacheManager,
  type Advice,
  type EntriesPage,
  type EntriesQuery,
  type Setting,
  type TierName,
  type ValueShape,
} from 'nestjs-multi-level-cache';

export class FakeInspector implements Pick<CacheInspector, keyof CacheInspector> {
  /** By cache; where a tenant calls, only what begins with its name. */
  readonly keys = new Map<string, string[]>();
  readonly probed: TierName[] = [];
  found: readonly Advice[] = [];

  constructor(private readonly cache: CacheManager) {}

  async entries({
    cache,
    cursor,
    limit = 50,
    prefix = '',
    tier,
  }: EntriesQuery): Promise<EntriesPage> {
    const all = (this.keys.get(cache) ?? []).filter((key) => key.startsWith(prefix));
    const from = Number(cursor ?? 0);
    const next = from + limit < all.length ? { next: String(from + limit) } : {};
    const named = cache === this.cache.name ? this.cache : this.cache.namespace(cache);
    const looked = await Promise.all(
      all.slice(from, from + limit).map(async (key) => [key, await named.explain(key)] as const),
    );
    const entries = looked.flatMap(([key, { tiers }]) => {
      const found = tiers[tier];
      if (found?.state !== 'fresh' && found?.state !== 'stale') return [];
      const { bytes, state, ttlMs } = found;
      return [
        {
          key,
          state,
          ...(ttlMs !== undefined && { ttlMs }),
          ...(bytes !== undefined && { bytes }),
        },
      ];
    });
    return { entries, ...next };
  }

  shape(): Promise<ValueShape | undefined> {
    return Promise.resolve({ type: 'object', members: { name: { type: 'string', length: 4 } } });
  }

  caches(): readonly string[] {
    return [...new Set(['default', ...Object.keys(this.cache.stats().caches)])];
  }

  settings(): Setting {
    return {
      namespace: 'shop',
      l1: { maxEntries: 10_000, maxSize: 67_108_864, ttl: 60_000 },
      l2: { url: '***', budget: 20, failover: 'warm' },
      defaults: { ttl: 300_000, grace: 3_600_000, jitter: 0.1 },
    };
  }

  advice(): readonly Advice[] {
    return this.found;
  }

  async probe(tier: TierName): Promise<void> {
    this.probed.push(tier);
  }
}

/** Provides it to every module of a test's application. */
@Global()
@Module({})
export class InspectorModule {
  static forTest(): DynamicModule {
    return {
      module: InspectorModule,
      providers: [
        {
          provide: CacheInspector,
          inject: [CacheManager],
          useFactory: (cache: CacheManager) => new FakeInspector(cache),
        },
      ],
      exports: [CacheInspector],
    };
  }
}
