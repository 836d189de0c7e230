/** Changes one store has not taken yet, in the order they were made. Pure: who pays them and when is the guard's part. */
import { clearTag, type Address } from '../core/key.js';
import type { Change } from '../core/tier.js';

const MAX_BATCH = 1_000;

/** Owed changes that are paid together. */
export interface Batch {
  readonly change: Change;
  readonly changes: readonly Change[];
}

/**
 * While a change waits here, its keys and tags bypass the store, so the store's old data is never served by this process.
 * Bounded: beyond `limit` changes, single ones collapse into "clear" of their cache, which only removes more.
 */
export class Debts {
  #changes: Change[] = [];
  readonly #keys = new Map<string, number>();
  readonly #tags = new Map<string, number>();

  constructor(
    readonly limit: number,
    /** Names of the caches of this application: what a collapsed tag change must clear. */
    readonly caches: () => Iterable<string>,
  ) {}

  get size(): number {
    return this.#changes.length;
  }

  /**
   * The oldest change, together with what can be done in the same step: changes made faster than one by one could be paid
   * would never be paid up. Removals commute, so their order among each other is free.
   */
  get next(): Batch | undefined {
    const [first] = this.#changes;
    if (!first) return undefined;
    const changes = this.#changes.slice(0, MAX_BATCH).filter((other) => alike(first, other));
    return { change: merged(first, changes), changes };
  }

  add(change: Change): void {
    this.#changes.push(change);
    this.#count(change, 1);
    if (this.#changes.length > this.limit) this.#collapse();
  }

  /** A batch has been applied. */
  paid({ changes }: Batch): void {
    const done = new Set(changes);
    // Some may have collapsed meanwhile: only what still stands here is taken out.
    this.#changes = this.#changes.filter((change) => {
      if (!done.has(change)) return true;
      this.#count(change, -1);
      return false;
    });
  }

  /** The store may hold what was removed from under this key. */
  covers(address: Address): boolean {
    if (this.#changes.length === 0) return false;
    return this.#keys.has(address.name) || this.coversTags(address.scope.tenant, address.implied);
  }

  coversTags(tenant: string, tags: readonly string[]): boolean {
    return this.#tags.size > 0 && tags.some((tag) => this.#tags.has(tagName(tenant, tag)));
  }

  #count(change: Change, by: 1 | -1): void {
    if (change.kind === 'tags') {
      for (const tag of change.tags) add(this.#tags, tagName(change.tenant, tag), by);
    } else {
      for (const address of change.addresses) add(this.#keys, address.name, by);
    }
  }

  #collapse(): void {
    const clears = new Map<string, Change>();
    for (const change of this.#changes) {
      const tenants: (readonly [string, string])[] =
        change.kind === 'tags'
          ? [...this.caches()].map((cache) => [change.tenant, clearTag(cache)] as const)
          : change.addresses.map(({ scope }) => [scope.tenant, scope.clearTag] as const);
      for (const [tenant, tag] of tenants)
        clears.set(tagName(tenant, tag), { kind: 'tags', tenant, tags: [tag] });
    }
    this.#keys.clear();
    this.#tags.clear();
    this.#changes = [...clears.values()];
    for (const change of this.#changes) this.#count(change, 1);
  }
}

function alike(one: Change, other: Change): boolean {
  if (one.kind !== other.kind) return false;
  if (one.kind === 'tags' && other.kind === 'tags')
    return one.tenant === other.tenant && one.soft === other.soft;
  return one.kind === 'delete' || one === other;
}

function merged(first: Change, changes: readonly Change[]): Change {
  if (changes.length === 1) return first;
  if (first.kind === 'tags') {
    const tags = changes.flatMap((change) => (change.kind === 'tags' ? change.tags : []));
    return { ...first, tags: [...new Set(tags)] };
  }
  const byName = new Map<string, Address>();
  for (const change of changes) {
    if (change.kind === 'tags') continue;
    for (const address of change.addresses) byName.set(address.name, address);
  }
  return { kind: 'delete', addresses: [...byName.values()] };
}

function add(counts: Map<string, number>, name: string, by: number): void {
  const count = (counts.get(name) ?? 0) + by;
  if (count > 0) counts.set(name, count);
  else counts.delete(name);
}

function tagName(tenant: string, tag: string): string {
  return `${tenant}\u0000${tag}`;
}
