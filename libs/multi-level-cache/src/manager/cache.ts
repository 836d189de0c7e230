/** The verbs of one named cache: check, find the tenant's partition, answer from L1 or hand over to a path. */
import { createEntry, handOut } from '../core/entry.js';
import { checkTags, entryLife, type EntryLife, type EntryOptions } from '../core/entry-options.js';
import { CacheError } from '../core/errors.js';
import type { CacheEventName, CacheListener } from '../core/events.js';
import { Address, assertKey, Scope } from '../core/key.js';
import { NAME_PATTERN } from '../core/key.js';
import type { ResolvedOptions } from '../core/options.js';
import type { Change } from '../core/tier.js';
import type { ContextStore, SecurityContext } from '../security/context.js';
import type { Partition } from '../tiers/memory/memory-tier.js';
import {
  CacheManager,
  type Explanation,
  type Loader,
  type Receipt,
  type WriteOptions,
} from './cache-manager.js';
import { explain, timeLeft } from './explain.js';
import type { Parts } from './parts.js';
import type { ReadPath } from './read-path.js';
import type { Answer } from './single-flight.js';
import { snapshot } from './snapshot.js';
import { RequestCounts, type CacheStats } from './stats.js';
import type { WritePath } from './write-path.js';

const MAX_TENANTS = 10_000;

/** What all caches of an application share. */
export interface Shared {
  readonly options: ResolvedOptions;
  readonly caches: Map<string, Cache>;
  readonly context: ContextStore;
  readonly parts: Parts;
  readonly reads: ReadPath;
  readonly writes: WritePath;
  closed: boolean;
  cache(name: string): Cache;
  close(): Promise<void>;
}

/** One tenant's part of this cache. */
interface Home {
  readonly scope: Scope;
  readonly partition: Partition | undefined;
}

export class Cache extends CacheManager {
  readonly counts = new RequestCounts();
  readonly #shared: Shared;
  readonly #parts: Parts;
  readonly #homes = new Map<string, Home>();
  #public: Home;

  constructor(
    readonly name: string,
    shared: Shared,
  ) {
    super();
    this.#shared = shared;
    this.#parts = shared.parts;
    this.#public = this.#homeOf('p');
  }

