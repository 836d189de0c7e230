/** All partitions of L1: found by scope, kept while they hold entries. */
import type { Entry } from '../../core/entry.js';
import type { Scope } from '../../core/key.js';

const SWEEP_AT = 10_000;
const NO_TAGS: readonly string[] = Object.freeze([]);

/** What an entry may share with others: where it is, and what few entries have. */
export interface Label extends Pick<Entry, 'tags' | 'caps' | 'etag'> {
  readonly partition: Partition;
}

/** What one tenant holds, over all its partitions. */
export interface Usage {
  entries: number;
  bytes: number;
  readonly partitions: Set<Partition>;
}

/** The entries of one scope; no name is built to find one. */
export class Partition {
  /** Rows of the table by the key as it was given. */
  readonly rows = new Map<string, number>();
  /** Still known to its tier; a forgotten one is asked for again. */
  live = true;
  /** Of all entries that have nothing of their own to say. */
  readonly plain: Label = { partition: this, tags: NO_TAGS, caps: undefined, etag: undefined };

  constructor(
    readonly scope: Scope,
    readonly usage: Usage,
  ) {
    usage.partitions.add(this);
  }

  labelOf({ tags, caps, etag }: Entry): Label {
    if (tags.length === 0 && caps === undefined && etag === undefined) return this.plain;
    return { partition: this, tags, caps, etag };
  }
}

/** All partitions by the id of their scope. Only entries keep one alive, so the bound on entries bounds these too. */
export class Partitions {
  readonly #byScope = new Map<string, Partition>();
  readonly #usage = new Map<string, Usage>();
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
      this.#byScope.set(scope.id, (partition = new Partition(scope, this.#usageOf(scope))));
    }
    return partition;
  }

  /** For good: whoever still holds a partition finds nothing in it. */
  clear(): void {
    for (const partition of this.#byScope.values()) {
      partition.live = false;
      partition.rows.clear();
    }
    this.#byScope.clear();
    this.#usage.clear();
  }

  #usageOf({ tenant }: Scope): Usage {
    let usage = this.#usage.get(tenant);
    if (!usage) this.#usage.set(tenant, (usage = { entries: 0, bytes: 0, partitions: new Set() }));
    return usage;
  }

  #sweep(): void {
    for (const [id, partition] of this.#byScope) {
      if (partition.rows.size > 0) continue;
      partition.live = false;
      this.#byScope.delete(id);
      const { partitions } = partition.usage;
      partitions.delete(partition);
      if (partitions.size === 0) this.#usage.delete(partition.scope.tenant);
    }
    // Twice what is in use: many busy tenants must not make every new one walk over all the others.
    this.#sweepAt = Math.max(this.sweepAt, 2 * this.#byScope.size);
  }
}

/** What a tenant that holds something stored first, in the largest of its partitions. */
export function firstRow({ partitions }: Usage): number {
  let largest: Partition | undefined;
  for (const one of partitions) if (one.rows.size > (largest?.rows.size ?? 0)) largest = one;
  return largest!.rows.values().next().value!;
}
