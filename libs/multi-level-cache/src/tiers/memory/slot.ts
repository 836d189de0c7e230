/** One entry in memory with what a hit needs at hand; the partition that finds it. */
import { handOut, type Entry } from '../../core/entry.js';
import type { Scope } from '../../core/key.js';

/** The entries of one scope: found by the key as given, no name is built. */
export class Partition {
  readonly slots = new Map<string, Slot>();
  /** Still known to its tier; a forgotten one is asked for again. */
  live = true;

  constructor(readonly scope: Scope) {}
}

/** A cached entry. The one lru-cache of the tier is keyed by it, so that all partitions share one bound. */
export class Slot {
  hits = 0;
  /** Coarse monotonic ms. */
  lastAccess: number;
  #promise: Promise<unknown> | undefined;

  constructor(
    readonly partition: Partition,
    readonly key: string,
    readonly entry: Entry,
    /** Generation of the fences when it was filled. */
    readonly generation: number,
    /** Number of the tag clock up to which its tags are known to be unbumped. */
    public validated: number,
    now: number,
  ) {
    this.lastAccess = now;
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
