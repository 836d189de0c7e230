/** A real tier with faults on command between the cache and itself, for tests of applications. */
import { chance, SystemClock, type Clock } from '../core/clock.js';
import type { Entry } from '../core/entry.js';
import type { Address } from '../core/key.js';
import type {
  ApplyHow,
  Change,
  DebtBook,
  Filled,
  MaybePromise,
  Ticket,
  TicketReply,
  Tier,
  TierListener,
  TierRead,
  TierStatus,
} from '../core/tier.js';
import type { TenantKeyStore } from '../core/vault.js';
import { Faults, type FaultOptions } from './faults.js';

/**
 * What a fault is about. `read`: reads, also those that verify, probe or list, and questions for advice. `fill`: tickets, fills, and what prolongs or gives back a
 * ticket. `apply`: writes and invalidations, and the book of what is owed to another tier. Secrets of tenants are read under `read` and
 * changed under `apply`.
 */
export type FaultyCalls = 'read' | 'fill' | 'apply';

export interface FaultyTierOptions {
  /** Draws which calls a share hits, 0 ≤ n < 1. Give a seeded one for runs that repeat. @defaultValue `Math.random` */
  readonly random?: () => number;
  /** Whose time slow calls take. @defaultValue a `SystemClock` */
  readonly clock?: Clock;
}

const ALL: readonly FaultyCalls[] = ['read', 'fill', 'apply'];

/** As `faultyTier` makes it. Members that the real tier lacks are missing here too. */
export class FaultyTier implements Tier {
  readonly partOf: Tier['partOf'];
  readonly troubleOf: Tier['troubleOf'];
  readonly pressure: Tier['pressure'];
  readonly verify: Tier['verify'];
  readonly advise: Tier['advise'];
  readonly list: Tier['list'];
  readonly release: Tier['release'];
  readonly renew: Tier['renew'];
  readonly book?: DebtBook;
  readonly keys?: TenantKeyStore;
  readonly #faults: Readonly<Record<FaultyCalls, Faults>>;

  constructor(
    readonly real: Tier,
    { random = chance, clock = new SystemClock() }: FaultyTierOptions = {},
  ) {
    const faults = (calls: FaultyCalls): Faults =>
      new Faults(clock, random, () => new Error(`${real.name}: ${calls} is made to fail`));
    const { read, fill, apply } = (this.#faults = {
      read: faults('read'),
      fill: faults('fill'),
      apply: faults('apply'),
    });
    this.partOf = real.partOf && ((address) => real.partOf!(address));
    this.troubleOf = real.troubleOf && ((error) => real.troubleOf!(error));
    this.pressure = real.pressure && (() => real.pressure!());
    this.verify = real.verify && ((address) => read.pass(() => real.verify!(address)));
    this.advise = real.advise && (async (kept) => read.pass(() => real.advise!(kept)));
    this.list = real.list && (async (scope, query) => read.pass(() => real.list!(scope, query)));
    this.release =
      real.release && ((address, ticket) => fill.pass(() => real.release!(address, ticket)));
    this.renew = real.renew && ((address, ticket) => fill.pass(() => real.renew!(address, ticket)));
    if (real.book) this.book = faultyBook(real.book, apply);
    if (real.keys) this.keys = faultyKeys(real.keys, { read, apply });
  }

  get name(): Tier['name'] {
    return this.real.name;
  }

  /** These calls are made `ms` later, as over a slow network. */
  slow(calls: FaultyCalls | 'all', ms: number, options?: FaultOptions): this {
    return this.#each(calls, (faults) => faults.set('slow', options, ms));
  }

  /** These calls are rejected at once, as by a store that is gone or refuses them. */
  fail(calls: FaultyCalls | 'all', options?: FaultOptions): this {
    return this.#each(calls, (faults) => faults.set('fail', options));
  }

  /** These calls are not answered, as by a store that stands still. `heal` and `close` reject what hangs. */
  hang(calls: FaultyCalls | 'all', options?: FaultOptions): this {
    return this.#each(calls, (faults) => faults.set('hang', options));
  }

  /** Fills are confirmed and not stored, as by a store that evicts at once or loses its last moments. */
  loseFills(options?: FaultOptions): this {
    return this.#each('fill', (faults) => faults.set('lose', options));
  }

  /** Ends the faults of these calls; what hangs is rejected. */
  heal(calls: FaultyCalls | 'all' = 'all'): this {
    return this.#each(calls, (faults) => faults.heal());
  }

  /** How many of these calls were hit so far, so that a test can tell that it tested something. */
  struck(calls: FaultyCalls | 'all' = 'all'): number {
    let sum = 0;
    this.#each(calls, ({ struck }) => (sum += struck));
    return sum;
  }

  open(listener: TierListener): Promise<void> {
    return this.real.open(listener);
  }

  close(): Promise<void> {
    this.heal();
    return this.real.close();
  }

  read(address: Address, together?: boolean): MaybePromise<TierRead> {
    return this.#faults.read.pass(() => this.real.read(address, together));
  }

  ticket(address: Address, read: TierRead, tags?: readonly string[]): MaybePromise<TicketReply> {
    return this.#faults.fill.pass(() => this.real.ticket(address, read, tags));
  }

  fill(address: Address, entry: Entry, ticket: Ticket): MaybePromise<Filled> {
    const lost = async (): Promise<Filled> => {
      // Stored and gone again: nobody waits for it.
      await this.real.release?.(address, ticket);
      return true;
    };
    return this.#faults.fill.pass(() => this.real.fill(address, entry, ticket), lost);
  }

  async apply(change: Change, how?: ApplyHow): Promise<void> {
    await this.#faults.apply.pass(() => this.real.apply(change, how));
  }

  status(): TierStatus {
    return this.real.status();
  }

  #each(calls: FaultyCalls | 'all', act: (faults: Faults) => unknown): this {
    for (const one of calls === 'all' ? ALL : [calls]) act(this.#faults[one]);
    return this;
  }
}

