/** A cache of three real tiers for tests, with gates between manager and tier so that an interleaving can be staged. */
import { SystemClock, type Clock } from '../../libs/multi-level-cache/src/core/clock.js';
import type { Entry } from '../../libs/multi-level-cache/src/core/entry.js';
import type {
  MessageSeal,
  RefusedMessage,
} from '../../libs/multi-level-cache/src/core/message-seal.js';
import type { EntriesPage } from '../../libs/multi-level-cache/src/core/inspection.js';
import type { Address } from '../../libs/multi-level-cache/src/core/key.js';
import type {
  L2Options,
  L3Options,
  ResolvedOptions,
} from '../../libs/multi-level-cache/src/core/options.js';
import type {
  ApplyHow,
  Asker,
  Change,
  DebtBook,
  Filled,
  MaybePromise,
  Ticket,
  TicketReply,
  Tier,
  TierListener,
  TierRead,
  Trouble,
} from '../../libs/multi-level-cache/src/core/tier.js';
import { TypeOrmTransactions } from '../../libs/multi-level-cache/src/integrations/transactions/typeorm-transactions.js';
import {
  createCache,
  type CacheRoot,
} from '../../libs/multi-level-cache/src/manager/create-cache.js';
import { DatabaseTier } from '../../libs/multi-level-cache/src/tiers/database/database-tier.js';
import { MemoryTier } from '../../libs/multi-level-cache/src/tiers/memory/memory-tier.js';
import { RedisTier } from '../../libs/multi-level-cache/src/tiers/redis/redis-tier.js';
import { DEFAULTS, L3 } from './options.js';

export interface TestCacheOptions {
  readonly namespace: string;
  readonly redis?: string | undefined;
  readonly database?: string | undefined;
  readonly l1?: boolean;
  /** The test is about servers that are away. */
  readonly mayBeDown?: boolean;
  /** Of both lower tiers, ms. */
  readonly budget?: number;
  readonly ttl?: number;
  readonly grace?: number;
  readonly hardTimeout?: number;
  readonly partitionTtl?: number;
  /** Other options of the application. */
  readonly more?: Partial<ResolvedOptions>;
  readonly defaults?: Partial<ResolvedOptions['defaults']>;
  readonly isolation?: 'freeze' | 'clone' | 'share';
  readonly maxEntries?: number;
  /** Cap on how long a value is fresh in L1, ms. */
  readonly l1Ttl?: number;
  readonly l3?: Partial<L3Options>;
  /** Sentinels, a cluster, another way to Redis than `redis`. */
  readonly l2?: Partial<L2Options>;
  /** Messages and debts are sealed. */
  readonly seal?: MessageSeal | undefined;
  readonly onRefused?: (what: RefusedMessage) => void;
  /** @defaultValue this process's */
  readonly clock?: Clock;
}

export interface TestCache {
  readonly namespace: string;
  readonly cache: CacheRoot;
  readonly l2: Gates | undefined;
  readonly l3: Gates | undefined;
  close(): Promise<void>;
}

const open = new Set<TestCache>();

/** Makes and opens a cache; tiers without a URL are off. */
export async function testCache(options: TestCacheOptions): Promise<TestCache> {
  const { budget = 1_000, clock = new SystemClock() } = options;
  const { namespace, onRefused, seal } = options;
  const deps = { namespace, clock, seal, onRefused, partitionTtl: options.partitionTtl };
  const lower =
    options.redis !== undefined || options.l2 !== undefined || options.database !== undefined;
  const l1 =
    options.l1 === false
      ? false
      : {
          maxEntries: options.maxEntries ?? 10_000,
          isolation: options.isolation,
          maxSize: 64 * 1024 ** 2,
          ttl: options.l1Ttl ?? (lower ? 60_000 : undefined),
          keepStale: !lower,
        };
  const l2 =
    options.redis === undefined && !options.l2
      ? false
      : { url: options.redis, budget, ...options.l2 };
  const l3 =
    options.database === undefined
      ? false
      : {
          url: options.database,
          ...L3,
          budget,
          ...options.l3,
        };
  const { ttl = 60_000, grace = 60_000, hardTimeout = 10_000, partitionTtl = 30_000 } = options;
  const resolved: ResolvedOptions = {
    namespace: options.namespace,
    l1,
    l2,
    l3,
    warming: false,
    defaults: {
      ...DEFAULTS,
      ttl,
      grace,
      hardTimeout,
      partitionTtl,
      ...options.defaults,
    },
    ...options.more,
  };
  const second = l2 ? new Gates(new RedisTier(l2, deps)) : undefined;
  const third = l3 ? new Gates(new DatabaseTier(l3, deps)) : undefined;
  const cache = createCache(
    resolved,
    { l1: l1 ? new MemoryTier(l1, clock) : null, l2: second ?? null, l3: third ?? null },
    clock,
    (all) => new TypeOrmTransactions(all),
  );
  await cache.open();
  const down = Object.entries(cache.stats().tiers).filter(([, { state }]) => state === 'down');
  if (down.length > 0 && options.mayBeDown !== true)
    throw new Error(`not up: ${JSON.stringify(down)}`);
  const made: TestCache = {
    namespace: options.namespace,
    cache,
    l2: second,
    l3: third,
    close: async () => {
      open.delete(made);
      await cache.close();
    },
  };
  open.add(made);
  return made;
}

