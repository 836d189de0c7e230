/** What the reading verbs of one cache do where memory has not answered at once: read, load, hand out, count and tell. */
import { handOut, type Entry } from '../core/entry.js';
import {
  entryLife,
  invalid,
  isStrong,
  readLife,
  type EntryLife,
  type EntryOptions,
  type ReadOptions,
} from '../core/entry-options.js';
import type { Address } from '../core/key.js';
import type { MaybePromise } from '../core/tier.js';
import { deepCopy } from '../core/value.js';
import type { KeyRef } from '../warming/key-ref.js';
import { NO_ROW, type MemoryTier } from '../tiers/memory/memory-tier.js';
import type { Loader } from './cache-manager.js';
import { DeferredLoad, deferLoad } from './deferred-load.js';
import type { Door } from './door.js';
import type { Home } from './home.js';
import type { Parts } from './parts.js';
import type { ReadPath } from './read-path.js';
import type { Answer, FlightKind } from './single-flight.js';
import type { RequestCounts } from './stats.js';
import type { Transaction } from './transaction.js';
import type { Transactions } from './transactions.js';
import type { TypeRegistry } from './type-registry.js';
import type { Outcome } from './watch.js';

const MEMORY: Answer = { by: 'l1', entry: undefined };
const LOADER: Answer = { by: 'loader', entry: undefined };

/** What all caches of an application share, as far as reads want it. */
export interface ReadTools {
  readonly parts: Parts;
  readonly reads: ReadPath;
  readonly types: TypeRegistry;
  readonly transactions: Transactions;
  /** A key was asked for that was not in memory; `answer` = what was found or loaded. */
  asked(ref: KeyRef, answer: Answer | undefined): void;
}

export class ReadVerbs {
  constructor(
    readonly cache: string,
    readonly shared: ReadTools,
    readonly door: Door,
    readonly counts: RequestCounts,
    /** What holds for a read that says nothing. */
    readonly base: () => EntryLife,
  ) {}

  async load(
    home: Home,
    key: string,
    loader: Loader<unknown>,
    options: EntryOptions | undefined,
    kind: FlightKind | undefined,
  ): Promise<unknown> {
    const address = this.door.address(home, key);
    const life = this.#life(options);
    if (typeof loader !== 'function') throw invalid('loader', 'must be a function');
    let answer: Answer;
    try {
      const { parts, reads } = this.shared;
      answer = await (parts.watch.tells()
        ? this.#told('get_or_load', async () => reads.load(address, loader, life, kind))
        : reads.load(address, loader, life, kind));
    } catch (error) {
      this.counts.error++;
      throw error;
    }
    const { entry, by } = answer;
    this.#tell(home, key, answer);
    if (!entry) return undefined;
    if (
      by !== 'loader' &&
      by !== 'stale' &&
      (entry.refreshAt ?? Infinity) <= this.shared.parts.clock.now()
    )
      this.refresh(home, key, loader, options);
    return handOut(entry);
  }

  /** In a transaction: it may see what nobody else may, so nothing it loads is shared or kept. */
  async within(
    transaction: Transaction,
    home: Home,
    key: string,
    loader: Loader<unknown>,
    options: EntryOptions | undefined,
    kind: FlightKind | undefined,
  ): Promise<unknown> {
    const address = this.door.address(home, key);
    const life = this.#life(options);
    if (!transaction.bypasses && !life.forceFresh) {
      const answer = await this.#lookUp(home, address, life);
      if (answer?.entry) {
        this.#tell(home, key, answer);
        return handOut(answer.entry);
      }
    }
    return this.load(home, key, loader, options, { ...kind, apart: true });
  }