/** What another tier is owed is written, read and struck under the same faults as changes; what an application's transaction writes is its own. */
function faultyBook(real: DebtBook, faults: Faults): DebtBook {
  return {
    debts: async () => faults.pass(() => real.debts()),
    strike: async (ids) => faults.pass(() => real.strike(ids)),
    ...(real.owe && {
      owe: async (id, change, dueMs) => faults.pass(() => real.owe!(id, change, dueMs)),
    }),
    ...(real.claim && { claim: async () => faults.pass(() => real.claim!()) }),
    ...(real.inTransaction && { inTransaction: real.inTransaction }),
  };
}

function faultyKeys(
  real: TenantKeyStore,
  { read, apply }: { readonly read: Faults; readonly apply: Faults },
): TenantKeyStore {
  return {
    revision: async () => read.pass(() => real.revision()),
    read: async (tenants) => read.pass(() => real.read(tenants)),
    tenants: async (after) => read.pass(() => real.tenants(after)),
    swap: async (...change) => apply.pass(() => real.swap(...change)),
  };
}

/**
 * Puts a real L2 or L3 behind faults on command: slow, failing, silent, forgetful. Without one it is the real tier.
 *
 * A fault strikes before the real tier is asked: what it hit has not been done. Each kind of calls has its own faults, and all
 * or a share of them are hit, from now on or so many times.
 *
 * @param real - opened and closed through the result
 *
 * @example
 * let redis!: FaultyTier;
 * const module = await Test.createTestingModule({ imports: [AppModule] })
 *   .overrideProvider(CACHE_TIERS)
 *   .useFactory({
 *     inject: [CACHE_L1, CACHE_L2, CACHE_L3],
 *     factory: (l1: Tier, l2: Tier, l3: Tier) => [l1, (redis = faultyTier(l2)), l3],
 *   })
 *   .compile();
 * await module.init();
 * redis.slow('read', 200);
 * redis.fail('apply', { share: 0.1 });
 * redis.hang('all', { times: 3 });
 * redis.heal();
 */
export function faultyTier(real: Tier, options?: FaultyTierOptions): FaultyTier {
  return new FaultyTier(real, options);
}
