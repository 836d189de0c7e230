/** The public face of the cache: what an application injects. No behaviour here: create-cache.ts puts it together. */
import type { Consistency, EntryOptions, LifeOptions, ReadOptions } from '../core/entry-options.js';
import type { Duration } from '../core/duration.js';
import type { CacheEventName, CacheListener } from '../core/events.js';
import type { Pattern } from '../core/predictor.js';
import type { TierName } from '../core/tier.js';
import type { EntryScope, SecurityContext } from '../core/security.js';
import type { Priority } from '../warming/plan.js';
import type { WarmReport } from '../warming/warmer.js';
import type { CacheStats } from './stats.js';

/** How one store took a write: stored, waiting in memory until the store is back, or no such tier. */
export type Applied = 'ok' | 'queued' | 'off';

/** What a write or an invalidation reached. */
export interface Receipt {
  readonly l1: Applied;
  readonly l2: Applied;
  readonly l3: Applied;
  readonly backplane: Applied;
  /** A shared store holds it: it outlives this process. */
  readonly durable: boolean;
}

/**
 * What a loader is told, and what it may say about its result. Pass it on as it is: the signal is made when it is asked for, and a copy by `...` is
 * without it.
 */
export interface LoaderContext {
  /** Aborted when the load took longer than `hardTimeout`, or when nobody waits for it any more. */
  readonly signal: AbortSignal;
  /** What stands in if this load fails. */
  readonly stale: StaleValue | undefined;
  /** Sets options of this result, over those of the call; the last word wins. */
  setOptions(options: LifeOptions): void;
  /** `return context.skip(value)`: the callers get it, and it is not stored. */
  skip<T>(value: T): T;
  /** `return context.notModified()`: the stale value is right and lives anew. Fails the load where there is none. */
  notModified<T>(): T;
  /** `throw context.fail(reason)`: as if the load had failed; a stale value stands in where there is one. */
  fail(reason: unknown): Error;
}

/** A value past its `ttl`, within its grace. */
export interface StaleValue {
  readonly value: unknown;
  readonly ageMs: number;
  /** As set by the load that made it. */
  readonly etag?: string;
}

/** Makes the value of a key. */
export type Loader<T> = (key: string, context: LoaderContext) => T | Promise<T>;

/** What the loader of many keys is told. */
export interface BulkLoaderContext {
  /** Aborted when nobody waits for any of the keys any more. */
  readonly signal: AbortSignal;
  /** Sets options of one key's result, over those of the call. */
  setOptions(key: string, options: LifeOptions): void;
}

/** Makes the values of many keys; one that it leaves out is absent. */
export type BulkLoader<T> = (
  keys: readonly string[],
  context: BulkLoaderContext,
) => Entries<T> | Promise<Entries<T>>;

/** Keys with values. */
export type Entries<T> = ReadonlyMap<string, T> | readonly (readonly [string, T])[];

export interface WriteOptions {
  /** Throw `CACHE_TIER_UNAVAILABLE` instead of queueing for a tier that is away. @defaultValue false */
  readonly strict?: boolean;
  /** `'local'`: other instances are not told; what is counted for tags is told all the same. @defaultValue the cache's */
  readonly consistency?: Consistency;
}

/** What a write is about to change; at least one key or tag. */
export interface MutateTargets {
  readonly keys?: readonly string[];
  readonly tags?: readonly string[];
}

/** The part of a TypeORM `EntityManager` that is looked at. */
export interface EntityManagerLike {
  readonly queryRunner?: object | undefined;
  readonly dataSource?: object;
}

/** Always told to other instances: a guard that nobody hears of is none. */
export type MutateOptions = Pick<WriteOptions, 'strict'>;

export interface InvalidateOptions extends WriteOptions {
  /** Keep it to stand in, within its grace, while the loader is late or fails. @defaultValue false */
  readonly soft?: boolean;
}

export interface WarmOptions {
  readonly patterns?: readonly string[];
  readonly keys?: readonly string[];
  /**
   * `@Cached` methods, as `'Class#method'`: the calls of them that this process has made lately, where the option `warming` is on (up to 5,000 of all methods, with
   * small arguments) are made again where their key is not fresh.
   */
  readonly methods?: readonly string[];
  /**
   * `critical` and `high` load four keys at a time; others as many as the option `warming.concurrency` says; `low` and
   * `background` take the share of the budget that the process can spare at the moment. @defaultValue `'normal'`
   */
  readonly priority?: Priority;
  /** How many loaders may run. @defaultValue no limit */
  readonly budget?: number;
}

