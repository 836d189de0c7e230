/**
 * The tier port: what a storage step must do so that no stale value can enter it. L1, L2 and L3 stand behind it and pass
 * one contract suite; an application may put its own in their place.
 */
import type { Entry } from './entry.js';
import type { Advice, EntriesPage } from './inspection.js';
import type { Address, Scope } from './key.js';
import type { TierName } from './tier-name.js';
import type { TenantKeyStore } from './vault.js';

export type { TierName } from './tier-name.js';
/** `up`; `degraded`: it works, with losses; `down`: nothing is asked of it. */
export type TierState = 'up' | 'degraded' | 'down';
export type MaybePromise<T> = T | Promise<T>;

/**
 * What a tier knows of one key.
 * `fresh`/`stale`: `entry` is there (stale = for grace only). `absent`: nothing. `invalid`: something was there and may not
 * be used (invalidated, another epoch, corrupt).
 */
export interface TierRead {
  readonly state: 'fresh' | 'stale' | 'absent' | 'invalid';
  readonly entry?: Entry;
  /** What the tier wants to see again when a ticket for this key is asked. */
  readonly mark?: unknown;
  /** Somebody is writing the key right now: nothing read meanwhile may be kept in any tier. */
  readonly guarded?: boolean;
  /** Bytes in the store, where known. */
  readonly bytes?: number;
  /** Its value is frozen, for other readers have it as well. */
  readonly shared?: boolean;
  /** It is `invalid` because its bytes are not what this application wrote for the key. */
  readonly corrupt?: boolean;
}

/** Proof of the right to fill one key, taken before the value was read. Opaque to everybody but its tier. */
export interface Ticket {
  readonly tier: TierName;
}

/**
 * `busy`: another process loads this key now. `guarded`: another one writes it: load, and keep nothing. `found`: someone
 * filled it since the read. `none`: the tier is away.
 */
export type TicketReply =
  | { readonly kind: 'granted'; readonly ticket: Ticket }
  | { readonly kind: 'found'; readonly read: TierRead }
  | { readonly kind: 'busy' | 'guarded' }
  | { readonly kind: 'none' };

/**
 * What became of a fill; `false` = refused. `'too-large'`, and `'locked'` where the keys to encrypt it are not to be had: not
 * kept here, which says nothing against it in the tiers above.
 */
export type Filled = boolean | 'too-large' | 'locked';

/**
 * A write or an invalidation.
 *
 * `expire`: stale from now on, kept for its grace. `set`: one entry per address, of one tenant. `touch`: fresh for `ms`
 * from now on where it is fresh now. `tags`: what carries one of them is gone, or stale where `soft`; `clear()` and
 * patterns are bumps of implicit tags. `guard`: removed, and nothing is filled for `ms`, or until the `unguard` of the same
 * `id`, which removes again; guards of other ids stay.
 */
export type Change =
  | { readonly kind: 'delete' | 'expire'; readonly addresses: readonly Address[] }
  | {
      readonly kind: 'set';
      readonly addresses: readonly Address[];
      readonly entries: readonly Entry[];
    }
  | {
      readonly kind: 'guard';
      readonly addresses: readonly Address[];
      readonly id: string;
      readonly ms: number;
    }
  | { readonly kind: 'unguard'; readonly addresses: readonly Address[]; readonly id: string }
  | { readonly kind: 'touch'; readonly addresses: readonly [Address]; readonly ms: number }
  | {
      readonly kind: 'tags';
      readonly tenant: string;
      readonly tags: readonly string[];
      readonly soft?: boolean;
    };

/** What keeps a tier from working: no address, no name, no password. */
export interface Trouble {
  readonly reason: string;
  /** Credentials, permissions, certificates: somebody has to change them, waiting does not help. */
  readonly config?: boolean;
}

/** Counters and state of a tier, for `stats()` and health. */
export interface TierStatus {
  readonly state: TierState;
  readonly entries: number;
  readonly bytes: number;
  readonly evictions: number;
  /** Entries refused because their bytes were not ours, truncated or newer, and messages that were not ours. */
  readonly corrupt: number;
  /** Why it is away, not asked or not filled, for operators: no address, no name, no password. */
  readonly reason?: string;
  /** Waiting does not help: credentials, permissions or certificates have to be changed. */
  readonly config?: boolean;
  /** Bytes it may hold, where it keeps to a bound. */
  readonly limit?: number;
  /** Entries removed because they could answer no more, where it counts them. */
  readonly expired?: number;
  /** Fills refused, by what spoke against them. */
  readonly rejected?: Readonly<Record<string, number>>;
  /** Messages between instances, where it carries them; this one's own count as received when they come back. */
  readonly messages?: MessageCounts;
}

