/** L1: entries in this process's memory, found synchronously. Here are its rules and bounds; the table holds the entries. */
import { Fences, type FenceTicket } from '../../coherence/fences.js';
import { GUARD_MS, Holds } from '../../coherence/holds.js';
import { TagClock, type TagVerdict } from '../../coherence/tag-clock.js';
import type { Clock } from '../../core/clock.js';
import { capped, touched, type Entry } from '../../core/entry.js';
import { groupTagsOf, type Address, type Scope } from '../../core/key.js';
import type { L1Options } from '../../core/options.js';
import type { EntriesPage } from '../../core/inspection.js';
import type {
  Change,
  ListQuery,
  Ticket,
  TicketReply,
  Tier,
  TierListener,
  TierRead,
  TierStatus,
} from '../../core/tier.js';
import { HeapWatch } from './heap-watch.js';
import { listRows } from './listing.js';
import { firstRow, Partitions, type Partition, type Usage } from './partitions.js';
import type { Heap } from './pressure.js';
import { NO_ROW } from './rows.js';
import { bytesOf, LARGEST_BYTES, Table } from './table.js';

export { NO_ROW } from './rows.js';
export type { Partition } from './partitions.js';

/** What `explain` shows of an entry in memory. */
export interface MemoryView {
  readonly state: TierRead['state'];
  readonly entry: Entry;
  readonly bytes: number;
  readonly hits: number;
  readonly lastAccess: number;
}

/** How often an entry has answered, and when last. */
export type TellHits = (scope: Scope, key: string, hits: number, last: number) => void;

/** Rows between two steps of a look at all of them. */
const ROWS_A_STEP = 4_096;
/** As full as this by bytes is full. */
const NEARLY = 0.95;
/**
 * An entry may take this share of the bytes bound: what one value pushes out is an eighth at most. Others allow a tenth (the
 * small queue of S3-FIFO's authors), a quarter (the segments of Guava) or all of it (lru-cache, Caffeine), where one odd value empties
 * the cache.
 */
const LARGEST_SHARE = 1 / 8;

/** What a fill must find unchanged: nothing was written or invalidated since. */
class MemoryTicket implements Ticket {
  readonly tier = 'l1';

  constructor(
    readonly fence: FenceTicket,
    readonly change: number,
  ) {}
}

export class MemoryTier implements Tier {
  readonly name = 'l1';
  /** Which tags were bumped when; shared with the manager. */
  readonly tags = new TagClock();
  /** Entries stored. */
  writes = 0;
  /** Told of each entry that went without being written. */
  onEvict: ((cache: string, key: string, reason: 'size' | 'expired') => void) | undefined;
  /** Told how often an entry has answered that goes, as far as `takeHits` has not told it. */
  onHits: TellHits | undefined;
  /** Told when it begins to hold less than it was given, for the heap is nearly full, and when it ends. */
  onPressure: ((on: boolean) => void) | undefined;
  /** Until when entries may answer; while they may not they stay, and others come in. */
  trustedUntil = Infinity;
  readonly #fences = new Fences();
  readonly #holds = new Holds();
  readonly #partitions = new Partitions();
  #table: Table;
  /** Number of the tag clock since the last flush: what was last known to be valid before it is dead. */
  #flushedAt = 0;
  #evictions = 0;
  #expired = 0;
  readonly #rejected = { version: 0, tag: 0, size: 0 };
  readonly #heap: HeapWatch;
  /** Until then a guard may stand that was told before anybody listened here. */
  #doubtUntil = 0;

  constructor(
    readonly options: L1Options,
    readonly clock: Clock,
    heap?: () => Heap,
  ) {
    const holder = {
      held: () => this.#table.totalBytes,
      shrink: () => this.#keepBounds(),
      changed: (less: boolean) => this.onPressure?.(less),
    };
    this.#heap = new HeapWatch(options.maxSize, clock, holder, heap);
    this.doubtHolds();
    this.#table = new Table(options.maxEntries, options.eviction);
  }

