/** The verbs of one named cache: check, find the tenant's partition, answer from L1 or hand over to a path. */
import type { Duration } from '../core/duration.js';
import {
  defaultLife,
  duration,
  invalid,
  isStrong,
  readLife,
  type EntryLife,
  type EntryOptions,
  type ReadOptions,
} from '../core/entry-options.js';
import { CacheError } from '../core/errors.js';
import type { CacheEventName, CacheListener } from '../core/events.js';
import type { Entry } from '../core/entry.js';
import { NAME_PATTERN, type Address, type Scope } from '../core/key.js';
import type { EntryScope, SecurityContext } from '../core/security.js';
import type { CacheSettings, ResolvedOptions } from '../core/options.js';
import type { ContextStore } from '../security/context.js';
import type { Gate } from '../security/gate.js';
import { NO_ROW, type MemoryTier } from '../tiers/memory/memory-tier.js';
import { BulkLoad, toMap } from './bulk-load.js';
import {
  CacheManager,
  type BulkLoader,
  type Entries,
  type EntityManagerLike,
  type Explanation,
  type InvalidateOptions,
  type Loader,
  type MutateOptions,
  type MutateTargets,
  type Receipt,
  type WarmOptions,
  type WriteOptions,
} from './cache-manager.js';
import type { DeferredLoad } from './deferred-load.js';
import { Door } from './door.js';
import { explain, timeLeft } from './explain.js';
import { Homes, type Home } from './home.js';
import type { Parts } from './parts.js';
import { fromMemory, ReadVerbs, type ReadTools } from './read-verbs.js';
import type { FlightKind } from './single-flight.js';
import { snapshot } from './snapshot.js';
import { RequestCounts, type CacheStats } from './stats.js';
import type { TransactionHooks, Transactions } from './transactions.js';
import type { WritePath } from './write-path.js';
import { WriteVerbs } from './write-verbs.js';
import type { KeyRef } from '../warming/key-ref.js';
import type { WarmReport } from '../warming/warmer.js';
import type { Warming } from './warming.js';
import { inGroup, readWarm } from './warm-options.js';

const SCOPES: readonly EntryScope[] = ['public', 'tenant', 'user'];
/** Of so many calls one is measured where memory has the answer. */
const MEASURED = 1_024;
/** How soon a hit tries again where a background reload has failed. */
const REFRESH_AGAIN_MS = 1_000;

/** A method that caches what it returns, and what is known of that without a result. */
export interface CachedMethod<By> {
  readonly entry: EntryOptions;
  /** Runs the method as it was called. */
  loader(instance: object | undefined, args: unknown[], by: By): Loader<unknown>;
}

/** What all caches of an application share. */
export interface Shared extends ReadTools {
  readonly options: ResolvedOptions;
  readonly caches: Map<string, Cache>;
  readonly context: ContextStore;
  readonly gate: Gate;
  readonly writes: WritePath;
  readonly warming: Warming;
  readonly hooks: TransactionHooks;
  closed: boolean;
  settings(name: string): CacheSettings;
  cache(name: string): Cache;
  close(): Promise<void>;
}

export class Cache extends CacheManager {
  readonly #shared: Shared;
  readonly #parts: Parts;
  #base!: EntryLife;
  /** Memory, where it may answer calls that say nothing. */
  #memory: MemoryTier | null = null;
  readonly #reads: ReadVerbs;
  readonly #writes: WriteVerbs;
  readonly #transactions: Transactions;
  readonly #door: Door;
  /** Calls since the last one that was measured. */
  #turn = 0;
  /** The same cache for entries of another scope. */
  readonly #views = new Map<EntryScope, Cache>();