/** Messages between instances. */
export interface MessageCounts {
  readonly published: number;
  readonly received: number;
  /** Not ours, refused, or not understood. */
  readonly dropped: number;
}

/** How busy the connections to a store are at this moment. */
export interface PoolPressure {
  /** Calls that wait for one. */
  readonly waiting: number;
  /** Share of them that are free, 0 … 1; one that may be made and has not been is free. */
  readonly idle: number;
}

/** What an application keeps in a tier beside entries, as far as advice depends on it. */
export interface Kept {
  /** The wrapped secrets of tenants, and nowhere else. */
  readonly secrets: boolean;
}

/** What a shared tier tells the process about other processes. */
export interface TierListener {
  /**
   * Another process changed these; or this one, where what it told may be lost, or is a debt. `debt`: another tier has not taken
   * it, and this tier's book keeps it under that name. `trace`: what it was a part of there, as `ApplyHow` names it.
   */
  changed(change: RemoteChange, debt?: string, trace?: string): void;
  /** Something of another process has been heard so many ms after it was told, by the store's clock. */
  lagged?(ms: number): void;
  /**
   * Everything that was told before this moment, on the monotonic clock, has been heard. Left out where nobody keeps what others
   * could change: a tier need not listen then.
   */
  heard?(at: number): void;
  /** Messages may have been missed: forget everything held in memory. */
  lost(): void;
  /** The tier went away or came back. */
  state(state: TierState): void;
}

/** A key as other processes name it. */
export type RemoteKey = readonly [tenant: string, place: string, key: string];

/** What happened elsewhere; `expire`: the value may still stand in. */
export type RemoteChange =
  | { readonly kind: 'delete' | 'expire'; readonly keys: readonly RemoteKey[] }
  | {
      readonly kind: 'guard';
      readonly keys: readonly RemoteKey[];
      readonly id: string;
      readonly ms: number;
    }
  | { readonly kind: 'unguard'; readonly keys: readonly RemoteKey[]; readonly id: string }
  | {
      readonly kind: 'tags';
      readonly tenant: string;
      readonly tags: readonly string[];
      readonly soft?: boolean;
    };

/** A change that a tier has not taken. */
export interface SharedDebt {
  readonly id: string;
  readonly change: RemoteChange;
}

/** What a shared tier remembers of changes that another tier has not taken, for every process to find. */
export interface DebtBook {
  /**
   * Where `apply` does not keep debts: stores one by itself. What is due later nobody hears of, and what is announced may
   * be missed, so that the book has to be looked at now and then.
   *
   * @param dueMs - no tier has taken it, and it is to be made then, unless it was struck before: see `claim`.
   */
  owe?(id: string, change: Change, dueMs?: number): Promise<void>;
  /**
   * Some of what no tier has taken and is due: to be made as if it were called now. For a moment nobody else is given it. Several
   * with one name are struck together.
   */
  claim?(): Promise<readonly SharedDebt[]>;
  /** Where an application's own transaction may write into it. */
  readonly inTransaction?: TransactionBook;
  /** Some of what is outstanding, the oldest first; none = all has been paid. */
  debts(): Promise<readonly SharedDebt[]>;
  /** These have been paid. */
  strike(ids: readonly string[]): Promise<void>;
}

/** Runs a statement in a transaction of the application's. */
export type Ask = (text: string, values: readonly unknown[]) => Promise<unknown>;

/** A book in a database that the application uses for its own data as well. */
export interface TransactionBook {
  /** Whether the application's connection writes into this book; `undefined` = cannot be told now. */
  reachedBy(ask: Ask): Promise<boolean | undefined>;
  /** The one statement that makes the book owe these, in `dueMs`, if its transaction commits. */
  owe(
    id: string,
    changes: readonly Change[],
    dueMs: number,
  ): { readonly text: string; readonly values: readonly unknown[] };
}

/** Which keys of a scope are to be listed. */
export interface ListQuery {
  /** How they begin; empty = all of them. */
  readonly prefix: string;
  /** What the page before gave as `next`. */
  readonly cursor: string | undefined;
  /** Entries at most. */
  readonly limit: number;
}

/** How a change is to be applied. */
export interface ApplyHow {
  /**
   * When the caller gives up and owes a removal instead. A `set` that has not been sent by then is not sent any more: it
   * would come after what was removed meanwhile.
   */
  readonly until?: number | undefined;
  /** Another tier has not taken the change: to be kept in this tier's book under that name, in the same step. */
  readonly debt?: string | undefined;
  /** Nobody is to be told, where that can be. */
  readonly quiet?: boolean | undefined;
  /** What the change is a part of, for whoever follows it over processes: a W3C `traceparent`. Told where there is a way. */
  readonly trace?: string | undefined;
}

