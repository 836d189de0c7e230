/** TypeORM's query-result cache on this library's: what its `cache` option stores and finds. */
import type { DataSource, QueryResult, QueryRunner } from 'typeorm';
import { deepCopy } from '../../core/value.js';
import { DeferredLoad } from '../../manager/deferred-load.js';
import type { Cache } from '../../manager/cache.js';
import { boundCache, countsOf, type QueryCounts } from './binding.js';
import { queryKey } from './query-key.js';
import { idTag, queryTags } from './query-tags.js';
import { sessionOf, sessionOfConnection } from './session.js';
import { handOver, standIn } from './stand-in.js';

/** What TypeORM asks its provider for: its `QueryResultCacheOptions`, which it does not export. */
export interface QueryCacheEntry {
  readonly identifier?: string;
  readonly time?: number;
  readonly duration: number;
  readonly query?: string;
  readonly result?: unknown;
}

/** TypeORM's `QueryResultCache`, which it does not export. */
export interface QueryCache {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  synchronize(runner?: QueryRunner): Promise<void>;
  getFromCache(entry: QueryCacheEntry, runner?: QueryRunner): Promise<undefined>;
  storeInCache(): Promise<void>;
  isExpired(): boolean;
  clear(): Promise<void>;
  remove(ids: string[]): Promise<void>;
}

/**
 * For `cache: { provider: typeOrmQueryCache() }` of a DataSource: queries with `cache` go through the cache that
 * `CacheTypeOrmModule` binds, and run uncached until then, inside a transaction, and whenever the cache cannot be used. The cache
 * never makes a query fail.
 *
 * Rows come back as the driver made them. A key is made of the database, role and session settings, the caller's tenant, the
 * SQL and its parameters; the `id` of a query is a tag. Every table in the query is one too: see `tagsOf`.
 *
 * @example
 * new DataSource({ type: 'postgres', url, entities: [City], cache: { provider: typeOrmQueryCache(), duration: 60_000 } });
 */
export function typeOrmQueryCache(): (dataSource: DataSource) => QueryCache {
  return (dataSource) => new TypeOrmQueryCache(dataSource);
}

class TypeOrmQueryCache implements QueryCache {
  readonly #counts: QueryCounts;

  constructor(readonly dataSource: DataSource) {
    this.#counts = countsOf(dataSource);
  }

  /** Never has an answer: the one there is comes with the rows of the query that TypeORM runs next. */
  getFromCache(entry: QueryCacheEntry, runner?: QueryRunner): Promise<undefined> {
    const { query } = entry;
    const cache = boundCache(this.dataSource);
    if (!cache || !runner || query === undefined) this.#counts.bypassed.unbound++;
    // What it reads depends on what it wrote, and may never be committed.
    else if (runner.isTransactionActive) this.#counts.bypassed.transaction++;
    else {
      standIn(runner, query, (sql, parameters, run) =>
        this.#rows(cache, runner, entry, sql, parameters, run),
      );
    }
    return Promise.resolve(undefined);
  }

  /** Stored already, as rows: TypeORM gives them as text here. */
  storeInCache(): Promise<void> {
    return Promise.resolve();
  }

  isExpired(): boolean {
    return true;
  }

  connect(): Promise<void> {
    return Promise.resolve();
  }

  disconnect(): Promise<void> {
    return Promise.resolve();
  }

  synchronize(): Promise<void> {
    return Promise.resolve();
  }

  /** Everything in the bound cache, of the caller's tenant. */
  async clear(): Promise<void> {
    await this.#quietly(async () => boundCache(this.dataSource)?.clear());
  }

  /** Queries of these ids, and the second queries that TypeORM makes of them for counts and pages. */
  async remove(ids: string[]): Promise<void> {
    const tags = ids.flatMap((id) => [id, `${id}-count`, `${id}-pagination`].map(idTag));
    if (tags.length > 0)
      await this.#quietly(async () => boundCache(this.dataSource)?.invalidateTags(tags));
  }

  async #rows(
    cache: Cache,
    runner: QueryRunner,
    entry: QueryCacheEntry,
    sql: string,
    parameters: readonly unknown[],
    run: () => Promise<QueryResult<unknown>>,
  ): Promise<QueryResult<unknown>> {
    const found = await this.#quietly(() => this.#look(cache, runner, entry, sql, parameters));
    if (found && !(found instanceof DeferredLoad)) {
      this.#counts.hits++;
      return handOver(found.value);
    }
    this.#counts.misses++;
    let rows: unknown;
    try {
      ({ records: rows } = await run());
    } catch (error) {
      found?.drop();
      throw error;
    }
    if (found) await this.#quietly(() => this.#store(found, runner, rows));
    return handOver(rows);
  }

  #look(
    cache: Cache,
    runner: QueryRunner,
    { duration, identifier }: QueryCacheEntry,
    sql: string,
    parameters: readonly unknown[],
  ): ReturnType<Cache['defer']> {
    const { dataSource } = this;
    return cache.defer(queryKey(dataSource, runner, sql, parameters), {
      ttl: duration,
      grace: 0,
      // Asked for on a miss only.
      get tags() {
        const tags = queryTags(dataSource, sql, parameters);
        return identifier === undefined ? tags : [...tags, idTag(identifier)];
      },
    });
  }

  async #store(load: DeferredLoad, runner: QueryRunner, rows: unknown): Promise<void> {
    try {
      // Somebody left settings on a pooled connection: these rows are not what the key says.
      if (sessionOf(runner) !== (await sessionOfConnection(runner))) {
        this.#counts.bypassed.session++;
        return;
      }
      // TypeORM and its callers may change what they get.
      await load.commit(deepCopy(rows));
    } finally {
      load.drop();
    }
  }

  async #quietly<T>(work: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch {
      this.#counts.errors++;
      return undefined;
    }
  }
}