  refresh(home: Home, key: string, loader: Loader<unknown>, options?: EntryOptions): void {
    if (this.shared.parts.closing.begun) return;
    this.shared.reads.refresh(this.door.homes.address(home, key), loader, this.#life(options));
  }

  find(home: Home, key: string, options: ReadOptions | undefined): Promise<unknown> {
    const { parts, transactions } = this.shared;
    const { events, watch } = parts;
    const asks = !transactions.bypassed;
    const told = asks && watch.tells();
    const heard = told || events.has('hit') || events.has('miss');
    return asks && !heard && options === undefined
      ? this.#findPlainly(home, key)
      : this.#find(home, key, options, { asks, told });
  }

  /** Where nobody hears of it nothing has to run in the caller's own async context, and the promise it gives is the only one. */
  #findPlainly(home: Home, key: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const found = (answer: Answer | undefined): void => {
        this.#tell(home, key, answer);
        resolve(answer?.entry && handOut(answer.entry));
      };
      this.shared.reads.tell(this.door.address(home, key), this.base(), found, reject);
    });
  }

  async #find(
    home: Home,
    key: string,
    options: ReadOptions | undefined,
    { asks, told }: { readonly asks: boolean; readonly told: boolean },
  ): Promise<unknown> {
    const address = this.door.address(home, key);
    const life = readLife(options, this.base());
    life.signal?.throwIfAborted();
    let answer: Answer | undefined;
    if (asks) {
      // Without options memory has been asked already.
      const look = (): MaybePromise<Answer | undefined> =>
        options ? this.#lookUp(home, address, life) : this.shared.reads.get(address, life);
      answer = await (told ? this.#told('get', async () => look()) : look());
    }
    life.signal?.throwIfAborted();
    this.#tell(home, key, answer);
    return answer?.entry && handOut(answer.entry);
  }

  /** Values of distinct keys, in their order; what is not there is `undefined`. */
  async many(home: Home, keys: readonly string[], life: EntryLife): Promise<readonly unknown[]> {
    const memory = this.#memoryFor(life);
    const values = new Array<unknown>(keys.length);
    const missing: number[] = [];
    for (let at = 0; at < keys.length; at++) {
      const key = keys[at];
      const row = memory ? memory.hit(home.partition!, key) : NO_ROW;
      if (memory && row !== NO_ROW) {
        // Before anybody is told, who may write.
        values[at] = memory.value(row);
        this.#tell(home, key, MEMORY);
      } else missing.push(at);
    }
    const addresses = missing.map((at) => this.door.homes.address(home, keys[at]));
    const answers = missing.length > 0 ? await this.#manyBelow(addresses, life) : [];
    life.signal?.throwIfAborted();
    answers.forEach((answer, index) => {
      const at = missing[index];
      this.#tell(home, keys[at], answer);
      if (answer?.entry) values[at] = handOut(answer.entry);
    });
    return values;
  }

  /**
   * `many` for the warmer: nobody asked, so nothing is counted or told. Which keys are fresh somewhere, with the entry where a
   * lower tier had to be asked.
   */
  async quietly(
    home: Home,
    keys: readonly string[],
  ): Promise<ReadonlyMap<string, Entry | undefined>> {
    const { parts, reads } = this.shared;
    const addresses = keys.map((key) => this.door.address(home, key));
    const cold = addresses.filter((address) => parts.l1?.read(address).state !== 'fresh');
    const answers = cold.length > 0 ? await reads.getMany(cold, this.base()) : [];
    const fresh = new Map<string, Entry | undefined>(keys.map((key) => [key, undefined]));
    cold.forEach(({ key }, at) => {
      const entry = answers[at]?.entry;
      if (entry) fresh.set(key, entry);
      else fresh.delete(key);
    });
    return fresh;
  }

  /** Loads a key that nobody asked for; `force` = although it is fresh. Its errors are the loader's. */
  async ahead(
    home: Home,
    key: string,
    loader: Loader<unknown>,
    options: EntryOptions | undefined,
    force: boolean,
  ): Promise<Entry | undefined> {
    const { by, entry } = await this.shared.reads.ahead(
      this.door.address(home, key),
      loader,
      this.#life(options),
      force,
    );
    // What only stands in for a loader that failed or rests was not loaded.
    return by === 'stale' ? undefined : entry;
  }

  /** A copy of what a tier has, or the right to store what is read from now on. */
  async defer(
    home: Home,
    key: string,
    options: EntryOptions | undefined,
  ): Promise<{ readonly value: unknown } | DeferredLoad> {
    const memory = fromMemory(options) ? this.#memoryFor(this.base()) : null;
    const row = memory ? memory.hit(home.partition!, key) : NO_ROW;
    const found =
      memory && row !== NO_ROW
        ? ({ by: 'l1', entry: memory.entry(row) } as const)
        : await deferLoad(this.shared.reads, this.door.address(home, key), this.#life(options));
    const loads = found instanceof DeferredLoad;
    this.#tell(home, key, loads ? LOADER : found);
    return loads ? found : { value: deepCopy(found.entry?.value) };
  }

  /** What any tier has. It gives a promise on, and is no async function: each costs a read below memory three turns of the queue. */
  #lookUp(home: Home, address: Address, life: EntryLife): MaybePromise<Answer | undefined> {
    const memory = this.#memoryFor(life);
    const row = memory ? memory.hit(home.partition!, address.key) : NO_ROW;
    return memory && row !== NO_ROW
      ? { by: 'l1', entry: memory.entry(row) }
      : this.shared.reads.get(address, life);
  }

  /** Tells of an operation whose turn it is. */
  #told<A extends Answer | undefined>(
    operation: 'get' | 'get_or_load',
    work: () => Promise<A>,
  ): Promise<A> {
    const { watch } = this.shared.parts;
    return watch.operation(this.cache, operation, {}, work, (answer) => this.#outcome(answer));
  }

  #manyBelow(
    addresses: readonly Address[],
    life: EntryLife,
  ): Promise<readonly (Answer | undefined)[]> {
    const { parts, reads } = this.shared;
    const work = (): Promise<readonly (Answer | undefined)[]> => reads.getMany(addresses, life);
    if (!parts.watch.tells()) return work();
    const facts = { count: addresses.length };
    return parts.watch.operation(this.cache, 'get_many', facts, work, (answers) => ({
      // Of many it is a hit when none is missing.
      result: answers.includes(undefined) ? 'miss' : 'hit',
    }));
  }

  #outcome(answer: Answer | undefined): Outcome {
    const { l2, l3 } = this.shared.parts;
    const by = answer?.by;
    const none = by === undefined || by === 'loader';
    return {
      result: none ? 'miss' : by === 'stale' ? 'stale' : 'hit',
      tier: none || by === 'stale' ? 'none' : by,
      coalesced: answer?.coalesced === true,
      degraded: l2?.parts.away === true || l3?.parts.away === true,
    };
  }

  /** Memory, where this call may be answered from it. */
  #memoryFor(life: EntryLife): MemoryTier | null {
    if (isStrong(life) || life.tiers?.includes('l1') === false) return null;
    return this.shared.parts.l1;
  }

  /** Counts and tells who answered; called in the caller's own async context. */
  #tell({ scope }: Home, key: string, answer: Answer | undefined): void {
    const { events } = this.shared.parts;
    const { cache } = this;
    const by = answer?.by;
    // Hits in memory are counted by their rows; users' own entries are not warmed.
    if (by !== 'l1' && scope.subject === undefined)
      this.shared.asked({ tenant: scope.tenant, cache, key }, answer);
    if (by) this.counts[by]++;
    if (!by || by === 'loader') {
      if (events.has('miss')) events.emit('miss', { cache, key });
    } else if (by === 'stale') {
      if (events.has('stale')) events.emit('stale', { cache, key });
    } else if (events.has('hit')) events.emit('hit', { cache, key, tier: by });
  }

  /** The tiers of a call are a choice among those of its cache. */
  #life(options: EntryOptions | undefined): EntryLife {
    const life = entryLife(options, this.base());
    if (life.types) this.shared.types.register(life.types);
    const { tiers } = this.base();
    if (!tiers || life.tiers === tiers) return life;
    return { ...life, tiers: life.tiers?.filter((name) => tiers.includes(name)) };
  }
}

/** Whether a call takes what memory has; the hot path reads some members and builds nothing. */
export function fromMemory(options: EntryOptions | undefined): boolean {
  return (
    options === undefined ||
    (options.tiers === undefined &&
      options.consistency === undefined &&
      options.forceFresh !== true &&
      options.signal === undefined)
  );
}