/** Who waits for an answer; one of the two is told, once. */
export interface Asker<T> {
  answered(value: T): void;
  failed(error: unknown): void;
}

/** Reads of neighbours among many keys; `from` is the place of the first. */
export type HeardMany = (reads: readonly TierRead[], from: number) => void;

/**
 * One storage step.
 *
 * The promise every tier keeps: after `apply(change)` has resolved, no `read` returns what the change removed, and no
 * `fill` whose ticket was taken before it can bring it back. After a delete or a set such a fill is refused; after a tag
 * change a tier may take it and judge it at every read. Reads and fills may reject (the tier is away): the caller goes on
 * without the tier. `apply` rejects when the change is not known to be stored; the caller keeps it and tries again.
 */
export interface Tier {
  readonly name: TierName;
  /** First contact with the store; may resolve `degraded` or `down`, never rejects. */
  open(listener: TierListener): Promise<void>;
  /** Ends connections and timers; nothing is asked afterwards. */
  close(): Promise<void>;
  /** @param together - one of many keys of one call, asked for in the same tick: they are to cost one round trip. */
  read(address: Address, together?: boolean): MaybePromise<TierRead>;
  /**
   * As `read`, and tells the asker itself: reads of a shared tier are so many that a promise for each counts. Not in the asker's own
   * async context.
   */
  tell?(address: Address, asker: Asker<TierRead>, together?: boolean): void;
  /**
   * As `read`, of many keys of one part of the store, in one call: `heard` gets what comes, the reads of neighbours from a place on, and
   * all of it before the promise resolves. Its trouble is that of all of them. `undefined` = there are such calls under way: the keys are
   * to be asked for one by one, and gather with what waits.
   */
  readMany?(addresses: readonly Address[], heard: HeardMany): Promise<void> | undefined;
  /** As `read`, by what the store itself says now; where `read` relies on what it was told. */
  verify?(address: Address): MaybePromise<TierRead>;
  /**
   * The right to fill `address`; `read` is what the caller just got for it, and rejected.
   *
   * @param tags - of the value to be loaded, as far as known: who loads it since before one of them was bumped loads in vain,
   * and is not waited for
   */
  ticket(address: Address, read: TierRead, tags?: readonly string[]): MaybePromise<TicketReply>;
  /** Stores `entry` if the ticket still holds. */
  fill(address: Address, entry: Entry, ticket: Ticket): MaybePromise<Filled>;
  /** Gives a ticket back unused, so that another process need not wait for it; `false` = it was lost. */
  release?(address: Address, ticket: Ticket): MaybePromise<boolean>;
  /** Prolongs a ticket of limited life; `false` = it was lost. */
  renew?(address: Address, ticket: Ticket): MaybePromise<boolean>;
  apply(change: Change, how?: ApplyHow): Promise<void>;
  /** As `apply`, and tells the asker itself, as `tell`. */
  take?(change: Change, how: ApplyHow, asker: Asker<void>): void;
  /**
   * One page of the keys of a scope, of nobody else's, at a bounded cost for the store; left out = they cannot be listed. Neither
   * counters nor the order of eviction change.
   *
   * @throws CacheError `CACHE_OPTION_INVALID` on a cursor that is none of this tier's; what else it rejects with means that the
   * store is away or does not permit it
   */
  list?(scope: Scope, query: ListQuery): Promise<EntriesPage>;
  /** The part of the store that has a key, where parts may be slow or gone by themselves. */
  partOf?(address: Address): string;
  /** What an error of a read, a ticket or a fill means for operators. */
  troubleOf?(error: unknown): Trouble;
  /** What another tier is owed; a tier without one cannot stand in for another's memory. */
  readonly book?: DebtBook;
  /** Where wrapped secrets of tenants can be kept for all instances. */
  readonly keys?: TenantKeyStore;
  status(): TierStatus;
  /**
   * What of its store's settings works and would work better otherwise; for that it asks the store a question or two. Nobody waits for
   * it and nothing depends on it: what the store refuses to tell is no advice. Rejects where the store could not be asked.
   */
  advise?(kept: Kept): Promise<readonly Advice[]>;
  /** How busy its connections are, where they are few and calls wait for them; `undefined` = there are none yet. */
  pressure?(): PoolPressure | undefined;
}

/** The tiers of an application, top first; a missing one is off. */
export type Tiers = readonly Tier[];

/** Scopes are shared objects: one per (tenant, cache). */
export type ScopeOf = (tenant: string, cache: string) => Scope;
