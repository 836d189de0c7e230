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
import { Partition, Slot } from './slot.js';

export type { Partition, Slot } from './slot.js';

/** Rough heap bytes of a slot beside key and value: slot, map and list records. */
const SLOT_BYTES = 200;
const MAX_PARTITIONS = 10_000;

interface MemoryTicket extends Ticket {
  readonly tier: 'l1';
  readonly fence: FenceTicket;
  readonly change: number;
}

/** What `explain` shows of an entry in memory. */
export interface SlotView {
  readonly state: TierRead['state'];
  readonly entry: Entry;
  readonly bytes: number;
  readonly hits: number;
  readonly lastAccess: number;
}

export class MemoryTier implements Tier {
  readonly name = 'l1';
  /** Which tags were bumped when; shared with the manager. */
  readonly tags = new TagClock();
  /** Fills stored. */
  writes = 0;
  readonly #fences = new Fences();
  readonly #partitions = new Map<string, Partition>();
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
        const { partition, key } = slot;
        if (partition.slots.get(key) === slot) partition.slots.delete(key);
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

  /** The entries of one scope; the same object for the same scope. */
  partition(scope: Scope): Partition {
    let partition = this.#partitions.get(scope.id);
    if (!partition) {
      if (this.#partitions.size >= MAX_PARTITIONS) this.#forgetEmpty();
      this.#partitions.set(scope.id, (partition = new Partition(scope)));
    }
    return partition;
  }

  /** The fresh entry, counted; the hot path: no clock call, no string, no allocation. */
  hit(partition: Partition, key: string): Slot | undefined {
    const slot = partition.slots.get(key);
    if (slot === undefined) return undefined;
    const now = this.clock.coarse();
    if (now >= slot.entry.freshUntil || !this.#valid(slot)) return undefined;
    slot.hits++;
    slot.lastAccess = now;
    this.#order.get(slot);
    return slot;
  }

  read(address: Address): TierRead {
    const slot = this.#find(address);
    if (!slot) return { state: 'absent' };
    const state = this.#state(slot);
    return state === 'invalid' || state === 'absent' ? { state } : { state, entry: slot.entry };
  }

  /** For `explain`: changes neither counters nor order. */
  inspect(address: Address): SlotView | undefined {
    const slot = this.#find(address);
    if (!slot) return undefined;
    const { entry, hits, lastAccess } = slot;
    return { state: this.#state(slot), entry, bytes: bytesOf(slot), hits, lastAccess };
  }

  /** The right to fill; to be taken before anything below is read. */
  ticketFor({ scope, key }: Address): MemoryTicket {
    return { tier: 'l1', fence: this.#fences.ticket(scope.id, key), change: this.tags.changes };
  }

  ticket(address: Address, _read: TierRead): TicketReply {
    return { kind: 'granted', ticket: this.ticketFor(address) };
  }

  fill(address: Address, entry: Entry, ticket: Ticket): boolean {
    const { fence, change } = ticket as MemoryTicket;
    const { scope } = address;
    if (!this.#fences.holds(fence)) return false;
    if (this.tags.bumpedSince(scope.tenant, [...entry.tags, scope.clearTag], change)) return false;
    this.#store(address, entry);
    return true;
  }

  apply(change: Change): Promise<void> {
    if (change.kind === 'tags') this.tags.bump(change.tenant, change.tags);
    else {
      for (const { scope, key } of change.addresses) this.#drop(scope.id, key);
      if (change.kind === 'set') this.#store(change.addresses[0], change.entry);
    }
    return Promise.resolve();
  }

  /** The key was written somewhere: the entry goes, and running fills are void. */
  drop(scope: Scope, key: string): void {
    this.#drop(scope.id, key);
  }

  /** Forgets everything at once, at the cost of one number; the slots are swept as they are met. */
  flush(): void {
    this.#fences.bumpAll();
  }

  status(): TierStatus {
    const { size, calculatedSize } = this.#order;
    return {
      state: 'up',
      entries: size,
      bytes: calculatedSize,
      evictions: this.#evictions,
      corrupt: 0,
    };
  }

  #drop(scopeId: string, key: string): void {
    this.#fences.bump(scopeId, key);
    const slot = this.#partitions.get(scopeId)?.slots.get(key);
    if (slot) this.#order.delete(slot);
  }

  #store(address: Address, entry: Entry): void {
    const now = this.clock.now();
    const kept = this.options.ttl === undefined ? entry : capped(entry, now, this.options.ttl);
    const partition = this.partition(address.scope);
    const old = partition.slots.get(address.key);
    if (old) this.#order.delete(old);
    if (now >= (this.options.keepStale ? kept.staleUntil : kept.freshUntil)) return;
    const slot = new Slot(
      partition,
      address.key,
      kept,
      this.#fences.generation,
      this.tags.changes,
      now,
    );
    const size = bytesOf(slot);
    if (size > this.options.maxSize) return;
    partition.slots.set(address.key, slot);
    this.#order.set(slot, slot, { size });
    this.writes++;
  }

  #find({ scope, key }: Address): Slot | undefined {
    return this.#partitions.get(scope.id)?.slots.get(key);
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
    const { scope } = slot.partition;
    if (this.tags.bumpedSince(scope.tenant, [...slot.entry.tags, scope.clearTag], slot.validated))
      return false;
    slot.validated = this.tags.changes;
    return true;
  }

  #forgetEmpty(): void {
    for (const [id, partition] of this.#partitions) {
      if (partition.slots.size > 0) continue;
      partition.live = false;
      this.#partitions.delete(id);
    }
  }
}

function bytesOf({ key, entry }: Slot): number {
  return SLOT_BYTES + 2 * key.length + entry.shape.bytes;
}
