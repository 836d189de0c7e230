/** The way back up for one value: L2 decides, L1 follows, L3 in the background. A refused value is in no tier. */
import type { Entry } from '../core/entry.js';
import type { Address } from '../core/key.js';
import type { MaybePromise, Ticket, TierRead } from '../core/tier.js';
import type { MemoryTier } from '../tiers/memory/memory-tier.js';
import type { Lease } from './lease.js';
import type { Parts } from './parts.js';
import type { TierGuard } from './tier-guard.js';

/** The tiers a call may use. */
export interface InUse {
  readonly l1: MemoryTier | null;
  readonly l2: TierGuard | null;
  readonly l3: TierGuard | null;
}

/** What was taken on the way down, before anything was read. */
export interface Way {
  readonly tiers: InUse;
  /** None = L1 is not filled. */
  readonly memory: Ticket | undefined;
  readonly lease: Lease;
}

export class Commit {
  constructor(readonly parts: Parts) {}

  /** What L3 had. */
  found(address: Address, entry: Entry, way: Way): MaybePromise<void> {
    const fillsL2 = way.lease.ticket !== undefined && this.parts.placing.promotes(address, entry);
    return this.#up(address, entry, way, fillsL2);
  }

  /** @param row - L3's ticket; none = it is not filled */
  loaded(address: Address, entry: Entry, way: Way, row: Ticket | undefined): MaybePromise<void> {
    const fillsL2 =
      way.lease.ticket !== undefined && this.parts.placing.fills('l2', address, entry);
    return this.#up(address, entry, way, fillsL2, row);
  }

  /** `get` found it in L3 only: L2 is filled under a lease and from a second read, as every fill is. */
  promoteLater(
    address: Address,
    { seen, found }: { readonly seen: TierRead; readonly found: Entry },
    l2: TierGuard,
    l3: TierGuard,
  ): void {
    if (!this.parts.placing.promotes(address, found)) return;
    this.parts.background.run(async () => {
      const reply = await l2.ticket(address, seen);
      if (reply.kind !== 'granted') return;
      const third = await l3.read(address, { count: false });
      if (third?.state === 'fresh' && third.entry)
        await l2.fill(address, third.entry, reply.ticket);
      else l2.release(address, reply.ticket);
    });
  }

  #up(
    address: Address,
    entry: Entry,
    way: Way,
    fillsL2: boolean,
    row?: Ticket,
  ): MaybePromise<void> {
    const { l2 } = way.tiers;
    const { ticket } = way.lease;
    if (!ticket || !l2) return this.#others(address, entry, way, row);
    // Also where the placement keeps it out of L2: a lease that was lost says that the value is old.
    const decided = fillsL2 ? l2.fill(address, entry, ticket) : l2.giveBack(address, ticket);
    return decided.then((stored) => {
      if (stored === false) return;
      if (stored === 'too-large') this.#tellTooLarge(l2);
      this.#others(address, entry, way, row);
    });
  }

  /** L2 has not refused it. */
  #others(
    address: Address,
    entry: Entry,
    { tiers: { l1, l3 }, memory, lease }: Way,
    row: Ticket | undefined,
  ): void {
    if (memory) l1?.fill(address, entry, memory);
    // Reachable, yet without a lease: another process loads it too, and only one of them may fill below L1.
    if (!row || !l3 || (!lease.ticket && !lease.away)) return;
    if (!this.parts.placing.fills('l3', address, entry)) return;
    this.parts.background.run(async () => {
      const stored = await l3.fill(address, entry, row);
      if (stored === false && lease.away) l1?.drop(address.scope, address.key);
      if (stored === 'too-large') this.#tellTooLarge(l3);
    });
  }

  #tellTooLarge(guard: TierGuard): void {
    const { events, placing } = this.parts;
    placing.tooLarge();
    if (!events.has('tier')) return;
    const { state } = guard.status();
    events.emit('tier', { tier: guard.tier.name, state, reason: 'too-large' });
  }
}