/** What warming expects of a key. */
export interface KeyForecast {
  /** When it was last asked for, in ms ago. */
  readonly lastAskedMs: number;
  /** How likely it is asked for before the next round, and within the life of its value, 0 … 1. */
  readonly askedSoon: number;
  readonly askedWithinTtl: number;
  /** Whether this process knows a loader for it. */
  readonly canLoad: boolean;
  readonly patterns: readonly Pattern[];
  /** What the last plan of this process made of it, if it was in it. */
  readonly planned?: { readonly priority: Priority; readonly reason: 'absent' | 'expiring' };
}

export interface TierExplanation {
  readonly state: 'fresh' | 'stale' | 'absent' | 'invalid' | 'unknown';
  readonly ageMs?: number;
  readonly ttlMs?: number;
  readonly graceMs?: number;
  readonly bytes?: number;
  readonly tags?: readonly string[];
  /** L1 only: how often the entry answered. */
  readonly hits?: number;
  /** L1 only: when it last answered, in ms ago. */
  readonly lastAccessMs?: number;
  /** Why the tier is not asked now, if so; then its state is `unknown`. */
  readonly skipped?: string;
  /** Why the value that another tier has is not stored here, if so. */
  readonly keptOut?: string;
}

/** What a `get()` would find, tier by tier. */
export interface Explanation {
  readonly key: string;
  readonly answeredBy: TierName | 'loader';
  readonly tiers: Readonly<Partial<Record<TierName, TierExplanation>>>;
  /** Why `getOrSet` would run its loader without asking L3, if so. */
  readonly l3NotAsked?: string;
  /** What warming knows of it, where it is on and the key was asked for. */
  readonly warming?: KeyForecast;
}

/**
 * One cache over memory, Redis and PostgreSQL. Abstract, so that it is type and injection token in one.
 *
 * @example
 * class Products {
 *   constructor(private readonly cache: CacheManager, private readonly rows: Rows) {}
 *
 *   find(id: string): Promise<Product> {
 *     return this.cache.getOrSet(`product:${id}`, () => this.rows.load(id), { ttl: '10m', tags: ['catalog'] });
 *   }
 * }
 */
export abstract class CacheManager {
  /** Name of this cache; the one that is injected is `default`. */
  abstract readonly name: string;

  /** The fresh value from any tier, or `undefined`; `null` is a value. */
  abstract get<T>(key: string, options?: ReadOptions): Promise<T | undefined>;

  /** The fresh value in memory, or `undefined`; synchronous, never throws on an invalid key. */
  abstract peek<T>(key: string): T | undefined;

  /**
   * The cached value, or the loader's: one load per key across all instances.
   *
   * A loader's error reaches every waiting caller as it is, unless a stale value can stand in. `undefined` is returned and
   * not cached.
   *
   * @throws CacheError `CACHE_LOADER_TIMEOUT` after `hardTimeout`, `CACHE_KEY_INVALID`, `CACHE_OPTION_INVALID`,
   * `CACHE_VALUE_UNCACHEABLE`, `CACHE_CLOSED`
   */
  abstract getOrSet<T>(key: string, loader: Loader<T>, options?: EntryOptions): Promise<T>;

  /** Found keys with their values, in the order given; one round trip per tier. */
  abstract getMany<T>(keys: readonly string[], options?: ReadOptions): Promise<Map<string, T>>;

  /**
   * Cached values, and the loader's for the rest: it is called once, with exactly the missing keys.
   *
   * A key it leaves out is not in the result and not cached. Does not wait for other instances' loads. If the loader fails,
   * its error reaches the caller unless every missing key has a stale value to stand in.
   *
   * @throws CacheError as `getOrSet` does
   *
   * @example
   * const users = await cache.getOrSetMany(['user:1', 'user:2'], async (keys) => new Map(await rows.load(keys)));
   */
  abstract getOrSetMany<T>(
    keys: readonly string[],
    loader: BulkLoader<T>,
    options?: EntryOptions,
  ): Promise<Map<string, T>>;

  /**
   * Stores data the cache owns; what comes from a database goes through `getOrSet`. Running loads of the key are fenced off.
   */
  abstract set(
    key: string,
    value: unknown,
    options?: EntryOptions & WriteOptions,
  ): Promise<Receipt>;

  /** As `set` for many keys of one cache, with one round trip per tier. */
  abstract setMany(
    entries: Entries<unknown>,
    options?: EntryOptions & WriteOptions,
  ): Promise<Receipt>;

  /** Once resolved, the value is never served again by this instance nor from L2 or L3. */
  abstract delete(key: string, options?: WriteOptions): Promise<Receipt>;

  /** As `delete` for many keys, with one round trip per tier. */
  abstract deleteMany(keys: readonly string[], options?: WriteOptions): Promise<Receipt>;

  /** Stale from now on: it may still stand in within its grace, which begins now. */
  abstract expire(key: string, options?: WriteOptions): Promise<Receipt>;

  /** Fresh for `ttl` from now on, in every tier; `false` = there is no fresh value. */
  abstract touch(key: string, ttl: Duration): Promise<boolean>;

