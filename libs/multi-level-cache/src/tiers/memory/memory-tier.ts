/** L1: entries in this process's memory, found synchronously. Bounded by one lru-cache over all partitions. */
import { LRUCache } from 'lru-cache';
import { Fences, type FenceTicket } from '../../coherence/fences.js';
import { TagClock, type TagVerdict } from '../../coherence/tag-clock.js';
import type { Clock } from '../../core/clock.js';
import { capped, expired, touched, type Entry } from '../../core/entry.js';
import { groupTagsOf, type Address, type Scope } from '../../core/key.js';
import type { L1Options } from '../../core/options.js';
import type {
  Change,
  Ticket,
  TicketReply,
  Tier,
  TierListener,
  TierRead,
  TierStatus,
} from '../../core/tier.js';
import { Partitions } from './partitions.js';
import { Slot, type Partition, type SlotView } from './slot.js';

export type { Partition, Slot, SlotView } from './slot.js';

/** An entry may be this share of all entries (1/64) behind its place in the order of use. */
const MOVE_SHIFT = 6;

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
  readonly #fences = new Fences();
  readonly #partitions = new Partitions();
  readonly #order: LRUCache<Slot, Slot>;
  #evictions = 0;

  constructor(
    readonly options: L1Options,
    readonly clock: Clock,
  ) {
    this.#order = new LRUCache<Slot, Slot>({
      max: options.maxEntries,
      maxSize: options.maxSize,
      dispose: (slot, _same, reason) => {
        const { slots, scope } = slot.partition;
        if (slots.get(slot.key) === slot) slots.delete(slot.key);
        if (reason !== 'evict') return;
        this.#evictions++;
        this.onEvict?.(scope.cache, slot.key, 'size');
      },
    });
  }

  open(_listener: TierListener): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.flush();
    this.#order.clear();
    this.#partitions.clear();
    return Promise.resolve();
  }

  /** The entries of one scope; the same object for the same scope while it is `live`. */
  partition(scope: Scope): Partition {
    return this.#partitions.of(scope);
  }

  /** The fresh entry, counted; the hot path: no exact clock, no string, no allocation. */
  hit(partition: Partition, key: string): Slot | undefined {
    const slot = partition.slots.get(key);
    if (slot === undefined) return undefined;
    const now = this.clock.coarse();
    // In this order: what is invalidated softly becomes stale by the look at its tags.
    if (!this.#valid(slot) || now >= slot.entry.freshUntil) {
      this.#sweep(slot);
      return undefined;
    }
    slot.hits++;
    slot.lastAccess = now;
    // While few entries came in since this one was moved to the front, it is still near it: moving is the dearest step.
    if (this.writes - slot.movedAt > this.#order.size >> MOVE_SHIFT) this.#move(slot);
    return slot;
  }

  #move(slot: Slot): void {
    slot.movedAt = this.writes;
    this.#order.get(slot);
  }

  read(address: Address): TierRead {
    const slot = this.#find(address);
    if (!slot) return { state: 'absent' };
    const state = this.#state(slot);
    if (state === 'invalid' || state === 'absent') return { state };
    return { state, entry: slot.entry, bytes: slot.bytes };
  }

  /** For `explain`: changes neither counters nor order. */
  inspect(address: Address): SlotView | undefined {
    const slot = this.#find(address);
    if (!slot) return undefined;
    const state = this.#state(slot);
    const { entry, bytes, hits, lastAccess } = slot;
    return { state, entry, bytes, hits, lastAccess };
  }

  /** The right to fill; to be taken before anything below is read. */
  ticketFor({ scope, key }: Address): Ticket {
    return new MemoryTicket(this.#fences.ticket(scope.id, key), this.tags.changes);
  }

  ticket(address: Address, _read: TierRead): TicketReply {
    return { kind: 'granted', ticket: this.ticketFor(address) };
  }

  fill(address: Address, entry: Entry, ticket: Ticket): boolean {
    if (!(ticket instanceof MemoryTicket) || !this.#fences.holds(ticket.fence)) return false;
    if (this.#judge(address.scope, address.key, entry, ticket.change) !== 'valid') return false;
    return this.#store(address, entry);
  }

  apply(change: Change): Promise<void> {
    if (change.kind === 'tags') this.tags.bump(change.tenant, change.tags, change.soft);
    else if (change.kind === 'expire')
      for (const { scope, key } of change.addresses) this.expire(scope, key);
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
    const slot = this.#partitions.find(scope.id)?.slots.get(key);
    if (!slot || !this.options.keepStale || this.#state(slot) !== 'fresh') {
      if (this.options.keepStale && slot) this.#fences.bump(scope.id, key);
      else this.drop(scope, key);
      return;
    }
    this.#fences.bump(scope.id, key);
    slot.entry = expired(slot.entry, this.clock.coarse());
  }

  /** The key was written somewhere: the entry goes, and running fills are void. */
  drop(scope: Scope, key: string): void {
    this.#fences.bump(scope.id, key);
    const slot = this.#partitions.find(scope.id)?.slots.get(key);
    if (slot) this.#order.delete(slot);
  }

  /** Forgets everything at once, at the cost of one number; the slots are swept as they are met. */
  flush(): void {
    this.#fences.bumpAll();
  }

  /** Tells how often each entry answered since the last time this was asked. */
  takeHits(tell: (scope: Scope, key: string, hits: number) => void): void {
    for (const slot of this.#order.keys()) {
      const hits = slot.hits - slot.counted;
      slot.counted = slot.hits;
      if (hits > 0) tell(slot.partition.scope, slot.key, hits);
    }
  }

  status(): TierStatus {
    const { size: entries, calculatedSize: bytes } = this.#order;
    return { state: 'up', entries, bytes, evictions: this.#evictions, corrupt: 0 };
  }

  /** Stores what is still fresh and not too large; what was there goes in any case, for it is older. */
  #store(address: Address, entry: Entry): boolean {
    const now = this.clock.now();
    const { maxSize, ttl } = this.options;
    const kept = capped(entry, now, ttl, entry.caps?.l1);
    const partition = this.partition(address.scope);
    const old = partition.slots.get(address.key);
    if (old) this.#order.delete(old);
    if (now >= kept.freshUntil) return false;
    const { changes } = this.tags;
    const slot = new Slot(partition, address.key, kept, this.#fences.generation, changes, now);
    const size = slot.bytes;
    if (size > maxSize) return false;
    partition.slots.set(address.key, slot);
    this.#order.set(slot, slot, { size });
    slot.movedAt = ++this.writes;
    return true;
  }

  /** Only for what is fresh now: a dead entry does not come back. */
  #touch(address: Address, ms: number): void {
    const slot = this.#find(address);
    if (!slot || this.#state(slot) !== 'fresh') return;
    const entry = touched(slot.entry, this.clock.now(), ms);
    this.drop(address.scope, address.key);
    this.#store(address, entry);
  }

  #find({ scope, key }: Address): Slot | undefined {
    return this.#partitions.find(scope.id)?.slots.get(key);
  }

  #state(slot: Slot): TierRead['state'] {
    if (!this.#valid(slot)) return 'invalid';
    const now = this.clock.now();
    if (now < slot.entry.freshUntil) return 'fresh';
    return this.options.keepStale && now < slot.entry.staleUntil ? 'stale' : 'absent';
  }

  /** One comparison while no tag was bumped anywhere since the last look; a soft bump makes the entry stale. */
  #valid(slot: Slot): boolean {
    if (slot.generation !== this.#fences.generation) return false;
    const { changes } = this.tags;
    if (slot.validated === changes) return true;
    const { partition, key, entry, validated } = slot;
    const verdict = this.#judge(partition.scope, key, entry, validated);
    if (verdict === 'gone') return false;
    // By the clock that hits read: by the exact one it would stay fresh for the rest of the tick.
    if (verdict === 'stale') slot.entry = expired(entry, this.clock.coarse());
    slot.validated = changes;
    return true;
  }

  #judge(scope: Scope, key: string, entry: Entry, change: number): TagVerdict {
    if (change === this.tags.changes) return 'valid';
    const tags = [...entry.tags, scope.clearTag, ...groupTagsOf(scope, key)];
    return this.tags.judge(scope.tenant, tags, change);
  }

  /** Gives back the memory of what can answer no more, not even in its grace. */
  #sweep(slot: Slot): void {
    const state = this.#state(slot);
    if (state !== 'invalid' && state !== 'absent') return;
    this.#order.delete(slot);
    this.onEvict?.(slot.partition.scope.cache, slot.key, 'expired');
  }
}
