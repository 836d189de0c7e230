/** One entry in memory with all that a hit needs at hand, and the partition that finds it by the key as it was given. */
import { handOut, type Entry } from '../../core/entry.js';
import type { Scope } from '../../core/key.js';
import type { TierRead } from '../../core/tier.js';

/** Rough heap bytes of a slot beside key and value: slot, map and list records. */
const OVERHEAD_BYTES = 200;

/** What `explain` shows of an entry in memory. */
export interface SlotView {
  readonly state: TierRead['state'];
  readonly entry: Entry;
  readonly bytes: number;
  readonly hits: number;
  readonly lastAccess: number;
}

/** The entries of one scope; no name is built to find one. */
export class Partition {
  readonly slots = new Map<string, Slot>();
  /** Still known to its tier; a forgotten one is asked for again. */
  live = true;

  constructor(readonly scope: Scope) {}
}

/** A cached entry. The one lru-cache of the tier is keyed by it, so that all partitions share one bound. */
export class Slot {
  hits = 0;
  /** Of these, told to whoever counts what is hot. */
  counted = 0;
  /** Coarse monotonic ms. */
  lastAccess: number;
  /** Entries stored when it was last moved to the front of the order of use. */
  movedAt = 0;
  /** From when on a hit reloads the entry, coarse monotonic ms. */
  refreshAt: number;
  #promise: Promise<unknown> | undefined;

  constructor(
    readonly partition: Partition,
    readonly key: string,
    public entry: Entry,
    /** Generation of the fences when it was filled. */
    readonly generation: number,
    /** Number of the tag clock up to which its tags are known to be unbumped. */
    public validated: number,
    now: number,
  ) {
    this.lastAccess = now;
    this.refreshAt = entry.refreshAt ?? Infinity;
  }

  get bytes(): number {
    return OVERHEAD_BYTES + 2 * this.key.length + this.entry.shape.bytes;
  }

  /** The value as the caller may have it. */
  value(): unknown {
    return handOut(this.entry);
  }

  /** The same as a promise; made on the first hit and kept, so that later hits allocate nothing. */
  promise(): Promise<unknown> {
    if (this.entry.shape.copied) return Promise.resolve(handOut(this.entry));
    return (this.#promise ??= Promise.resolve(this.entry.value));
  }
}