  peek<T>(key: string): T | undefined {
    const { l1 } = this.#parts;
    const slot = l1?.hit(this.#home().partition!, key);
    if (!slot) return undefined;
    this.counts.l1++;
    return slot.value() as T;
  }

  getOrSet<T>(key: string, loader: Loader<T>, options?: EntryOptions): Promise<T> {
    const home = this.#home();
    const { l1, events } = this.#parts;
    const slot = l1?.hit(home.partition!, key);
    if (!slot) return this.#load(home, key, loader, options) as Promise<T>;
    this.counts.l1++;
    if (events.has('hit')) events.emit('hit', { cache: this.name, key, tier: 'l1' });
    return slot.promise() as Promise<T>;
  }

  get<T>(key: string): Promise<T | undefined> {
    const home = this.#home();
    const { l1, events } = this.#parts;
    const slot = l1?.hit(home.partition!, key);
    if (!slot) return this.#find(home, key) as Promise<T | undefined>;
    this.counts.l1++;
    if (events.has('hit')) events.emit('hit', { cache: this.name, key, tier: 'l1' });
    return slot.promise() as Promise<T>;
  }

  async getMany<T>(keys: readonly string[]): Promise<Map<string, T>> {
    this.#assertOpen();
    if (!Array.isArray(keys))
      throw new CacheError('CACHE_OPTION_INVALID', 'keys must be a list of strings');
    keys.forEach(assertKey);
    const distinct = [...new Set<string>(keys)];
    const values = await Promise.all(distinct.map((key) => this.get<T>(key)));
    const found = new Map<string, T>();
    values.forEach((value, index) => {
      if (value !== undefined) found.set(distinct[index], value);
    });
    return found;
  }

  async set(key: string, value: unknown, options?: EntryOptions & WriteOptions): Promise<Receipt> {
    const { strict, rest } = splitStrict(options);
    const address = this.#address(this.#home(), key);
    const life = this.#life(rest);
    const addresses = [address] as const;
    const entry = createEntry(value, life, this.#parts.clock.now(), 0, true);
    return this.#shared.writes.write(
      life.ttl > 0 ? { kind: 'set', addresses, entry } : { kind: 'delete', addresses },
      strict,
    );
  }

  async delete(key: string, options?: WriteOptions): Promise<Receipt> {
    const address = this.#address(this.#home(), key);
    return this.#change({ kind: 'delete', addresses: [address] }, options);
  }

  async invalidateTags(tags: readonly string[], options?: WriteOptions): Promise<Receipt> {
    this.#assertOpen();
    const checked = checkTags(tags, Number.MAX_SAFE_INTEGER);
    return this.#change(
      { kind: 'tags', tenant: this.#home().scope.tenant, tags: checked },
      options,
    );
  }

  async clear(options?: WriteOptions): Promise<Receipt> {
    const { scope } = this.#home();
    return this.#change({ kind: 'tags', tenant: scope.tenant, tags: [scope.clearTag] }, options);
  }

  async has(key: string): Promise<boolean> {
    return (await this.ttl(key)) !== undefined;
  }

  async ttl(key: string): Promise<number | undefined> {
    return timeLeft(this.#parts, this.#address(this.#home(), key));
  }

  async explain(key: string): Promise<Explanation> {
    return explain(this.#parts, this.#address(this.#home(), key));
  }

  stats(): CacheStats {
    return snapshot(this.#parts, this.#shared.caches);
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
    return this.#shared.cache(name);
  }

  close(): Promise<void> {
    return this.#shared.close();
  }

  async #load(
    home: Home,
    key: string,
    loader: Loader<unknown>,
    options: EntryOptions | undefined,
  ): Promise<unknown> {
    const address = this.#address(home, key);
    const life = this.#life(options);
    if (typeof loader !== 'function')
      throw new CacheError('CACHE_OPTION_INVALID', 'loader must be a function');
    let answer: Answer;
    try {
      answer = await this.#shared.reads.load(address, loader, life);
    } catch (error) {
      this.counts.error++;
      throw error;
    }
    this.#tell(key, answer);
    return answer.entry && handOut(answer.entry);
  }

  async #find(home: Home, key: string): Promise<unknown> {
    const answer = await this.#shared.reads.get(this.#address(home, key));
    this.#tell(key, answer);
    return answer?.entry && handOut(answer.entry);
  }

  async #change(change: Change, options: WriteOptions | undefined): Promise<Receipt> {
    this.#assertOpen();
    const { strict, rest } = splitStrict(options);
    const unknown = Object.keys(rest ?? {})[0];
    if (unknown !== undefined)
      throw new CacheError('CACHE_OPTION_INVALID', `${unknown} is unknown; known is strict`);
    return this.#shared.writes.write(change, strict);
  }

  /** Counts and tells who answered; called in the caller's own async context. */
  #tell(key: string, answer: Answer | undefined): void {
    const { events } = this.#parts;
    const cache = this.name;
    if (answer) this.counts[answer.by]++;
    if (!answer || answer.by === 'loader') {
      if (events.has('miss')) events.emit('miss', { cache, key });
    } else if (answer.by === 'stale') {
      if (events.has('stale')) events.emit('stale', { cache, key });
    } else if (events.has('hit')) events.emit('hit', { cache, key, tier: answer.by });
  }

  #life(options: EntryOptions | undefined): EntryLife {
    return entryLife(options, this.#shared.options.defaults);
  }

  #address(home: Home, key: string): Address {
    this.#assertOpen();
    assertKey(key);
    return new Address(home.scope, key);
  }

  #assertOpen(): void {
    if (this.#shared.closed) throw new CacheError('CACHE_CLOSED', 'the cache has been closed');
  }

  #home(): Home {
    const { tenant } = this.#shared.context;
    const home = tenant === 'p' ? this.#public : this.#homes.get(tenant);
    return home && home.partition?.live !== false ? home : this.#homeOf(tenant);
  }

  #homeOf(tenant: string): Home {
    const scope = new Scope(this.#shared.options.namespace, tenant, this.name);
    const home = { scope, partition: this.#parts.l1?.partition(scope) };
    if (tenant === 'p') return (this.#public = home);
    // Bounded: a forgotten home is remade when its tenant calls again.
    if (this.#homes.size >= MAX_TENANTS) this.#homes.delete(this.#homes.keys().next().value!);
    this.#homes.set(tenant, home);
    return home;
  }
}

function splitStrict(options: (EntryOptions & WriteOptions) | undefined): {
  strict: boolean;
  rest: EntryOptions | undefined;
} {
  if (options === undefined) return { strict: false, rest: undefined };
  if (typeof options !== 'object' || options === null)
    throw new CacheError('CACHE_OPTION_INVALID', 'options must be an object');
  const { strict = false, ...rest } = options;
  if (typeof strict !== 'boolean')
    throw new CacheError(
      'CACHE_OPTION_INVALID',
      `strict is a ${typeof strict}; allowed: true, false`,
    );
  return { strict, rest };
}