  /**
   * Runs `write`, which changes the application's own data, with keys and tags of it under guard: what is loaded meanwhile goes
   * to its callers and into no tier, on no instance; afterwards keys and tags are gone, also where `write` failed. A guard
   * whose process dies ends after 5 s; until then readers load. A store that is away is made up for later.
   *
   * @returns what `write` returns; its error is thrown as it was
   * @throws CacheError `CACHE_TIER_UNAVAILABLE` with `strict` only: before `write` runs, or after it where a store went away
   * meanwhile
   *
   * @example
   * await cache.mutate({ keys: [`user:${id}`], tags: ['users'] }, () => rows.update(id, patch));
   */
  abstract mutate<T>(
    targets: MutateTargets,
    write: () => T | Promise<T>,
    options?: MutateOptions,
  ): Promise<T>;

  /**
   * Invalidates with the transaction that a TypeORM manager works in: when it commits, and not if it is rolled back. Until then
   * this transaction's own calls see nothing of the cache. Where L3 is in the same database, one more statement writes it down in
   * the transaction itself, so that it happens also if the process dies right after the commit.
   *
   * Outside a transaction it is done at once.
   *
   * @throws CacheError `CACHE_OPTION_INVALID` where `manager` is not an `EntityManager`, or `targets` names nothing
   *
   * @example
   * await dataSource.transaction(async (manager) => {
   *   await manager.update(User, id, patch);
   *   await cache.invalidateIn(manager, { keys: [`user:${id}`], tags: ['users'] });
   * });
   */
  abstract invalidateIn(manager: EntityManagerLike, targets: MutateTargets): Promise<void>;

  /** Everything that carries one of the tags is gone, in every cache of the application (and tenant), at the cost of one write. */
  abstract invalidateTags(tags: readonly string[], options?: InvalidateOptions): Promise<Receipt>;

  /** Everything in this cache (and tenant) is gone, at the cost of one write. */
  abstract clear(options?: InvalidateOptions): Promise<Receipt>;

  /**
   * Every key of a group is gone, at the cost of one write: `'user:*'` for the first segment of keys, or a group declared in
   * the option `groups`; `'*'` is `clear()`.
   *
   * @throws CacheError `CACHE_PATTERN_UNDECLARED` on any other pattern
   */
  abstract invalidatePattern(pattern: string, options?: WriteOptions): Promise<Receipt>;

  /** Whether `get` would find a fresh value. */
  abstract has(key: string): Promise<boolean>;

  /** Milliseconds the value stays fresh, or `undefined`. */
  abstract ttl(key: string): Promise<number | undefined>;

  /**
   * Brings keys into memory: what a lower tier has by bulk reads, the rest by the `@CacheLoader` methods of their patterns, and
   * `@Cached` methods that were called for them before. `patterns` are groups as in `invalidatePattern`, and mean the keys of it
   * that were asked for lately. After a deploy or a `clear()`, and whenever many readers are expected.
   *
   * @throws CacheError `CACHE_OPTION_INVALID`, `CACHE_KEY_INVALID`, `CACHE_PATTERN_UNDECLARED`
   *
   * @example
   * await cache.warm({ patterns: ['user:*', 'session:*'], keys: ['front-page'], budget: 500 });
   */
  abstract warm(options: WarmOptions): Promise<WarmReport>;

  /** Looks at each tier as a `get` would, and changes nothing. */
  abstract explain(key: string): Promise<Explanation>;

  abstract stats(): CacheStats;

  /** Listens to an event, in the async context of the caller it concerns; returns how to stop. */
  abstract on<N extends CacheEventName>(event: N, listener: CacheListener<N>): () => void;

  /** Runs `work` in a security context: its tenant is part of every key and tag. */
  abstract runAs<T>(context: SecurityContext, work: () => T): T;

  /**
   * This cache for entries of another scope: everybody's (`'public'`), the caller's tenant's, or the caller's own (`'user'`).
   * Without it a call means its tenant's entries, and everybody's where it has none. What is invalidated by tag for a tenant is gone for
   * all its users; what a user invalidates is the user's own.
   *
   * @throws CacheError `CACHE_OPTION_INVALID`
   *
   * @example
   * await cache.scoped('user').getOrSet('cart', () => carts.ofCaller(), { ttl: '5m' });
   */
  abstract scoped(scope: EntryScope): CacheManager;

  /** The cache of that name in the same application; the same tiers, other keys. */
  abstract namespace(name: string): CacheManager;

  /**
   * Lets running work end, then closes the tiers. Takes at most five seconds: a load that takes longer than two is given up, its
   * callers get the stale value or `CACHE_LOADER_TIMEOUT`. From now on every verb rejects with `CACHE_CLOSED`.
   */
  abstract close(): Promise<void>;
}
