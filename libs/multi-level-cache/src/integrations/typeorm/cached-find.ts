/** Whole entities from the cache: `find` as the loader of `getOrSet`, with everything a loader has. */
import type {
  EntityMetadata,
  FindManyOptions,
  FindOneOptions,
  ObjectLiteral,
  Repository,
} from 'typeorm';
import type { EntryOptions, TypeList } from '../../core/entry-options.js';
import { CacheError, isCacheError } from '../../core/errors.js';
import type { AnyClass } from '../../core/key.js';
import { isPlain } from '../../core/value.js';
import type { CacheManager } from '../../manager/cache-manager.js';
import { boundCache, countsOf } from './binding.js';
import { findKey } from './find-key.js';
import { readTags } from './query-tags.js';
import { Tables } from './tables.js';
import { rowTag } from './tags.js';

/** How a cached find lives; `tags` come on top of those of its tables. */
export interface CachedFindOptions extends Omit<EntryOptions, 'type'> {
  /** @defaultValue the cache that `CacheTypeOrmModule` has bound */
  readonly cache?: CacheManager;
}

/**
 * `repository.find(options)` through the cache: one load per query across all instances, with `grace`, `refreshAhead` and the rest
 * of `getOrSet`. Every table it reads is a tag; writes through TypeORM invalidate it. Results are instances of their entities
 * whatever tier they come from, shared and frozen as all cached values: to change a row, find it by the repository.
 *
 * Runs uncached inside a transaction, with `lock`, and where no cache is bound.
 *
 * @throws CacheError as `getOrSet` does; `CACHE_KEY_INVALID` where `options` have no canonical form; `CACHE_VALUE_UNCACHEABLE` where
 * an entity has lazy relations
 *
 * @example
 * const large = await cachedFind(cities, { where: { population: MoreThan(1_000_000) } }, { ttl: '10m', grace: '1h' });
 */
export function cachedFind<E extends ObjectLiteral>(
  repository: Repository<E>,
  options: FindManyOptions<E> = {},
  how: CachedFindOptions = {},
): Promise<E[]> {
  return through(repository, 'find', options, how, (plain) => repository.find(plain));
}

/**
 * The same for `repository.findOne(options)`; that there is no such row is cached too. What fixes the whole primary key outlives
 * writes of other rows, where TypeORM tells which row was written.
 *
 * @throws CacheError as `cachedFind` does
 *
 * @example
 * const city = await cachedFindOne(cities, { where: { id: 2_988_507 } }, { ttl: '1h' });
 */
export function cachedFindOne<E extends ObjectLiteral>(
  repository: Repository<E>,
  options: FindOneOptions<E>,
  how: CachedFindOptions = {},
): Promise<E | null> {
  return through(repository, 'findOne', options, how, (plain) => repository.findOne(plain));
}

async function through<E extends ObjectLiteral, T>(
  repository: Repository<E>,
  verb: string,
  options: FindManyOptions<E>,
  { cache: given, ...how }: CachedFindOptions,
  find: (options: FindManyOptions<E>) => Promise<T>,
): Promise<T> {
  const { manager, metadata } = repository;
  const { dataSource, queryRunner } = manager;
  const cache = given ?? boundCache(dataSource);
  // One cache is enough: the provider's would be asked by the loader.
  const plain = { ...options, cache: false };
  const { bypassed } = countsOf(dataSource);
  if (!cache) bypassed.unbound++;
  else if (queryRunner?.isTransactionActive || options.lock) bypassed.transaction++;
  if (!cache || queryRunner?.isTransactionActive || options.lock) return find(plain);
  const { cache: _cache, ...rest } = options;
  const key = findKey(verb, metadata, queryRunner, rest);
  const read = new Reading(repository, options);
  const entry: EntryOptions = {
    ...how,
    // Asked for on a miss only.
    get tags() {
      return [...(how.tags ?? []), ...read.tags];
    },
    get type() {
      return read.types;
    },
  };
  try {
    return await cache.getOrSet(key, () => find(plain), entry);
  } catch (error) {
    // While the application ends, requests are still served.
    if (isCacheError(error, 'CACHE_CLOSED')) return find(plain);
    throw error;
  }
}

/** What a find reads, found out when it is about to be read. */
class Reading<E extends ObjectLiteral> {
  #sql: string | undefined;

  constructor(
    readonly repository: Repository<E>,
    readonly options: FindManyOptions<E>,
  ) {}

  get tags(): string[] {
    const { metadata } = this.repository;
    const tags = readTags(metadata.dataSource, this.#text, ({ tablePath }) =>
      tablePath === metadata.tablePath ? this.#pinned(metadata) : undefined,
    );
    return [...new Set(tags)];
  }

  get types(): TypeList {
    const { dataSource } = this.repository.metadata;
    const paths = Tables.of(dataSource)
      .in(this.#text)
      .map(({ metadata }) => metadata.tablePath);
    return typesOf(dataSource.entityMetadatas, paths);
  }

  /** As one statement, whatever way relations are loaded. */
  get #text(): string {
    if (this.#sql !== undefined) return this.#sql;
    const { metadata } = this.repository;
    const { cache: _cache, lock: _lock, transaction: _transaction, ...options } = this.options;
    const query = this.repository
      .createQueryBuilder(metadata.name)
      .setFindOptions({ ...options, relationLoadStrategy: 'join' });
    // Ids of relations are read by statements of their own.
    const apart = metadata.relationIds.map(({ relation }) => relation);
    const ids = this.options.loadRelationIds ? metadata.relations : apart;
    const more = ids.flatMap(({ inverseEntityMetadata, junctionEntityMetadata }) => [
      inverseEntityMetadata.tablePath,
      junctionEntityMetadata?.tablePath ?? '',
    ]);
    return (this.#sql = [query.getQuery(), ...more].join(' , '));
  }

  #pinned(metadata: EntityMetadata): string | undefined {
    const { where } = this.options;
    if (!where || Array.isArray(where) || !isPlain(where)) return undefined;
    return rowTag(metadata, (column) => column.getEntityValue(where) as unknown);
  }
}

const lists = new WeakMap<object, Map<string, TypeList>>();

/** Classes of the entities of these tables, and of what is embedded in them. */
function typesOf(metadatas: readonly EntityMetadata[], paths: readonly string[]): TypeList {
  const name = paths.join('\u0000');
  const known = lists.get(metadatas) ?? new Map<string, TypeList>();
  lists.set(metadatas, known);
  let list = known.get(name);
  if (!list) {
    const classes = new Set<unknown>();
    for (const metadata of metadatas.filter(({ tablePath }) => paths.includes(tablePath))) {
      // What loads it hangs on the object itself, and is neither frozen nor stored.
      if (metadata.relations.some(({ isLazy }) => isLazy))
        throw new CacheError(
          'CACHE_VALUE_UNCACHEABLE',
          `entity ${metadata.name} has a lazy relation; cache queries of it by their own \`cache\``,
        );
      classes.add(metadata.target);
      for (const { type } of metadata.allEmbeddeds) classes.add(type);
    }
    const found = [...classes].filter((one) => typeof one === 'function' && one !== Object);
    known.set(name, (list = () => found as AnyClass[]));
  }
  return list;
}
