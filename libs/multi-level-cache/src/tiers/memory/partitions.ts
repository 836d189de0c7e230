/** All partitions of L1: found by scope, kept while they hold entries. */
import type { Scope } from '../../core/key.js';
import { Partition } from './slot.js';

const SWEEP_AT = 10_000;

/** All partitions by the id of their scope. Only entries keep one alive, so the bound on entries bounds these too. */
export class Partitions {
  readonly #byScope = new Map<string, Partition>();
  #sweepAt: number;

  constructor(readonly sweepAt = SWEEP_AT) {
    this.#sweepAt = sweepAt;
  }

  get size(): number {
    return this.#byScope.size;
  }

  find(scopeId: string): Partition | undefined {
    return this.#byScope.get(scopeId);
  }

  /** The same object for the same scope, until it is swept while empty. */
  of(scope: Scope): Partition {
    let partition = this.#byScope.get(scope.id);
    if (!partition) {
      if (this.#byScope.size >= this.#sweepAt) this.#sweep();
      this.#byScope.set(scope.id, (partition = new Partition(scope)));
    }
    return partition;
  }

  clear(): void {
    for (const partition of this.#byScope.values()) partition.live = false;
    this.#byScope.clear();
  }

  #sweep(): void {
    for (const [id, partition] of this.#byScope) {
      if (partition.slots.size > 0) continue;
      partition.live = false;
      this.#byScope.delete(id);
    }
    // Twice what is in use: many busy tenants must not make every new one walk over all the others.
    this.#sweepAt = Math.max(this.sweepAt, 2 * this.#byScope.size);
  }
}