/** Loads each of these keys, and waits until every tier has it. */
export async function storeAll(
  { cache }: TestCache,
  keys: readonly string[],
  value: string,
): Promise<void> {
  for (const key of keys) await cache.getOrSet(key, () => value);
  await cache.drain();
}

/** Closes every cache a test left open; call it in `afterEach`. */
export async function closeCaches(): Promise<void> {
  await Promise.all([...open].map((made) => made.close()));
}

type Step = 'read' | 'replied' | 'ticket' | 'granted' | 'fill' | 'apply';

/** A place where a call has stopped, and how to let it go on. */
export interface Stop {
  /** Resolves when a call stands here. */
  readonly reached: Promise<void>;
  pass(): void;
}

/** A real tier with gates before its calls, and after a read's and a ticket's reply. */
export class Gates implements Tier {
  /** How often it was asked for a key, in whichever way. */
  reads = 0;
  readonly #stops = new Map<Step, { arrive(): void; readonly go: Promise<void> }>();

  constructor(readonly real: Tier) {}

  get name(): Tier['name'] {
    return this.real.name;
  }

  /** The next call of this step stops until `pass()`. */
  stop(step: Step): Stop {
    let arrive!: () => void;
    let pass!: () => void;
    const reached = new Promise<void>((resolve) => (arrive = resolve));
    const go = new Promise<void>((resolve) => (pass = resolve));
    this.#stops.set(step, { arrive, go });
    return { reached, pass };
  }

  /** The next call of this step rejects, as if the tier were away for a moment; the one after it stops. */
  failThenStop(step: Step): Stop {
    const second = this.stop(step);
    const stopped = this.#stops.get(step)!;
    const go = Promise.reject(new Error('away'));
    go.catch(() => undefined);
    this.#stops.set(step, { arrive: () => this.#stops.set(step, stopped), go });
    return second;
  }

  open(listener: TierListener): Promise<void> {
    return this.real.open(listener);
  }

  partOf(address: Address): string {
    return this.real.partOf?.(address) ?? '';
  }

  troubleOf(error: unknown): Trouble {
    return this.real.troubleOf?.(error) ?? { reason: 'failing' };
  }

  list(...asked: Parameters<NonNullable<Tier['list']>>): Promise<EntriesPage> {
    return this.real.list!(...asked);
  }

  async verify(address: Address): Promise<TierRead> {
    await this.#gate('read');
    const read = await (this.real.verify?.(address) ?? this.real.read(address));
    await this.#gate('replied');
    return read;
  }

  close(): Promise<void> {
    return this.real.close();
  }

  async read(address: Address, together?: boolean): Promise<TierRead> {
    this.reads++;
    await this.#gate('read');
    const read = await this.real.read(address, together);
    await this.#gate('replied');
    return read;
  }

  /** As the tier tells it, where nobody waits here. */
  tell(address: Address, asker: Asker<TierRead>, together?: boolean): void {
    const { real } = this;
    if (!real.tell || this.#stops.has('read')) {
      this.read(address, together).then(
        (read) => asker.answered(read),
        (error: unknown) => asker.failed(error),
      );
      return;
    }
    this.reads++;
    const answered = (read: TierRead): void => {
      if (this.#stops.has('replied'))
        void this.#gate('replied').then(
          () => asker.answered(read),
          (error: unknown) => asker.failed(error),
        );
      else asker.answered(read);
    };
    real.tell(address, { answered, failed: (error) => asker.failed(error) }, together);
  }

  /** Where nobody waits here, at once if the tier gives it at once: the guard takes that for no answer of the store's. */
  ticket(address: Address, read: TierRead, tags?: readonly string[]): MaybePromise<TicketReply> {
    return this.#stops.has('ticket') || this.#stops.has('granted')
      ? this.#heldTicket(address, read, tags)
      : this.real.ticket(address, read, tags);
  }

  async #heldTicket(
    address: Address,
    read: TierRead,
    tags?: readonly string[],
  ): Promise<TicketReply> {
    await this.#gate('ticket');
    const reply = await this.real.ticket(address, read, tags);
    await this.#gate('granted');
    return reply;
  }

  async fill(address: Address, entry: Entry, ticket: Ticket): Promise<Filled> {
    await this.#gate('fill');
    return this.real.fill(address, entry, ticket);
  }

  release(address: Address, ticket: Ticket): MaybePromise<boolean> {
    return this.real.release?.(address, ticket) ?? true;
  }

  renew(address: Address, ticket: Ticket): MaybePromise<boolean> {
    return this.real.renew?.(address, ticket) ?? true;
  }

  async apply(change: Change, how?: ApplyHow): Promise<void> {
    await this.#gate('apply');
    await this.real.apply(change, how);
  }

  get book(): DebtBook | undefined {
    return this.real.book;
  }

  get keys(): Tier['keys'] {
    return this.real.keys;
  }

  status(): ReturnType<Tier['status']> {
    return this.real.status();
  }

  async #gate(step: Step): Promise<void> {
    const stop = this.#stops.get(step);
    if (!stop) return;
    this.#stops.delete(step);
    stop.arrive();
    await stop.go;
  }
}

/** A promise with its handles outside. */
export function deferred<T = void>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