  constructor(
    readonly name: string,
    shared: Shared,
    readonly of?: EntryScope,
    readonly counts = new RequestCounts(),
  ) {
    super();
    this.#shared = shared;
    this.#parts = shared.parts;
    this.#transactions = shared.transactions;
    const { namespace, l1, l2, l3, rules } = shared.parts;
    const below = l2 !== null || l3 !== null;
    const homes = new Homes(namespace, name, rules, shared.context, l1, below, of);
    this.#door = new Door(homes, shared.gate, shared);
    this.configure(shared.settings(name));
    this.#reads = new ReadVerbs(name, shared, this.#door, this.counts, () => this.#base);
    this.#writes = new WriteVerbs(
      shared.parts,
      shared.writes,
      () => this.#base,
      this.#door,
      shared.transactions,
      ({ types }) => types && shared.types.register(types),
    );
  }

  /** What holds for calls that say nothing. */
  configure(settings: CacheSettings): void {
    const { defaults, tiers } = settings;
    this.#base = { ...defaultLife(defaults), tiers, scope: this.of ?? 'tenant' };
    this.#memory = isStrong(this.#base) ? null : this.#parts.l1;
    for (const view of this.#views.values()) view.configure(settings);
  }

  scoped(scope: EntryScope): CacheManager {
    if (!SCOPES.includes(scope))
      throw invalid('scope', `is ${typeof scope}; allowed: ${SCOPES.join(', ')}`);
    // What is said of the cache later reaches all of its views.
    const owner = this.of === undefined ? this : this.#shared.cache(this.name);
    let view = owner.#views.get(scope);
    if (!view)
      owner.#views.set(scope, (view = new Cache(this.name, this.#shared, scope, this.counts)));
    return view;
  }

  peek<T>(key: string): T | undefined {
    const home = this.#door.enter('read', key);
    const l1 = this.#transactions.bypassed ? null : this.#memory;
    const row = l1 ? l1.hit(home.partition!, key) : NO_ROW;
    if (!l1 || row === NO_ROW) return undefined;
    this.counts.l1++;
    return l1.value(row) as T;
  }

  getOrSet<T>(key: string, loader: Loader<T>, options?: EntryOptions): Promise<T> {
    return this.#orLoad(key, loader, options) as Promise<T>;
  }

  /** `getOrSet` for a call of such a method. Its loader is made once memory has no answer: it costs as much as the hit. Not for applications. */
  orCall<By>(
    key: string,
    method: CachedMethod<By>,
    instance: object | undefined,
    args: unknown[],
    by: By,
  ): Promise<unknown> {
    return this.#orLoad(key, method, method.entry, undefined, instance, args, by);
  }

  get<T>(key: string, options?: ReadOptions): Promise<T | undefined> {
    const began = this.#isMeasured() ? this.#parts.clock.now() : 0;
    let home: Home;
    try {
      home = this.#door.enter('read', key);
    } catch (error) {
      return Promise.reject(error);
    }
    const { events } = this.#parts;
    const l1 = this.#transactions.bypassed ? null : this.#memory;
    const row = l1 && options === undefined ? l1.hit(home.partition!, key) : NO_ROW;
    if (!l1 || row === NO_ROW)
      return this.#reads.find(home, key, options) as Promise<T | undefined>;
    this.counts.l1++;
    // Before anybody is told: a listener may write, and the row may then be another's.
    const answer = l1.promise(row) as Promise<T>;
    if (began !== 0) this.#measure(began);
    if (events.hearsHits) events.emit('hit', { cache: this.name, key, tier: 'l1' });
    return answer;
  }

  /**
   * For a value that its caller loads by itself, as an ORM does: a copy of what a tier has, or the right to store what is read
   * from now on. Not for applications.
   */
  async defer(
    key: string,
    options?: EntryOptions,
  ): Promise<{ readonly value: unknown } | DeferredLoad> {
    return this.#reads.defer(this.#door.enter('read', key), key, options);
  }

  async getMany<T>(keys: readonly string[], options?: ReadOptions): Promise<Map<string, T>> {
    const distinct = this.#door.keys(keys);
    const life = readLife(options, this.#base);
    life.signal?.throwIfAborted();
    const home = this.#door.enterAll('read', distinct);
    if (this.#transactions.bypassed) return new Map();
    return found(distinct, (await this.#reads.many(home, distinct, life)) as (T | undefined)[]);
  }

  /** For the warmer: which keys are fresh in some tier; what a lower one has is in memory afterwards. */
  fresh(keys: readonly string[]): Promise<ReadonlyMap<string, Entry | undefined>> {
    // What the policy refuses is none of the warmer's, and keeps nothing from the rest.
    return this.#reads.quietly(this.#door.home(), this.#door.readable(keys));
  }

  /** For the warmer: loads a key that nobody asks for. */
  ahead(
    key: string,
    loader: Loader<unknown>,
    options: EntryOptions | undefined,
    force: boolean,
  ): Promise<Entry | undefined> {
    return this.#reads.ahead(this.#door.enter('read', key), key, loader, options, force);
  }

  /** Of whoever is calling. */
  scope(): Scope {
    return this.#door.home().scope;
  }

  address(key: string): Address {
    return this.#door.address(this.#door.home(), key);
  }

  async warm(options: WarmOptions): Promise<WarmReport> {
    this.#door.assertOpen();
    const { scope } = this.#door.enter('admin');
    if (scope.subject !== undefined)
      throw invalid('scope', "is 'user'; users' entries are not warmed");
    const { warming } = this.#shared;
    const { keys, groups, methods, ...how } = readWarm(options, scope, warming.calls);
    const { tenant } = scope;
    const mine = ({ cache, tenant: owner }: KeyRef): boolean =>
      owner === tenant && cache === this.name;
    const wanted = (ref: KeyRef): boolean =>
      mine(ref) && groups.some((group) => inGroup(ref.key, group));
    const hot = groups.length > 0 ? await warming.hotNow(wanted) : [];
    const called = warming.calls.keysOf(methods).filter(mine);
    const names = new Set([...keys, ...[...hot, ...called].map(({ key }) => key)]);
    return warming.warm(
      Array.from(names, (key) => ({ tenant, cache: this.name, key })),
      how,
    );
  }

  async getOrSetMany<T>(
    keys: readonly string[],
    loader: BulkLoader<T>,
    options?: EntryOptions,
  ): Promise<Map<string, T>> {
    const distinct = this.#door.keys(keys);
    if (typeof loader !== 'function') throw invalid('loader', 'must be a function');
    const bulk = new BulkLoad(distinct, loader);
    const values = await Promise.allSettled(
      distinct.map((key) =>
        this.#orLoad(key, bulk.one, options, { bulk }).finally(() => bulk.leave(key)),
      ),
    );
    const failed = values.find((value) => value.status === 'rejected');
    if (failed) throw failed.reason;
    return found(
      distinct,
      values.map((value) => (value as PromiseFulfilledResult<T | undefined>).value),
    );
  }

  set(key: string, value: unknown, options?: EntryOptions & WriteOptions): Promise<Receipt> {
    try {
      return this.#writes.set(this.#door.enterOpen('write', key), key, value, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async setMany(
    entries: Entries<unknown>,
    options?: EntryOptions & WriteOptions,
  ): Promise<Receipt> {
    this.#door.assertOpen();
    const values = toMap(entries);
    return this.#writes.setMany(this.#door.enterAll('write', [...values.keys()]), values, options);
  }

  async delete(key: string, options?: WriteOptions): Promise<Receipt> {
    return this.#writes.delete(this.#door.enterOpen('invalidate', key), [key], options);
  }

  async deleteMany(keys: readonly string[], options?: WriteOptions): Promise<Receipt> {
    const distinct = this.#door.keys(keys);
    return this.#writes.delete(this.#door.enterAll('invalidate', distinct), distinct, options);
  }

  async expire(key: string, options?: WriteOptions): Promise<Receipt> {
    return this.#writes.expire(this.#door.enterOpen('invalidate', key), key, options);
  }

  async touch(key: string, ttl: Duration): Promise<boolean> {
    const ms = duration(ttl, 'ttl');
    const address = this.#door.address(this.#door.enter('write', key), key);
    if (this.#transactions.bypassed || (await timeLeft(this.#parts, address)) === undefined)
      return false;
    await this.#writes.touch(address, ms);
    return true;
  }

  async mutate<T>(
    targets: MutateTargets,
    write: () => T | Promise<T>,
    options?: MutateOptions,
  ): Promise<T> {
    const home = this.#door.enterTargets(targets);
    return this.#writes.mutate(home, targets, write, options);
  }

  async invalidateIn(manager: EntityManagerLike, targets: MutateTargets): Promise<void> {
    const home = this.#door.enterTargets(targets);
    const transaction = this.#shared.hooks.transactionOf(manager);
    return this.#writes.invalidateIn(home, transaction, targets);
  }

  async invalidateTags(tags: readonly string[], options?: InvalidateOptions): Promise<Receipt> {
    return this.#writes.tags(this.#door.enterOpen('invalidate').scope, tags, options);
  }

  async clear(options?: InvalidateOptions): Promise<Receipt> {
    return this.#writes.clear(this.#door.enterOpen('clear').scope, options);
  }

  async invalidatePattern(pattern: string, options?: WriteOptions): Promise<Receipt> {
    const action = pattern === '*' ? 'clear' : 'invalidate';
    return this.#writes.pattern(this.#door.enterOpen(action).scope, pattern, options);
  }

  async has(key: string): Promise<boolean> {
    return (await this.ttl(key)) !== undefined;
  }

  async ttl(key: string): Promise<number | undefined> {
    const address = this.#door.address(this.#door.enter('read', key), key);
    return this.#transactions.bypassed ? undefined : timeLeft(this.#parts, address);
  }

  async explain(key: string): Promise<Explanation> {
    const home = this.#door.enter('read', key);
    const found = await explain(this.#parts, this.#door.address(home, key));
    const { subject, tenant } = home.scope;
    if (subject !== undefined) return found;
    const warming = this.#shared.warming.about({ tenant, cache: this.name, key });
    return warming ? { ...found, warming } : found;
  }

  stats(): CacheStats {
    const { caches, gate, warming } = this.#shared;
    return snapshot(this.#parts, caches, warming.stats(), gate.stats());
  }

  on<N extends CacheEventName>(event: N, listener: CacheListener<N>): () => void {
    return this.#parts.events.on(event, listener);
  }

  runAs<T>(context: SecurityContext, work: () => T): T {
    return this.#shared.context.run(context, work);
  }

  namespace(name: string): CacheManager {
    if (typeof name !== 'string' || !NAME_PATTERN.test(name)) {
      throw new CacheError(
        'CACHE_OPTION_INVALID',
        `the name of a cache must match ${NAME_PATTERN.source}`,
      );
    }
    const cache = this.#shared.cache(name);
    return this.of ? cache.scoped(this.of) : cache;
  }

  close(): Promise<void> {
    return this.#shared.close();
  }

  /** @param args - `source` is a method that was called with these; else it is the loader. */
  #orLoad<By>(
    key: string,
    source: Loader<unknown> | CachedMethod<By>,
    options?: EntryOptions,
    kind?: FlightKind,
    instance?: object,
    args?: unknown[],
    by?: By,
  ): Promise<unknown> {
    const began = this.#isMeasured() ? this.#parts.clock.now() : 0;
    let home: Home;
    try {
      home = this.#door.enter('read', key);
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.#transactions.open > 0) {
      const transaction = this.#transactions.current();
      const load = loaderOf(source, instance, args, by);
      if (transaction) return this.#reads.within(transaction, home, key, load, options, kind);
    }
    const { events } = this.#parts;
    const l1 = this.#memory;
    const row = l1 && fromMemory(options) ? l1.hit(home.partition!, key) : NO_ROW;
    if (!l1 || row === NO_ROW)
      return this.#reads.load(home, key, loaderOf(source, instance, args, by), options, kind);
    this.counts.l1++;
    const answer = l1.promise(row);
    if (began !== 0) this.#measure(began);
    if (l1.refreshDue(row, REFRESH_AGAIN_MS))
      this.#reads.refresh(home, key, loaderOf(source, instance, args, by), options);
    if (events.hearsHits) events.emit('hit', { cache: this.name, key, tier: 'l1' });
    return answer;
  }

  /** A clock costs as much as the hit it measures. */
  #isMeasured(): boolean {
    return (this.#turn = (this.#turn + 1) % MEASURED) === 0;
  }

  /** How long memory took for a hit. */
  #measure(began: number): void {
    const { clock, events, memoryLatencies } = this.#parts;
    const now = clock.now();
    memoryLatencies.record(now - began, now);
    if (events.has('tierOperation'))
      events.emit('tierOperation', { tier: 'l1', operation: 'get', durationMs: now - began });
  }
}

function loaderOf<By>(
  source: Loader<unknown> | CachedMethod<By>,
  instance: object | undefined,
  args: unknown[] | undefined,
  by: By | undefined,
): Loader<unknown> {
  return args
    ? (source as CachedMethod<By>).loader(instance, args, by!)
    : (source as Loader<unknown>);
}

function found<T>(keys: readonly string[], values: readonly (T | undefined)[]): Map<string, T> {
  const map = new Map<string, T>();
  values.forEach((value, index) => {
    if (value !== undefined) map.set(keys[index], value);
  });
  return map;
}
