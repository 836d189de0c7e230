/** Which cache a DataSource works with, and what its queries did there. TypeORM makes its provider before Nest has a cache. */
import type { DataSource } from 'typeorm';
import type { Cache } from '../../manager/cache.js';

/** Why a cached query went past the cache. */
export type BypassReason = 'unbound' | 'transaction' | 'session';

/** What became of the cached queries of one DataSource. */
export interface QueryCacheStats {
  readonly hits: number;
  readonly misses: number;
  /** The cache could not be used for a query; the query ran. */
  readonly errors: number;
  readonly bypassed: Readonly<Record<BypassReason, number>>;
}

/** The same, while it is counted. */
export interface QueryCounts {
  hits: number;
  misses: number;
  errors: number;
  readonly bypassed: Record<BypassReason, number>;
}

const caches = new WeakMap<DataSource, Cache>();
const counts = new WeakMap<DataSource, QueryCounts>();

/** From now on queries of this DataSource are cached there; the returned function ends that. */
export function bindCache(dataSource: DataSource, cache: Cache): () => void {
  caches.set(dataSource, cache);
  return () => {
    if (caches.get(dataSource) === cache) caches.delete(dataSource);
  };
}

export function boundCache(dataSource: DataSource): Cache | undefined {
  return caches.get(dataSource);
}

export function countsOf(dataSource: DataSource): QueryCounts {
  let known = counts.get(dataSource);
  if (!known) {
    known = {
      hits: 0,
      misses: 0,
      errors: 0,
      bypassed: { unbound: 0, transaction: 0, session: 0 },
    };
    counts.set(dataSource, known);
  }
  return known;
}

/**
 * What became of the queries with `cache` of this DataSource since the process started.
 *
 * @example
 * const { hits, misses, bypassed } = queryCacheStats(dataSource);
 */
export function queryCacheStats(dataSource: DataSource): QueryCacheStats {
  const { bypassed, ...rest } = countsOf(dataSource);
  return { ...rest, bypassed: { ...bypassed } };
}
