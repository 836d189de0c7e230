/** L1: entries in this process's memory, found synchronously. Bounded by one lru-cache over all partitions. */
import { LRUCache } from 'lru-cache';
import { Fences, type FenceTicket } from '../../coherence/fences.js';
import { TagClock } from '../../coherence/tag-clock.js';
import type { Clock } from '../../core/clock.js';
import { capped, type Entry } from '../../core/entry.js';
import type { Address, Scope } from '../../core/key.js';
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
        if (reason === 'evict') this.#evictions++;
        const { slots } = slot.partition;
        if (slots.get(slot.key) === slot) slots.delete(slot.key);
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
    if (now >= slot.entry.freshUntil || !this.#valid(slot)) {
      this.#sweep(slot);
      return undefined;
    }
    slot.hits++;
    // Once per tick of the coarse clock is order enough, and a hot key is spared the most costly step.
    if (slot.lastAccess !== now) {
      slot.lastAccess = now;
      this.#order.get(slot);
    }
    return slot;
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
    const { entry, bytes, hits, lastAccess } = slot;
    return { state: this.#state(slot), entry, bytes, hits, lastAccess };
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
    if (this.#bumped(address.scope, entry, ticket.change)) return false;
    return this.#store(address, entry);
  }

  apply(change: Change): Promise<void> {
    if (change.kind === 'tags') this.tags.bump(change.tenant, change.tags);
    else {
      for (const { scope, key } of change.addresses) this.drop(scope, key);
      if (change.kind === 'set') this.#store(change.addresses[0], change.entry);
    }
    return Promise.resolve();
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

  status(): TierStatus {
    const { size: entries, calculatedSize: bytes } = this.#order;
    return { state: 'up', entries, bytes, evictions: this.#evictions, corrupt: 0 };
  }

  /** Stores what is still fresh and not too large; what was there goes in any case, for it is older. */
  #store(address: Address, entry: Entry): boolean {
    const now = this.clock.now();
    const { maxSize, ttl } = this.options;
    const kept = ttl === undefined ? entry : capped(entry, now, ttl);
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
    this.writes++;
    return true;
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

  /** One comparison while no tag was bumped anywhere since the last look. */
  #valid(slot: Slot): boolean {
    if (slot.generation !== this.#fences.generation) return false;
    if (slot.validated === this.tags.changes) return true;
    if (this.#bumped(slot.partition.scope, slot.entry, slot.validated)) return false;
    slot.validated = this.tags.changes;
    return true;
  }

  #bumped(scope: Scope, entry: Entry, change: number): boolean {
    if (change === this.tags.changes) return false;
    return this.tags.bumpedSince(scope.tenant, [...entry.tags, scope.clearTag], change);
  }

  /** Gives back the memory of what can answer no more, not even in its grace. */
  #sweep(slot: Slot): void {
    const state = this.#state(slot);
    if (state === 'invalid' || state === 'absent') this.#order.delete(slot);
  }
}