  open(_listener: TierListener): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#heap.stop();
    this.flush();
    this.#partitions.clear();
    this.#table = new Table(this.options.maxEntries, this.options.eviction);
    return Promise.resolve();
  }

  /** The entries of one scope; the same object for the same scope while it is `live`. */
  partition(scope: Scope): Partition {
    return this.#partitions.of(scope);
  }

  /**
   * The row of the fresh entry, counted; `NO_ROW` on a miss. The hot path: no exact clock, no string, no allocation. The row
   * is this entry's until anything else is asked of the tier: take what is wanted of it before anybody is told.
   */
  hit(partition: Partition, key: string): number {
    const row = partition.rows.get(key);
    if (row === undefined) return NO_ROW;
    const table = this.#table;
    const now = this.clock.coarse();
    if (now >= this.trustedUntil) return NO_ROW;
    // In this order: what is invalidated softly becomes stale by the look at its tags.
    if (!this.#valid(row) || now >= table.freshUntil[row]) {
      this.#sweep(row);
      return NO_ROW;
    }
    table.hits[row]++;
    table.used(row, now);
    table.eviction.hit(row);
    return row;
  }

  /** The value in a row as the caller may have it. */
  value(row: number): unknown {
    return this.#table.value(row);
  }

  /** The same as a promise, the same one each time where the value is shared. */
  promise(row: number): Promise<unknown> {
    return this.#table.promise(row);
  }

  entry(row: number): Entry {
    return this.#table.entry(row);
  }

  /** Whether the hit was to reload the entry; if so, hits within `again` ms are not. */
  refreshDue(row: number, again: number): boolean {
    return this.#table.refreshDue(row, again);
  }

  read(address: Address): TierRead {
    const trusted = this.clock.now() < this.trustedUntil;
    const row = trusted ? this.#find(address.scope, address.key) : NO_ROW;
    if (row === NO_ROW) return { state: 'absent' };
    const state = this.#state(row);
    if (state === 'invalid' || state === 'absent') return { state };
    return { state, entry: this.#table.entry(row), bytes: this.#table.bytes[row] };
  }

  /** For `explain`: changes neither counters nor order. */
  inspect(address: Address): MemoryView | undefined {
    const table = this.#table;
    const row = this.#find(address.scope, address.key);
    if (row === NO_ROW) return undefined;
    return {
      state: this.#state(row),
      entry: table.entry(row),
      bytes: table.bytes[row],
      hits: table.hits[row],
      lastAccess: table.lastAccess(row),
    };
  }

  /** For operators, as `inspect`: in steps, between which others may run. */
  list(scope: Scope, query: ListQuery): Promise<EntriesPage> {
    const { clock } = this;
    const rows = {
      of: () => this.#partitions.find(scope.id),
      table: () => this.#table,
      state: (row: number) => this.#state(row),
    };
    return listRows(rows, query, clock);
  }

  /** The right to fill; to be taken before anything below is read. None while somebody writes the key. */
  ticketFor({ scope, key }: Address): Ticket | undefined {
    if (this.#holds.some && this.#holds.has(scope.id, key, this.clock.now())) return undefined;
    return new MemoryTicket(this.#fences.ticket(scope.hash, key), this.tags.changes);
  }

  ticket(address: Address, _read: TierRead): TicketReply {
    const ticket = this.ticketFor(address);
    return ticket ? { kind: 'granted', ticket } : { kind: 'guarded' };
  }

  fill(address: Address, entry: Entry, ticket: Ticket): boolean {
    if (!(ticket instanceof MemoryTicket) || !this.#fences.holds(ticket.fence)) {
      this.#rejected.version++;
      return false;
    }
    if (this.#judge(address.scope, address.key, entry.tags, ticket.change) !== 'valid') {
      this.#rejected.tag++;
      return false;
    }
    return this.#store(address, entry);
  }

  apply(change: Change): Promise<void> {
    if (change.kind === 'tags') this.tags.bump(change.tenant, change.tags, change.soft);
    else if (change.kind === 'expire')
      for (const { scope, key } of change.addresses) this.expire(scope, key);
    else if (change.kind === 'guard')
      for (const { scope, key } of change.addresses) this.hold(scope, key, change.id, change.ms);
    else if (change.kind === 'unguard')
      for (const { scope, key } of change.addresses) this.free(scope, key, change.id);
    else if (change.kind === 'touch') this.#touch(change.addresses[0], change.ms);
    else {
      for (const { scope, key } of change.addresses) this.drop(scope, key);
      if (change.kind === 'set')
        change.addresses.forEach((address, index) => this.#store(address, change.entries[index]));
    }
    return Promise.resolve();
  }

  /** Stale from now on, where stale entries are held; else it goes. Running fills are void. */
  expire(scope: Scope, key: string): void {
    const row = this.#find(scope, key);
    if (row === NO_ROW || !this.options.keepStale) return this.drop(scope, key);
    this.#fences.bump(scope.hash, key);
    if (this.#state(row) === 'fresh') this.#table.expire(row, this.clock.coarse());
  }

  /** The key was written somewhere: the entry goes, and running fills are void. */
  drop(scope: Scope, key: string): void {
    this.#fences.bump(scope.hash, key);
    const row = this.#find(scope, key);
    if (row !== NO_ROW) this.#remove(row);
  }

  /** Every entry of a scope goes, in steps, between which others may run. What comes in meanwhile may go as well. */
  *empty(scope: Scope): Generator<void, void> {
    const rows = this.#partitions.find(scope.id)?.rows;
    for (const key of Array.from(rows?.keys() ?? [])) {
      this.drop(scope, key);
      yield;
    }
  }

  /** Somebody writes the key: the entry goes, and none is taken for `ms`, or until the writer frees it. */
  hold(scope: Scope, key: string, id: string, ms: number): void {
    const now = this.clock.now();
    this.#holds.hold(scope.id, key, id, now + ms, now);
    this.drop(scope, key);
  }

  free(scope: Scope, key: string, id: string): void {
    this.#holds.free(scope.id, key, id);
    this.drop(scope, key);
  }

  /** Nobody tells again which keys are being written: for as long as a guard stands, the store has to be asked. */
  doubtHolds(): void {
    this.#doubtUntil = this.clock.now() + GUARD_MS;
  }

  /** Whether all that is being written is known here. */
  get knowsHolds(): boolean {
    return this.clock.now() >= this.#doubtUntil;
  }

  /** Forgets everything at once, at the cost of two numbers; the rows are swept as they are met. */
  flush(): void {
    this.#fences.bumpAll();
    // A bump of no tag: it takes a number, so that no row is valid without a look.
    this.tags.bump('', []);
    this.#flushedAt = this.tags.changes;
  }

  /** Tells how often each entry answered since the last time this was asked; in steps, between which others may run. */
  *takeHits(tell: TellHits): Generator<void, void> {
    for (let row = NO_ROW + 1; row < this.#table.rows.end; row++) {
      this.#tellHits(row, tell);
      if (row % ROWS_A_STEP === 0) yield;
    }
  }

  /** Whether there is an entry, fresh or not. */
  holds(scope: Scope, key: string): boolean {
    return this.#find(scope, key) !== NO_ROW;
  }

  /** What comes in pushes something out. */
  get full(): boolean {
    const { size, totalBytes } = this.#table;
    return size >= this.options.maxEntries || totalBytes >= NEARLY * this.#heap.bound;
  }

  status(): TierStatus {
    const { size: entries, totalBytes: bytes } = this.#table;
    const counts = {
      entries,
      bytes,
      evictions: this.#evictions,
      expired: this.#expired,
      corrupt: 0,
      limit: this.options.maxSize,
      rejected: { ...this.#rejected },
    };
    return this.#heap.on
      ? { state: 'degraded', ...counts, reason: 'holds less, the heap is nearly full' }
      : { state: 'up', ...counts };
  }

  /** Stores what is still fresh and not too large; what was there goes in any case, for it is older. */
  #store({ scope, key }: Address, entry: Entry): boolean {
    if (scope.rules.noL1?.has(scope.cache)) return false;
    const table = this.#table;
    const now = this.clock.now();
    const kept = capped(entry, now, this.options.ttl, entry.caps?.l1);
    const old = this.#find(scope, key);
    if (old !== NO_ROW) this.#remove(old);
    const bytes = bytesOf(key, kept);
    if (now >= kept.freshUntil) return false;
    if (bytes > Math.min(this.#heap.bound * LARGEST_SHARE, LARGEST_BYTES)) {
      this.#rejected.size++;
      return false;
    }
    const row = table.add(this.partition(scope), key, kept);
    table.used(row, now);
    table.validated[row] = this.tags.changes;
    this.writes++;
    this.#heap.stored(bytes);
    if (this.options.tenantShare !== undefined && scope.tenant !== 'p')
      this.#keepQuota(table.labels[row]!.partition.usage, this.options.tenantShare);
    this.#keepBounds();
    return true;
  }

  /** After an entry came in, or a bound was lowered. Whoever is told may come back with changes: nothing here is remembered over a call. */
  #keepBounds(): void {
    const { maxEntries } = this.options;
    for (;;) {
      const table = this.#table;
      if (table.size <= maxEntries && table.totalBytes <= this.#heap.bound) return;
      this.#evictions++;
      this.#giveUp(table.eviction.victim(), 'size');
    }
  }

  /** A tenant that holds more than its share gives up what it stored first; the others keep theirs. */
  #keepQuota(usage: Usage, share: number): void {
    const [entries, bytes] = [this.options.maxEntries * share, this.#heap.bound * share];
    while (usage.entries > Math.max(entries, 1) || (usage.bytes > bytes && usage.entries > 0)) {
      this.#evictions++;
      this.#giveUp(firstRow(usage), 'size');
    }
  }

  /** The row is free before anybody is told. */
  #giveUp(row: number, reason: 'size' | 'expired'): void {
    const { scope } = this.#table.labels[row]!.partition;
    const key = this.#table.keys[row]!;
    this.#remove(row);
    this.onEvict?.(scope.cache, key, reason);
  }

  /** Only for what is fresh now: a dead entry does not come back. */
  #touch(address: Address, ms: number): void {
    const row = this.#find(address.scope, address.key);
    if (row === NO_ROW || this.#state(row) !== 'fresh') return;
    const entry = touched(this.#table.entry(row), this.clock.now(), ms);
    this.drop(address.scope, address.key);
    this.#store(address, entry);
  }

  #remove(row: number): void {
    if (this.onHits) this.#tellHits(row, this.onHits);
    this.#table.remove(row);
  }

  #tellHits(row: number, tell: TellHits): void {
    const table = this.#table;
    const label = table.labels[row];
    if (!label) return;
    const hits = table.takeHits(row);
    if (hits > 0) tell(label.partition.scope, table.keys[row]!, hits, table.lastAccess(row));
  }

  #find(scope: Scope, key: string): number {
    return this.#partitions.find(scope.id)?.rows.get(key) ?? NO_ROW;
  }

  #state(row: number): TierRead['state'] {
    if (!this.#valid(row)) return 'invalid';
    const now = this.clock.now();
    if (now < this.#table.freshUntil[row]) return 'fresh';
    return this.options.keepStale && now < this.#table.staleUntil(row) ? 'stale' : 'absent';
  }

  /** One comparison while no tag was bumped anywhere since the last look. */
  #valid(row: number): boolean {
    return this.#table.validated[row] === this.tags.changes || this.#look(row);
  }

  /** Looks for what happened since the entry was last known to be valid; a soft bump makes it stale. */
  #look(row: number): boolean {
    const table = this.#table;
    const validated = table.validated[row];
    if (validated < this.#flushedAt) return false;
    const { partition, tags } = table.labels[row]!;
    const verdict = this.#judge(partition.scope, table.keys[row]!, tags, validated);
    if (verdict === 'gone') return false;
    // By the clock that hits read: by the exact one it would stay fresh for the rest of the tick.
    if (verdict === 'stale') table.expire(row, this.clock.coarse());
    table.validated[row] = this.tags.changes;
    return true;
  }

  #judge(scope: Scope, key: string, tags: readonly string[], change: number): TagVerdict {
    if (change === this.tags.changes) return 'valid';
    const all = [...tags, scope.clearTag, ...groupTagsOf(scope, key)];
    return this.tags.judge(scope.tenant, all, change);
  }

  /** Gives back the memory of what can answer no more, not even in its grace. */
  #sweep(row: number): void {
    const state = this.#state(row);
    if (state !== 'invalid' && state !== 'absent') return;
    this.#expired++;
    this.#giveUp(row, 'expired');
  }
}
