/** When each tag was last bumped, in this process's own counting: how L1 judges tags without asking anybody. */

const MAX_TAGS = 100_000;

/**
 * Every bump this process makes or hears of takes the next number. What was read under number `n` is gone once one of its
 * tags has a higher one. A tag without a record counts as `floor`: forgetting the oldest records only removes more.
 */
export class TagClock {
  readonly #bumped = new Map<string, number>();
  #changes = 0;
  #floor = 0;

  constructor(readonly limit = MAX_TAGS) {}

  /** The number of the latest bump: while it stands still, nothing tagged has been invalidated. */
  get changes(): number {
    return this.#changes;
  }

  bump(tenant: string, tags: readonly string[]): void {
    const number = ++this.#changes;
    for (const tag of tags) {
      const name = nameOf(tenant, tag);
      // Deleted first, so that the map's order is the order of bumps.
      this.#bumped.delete(name);
      this.#bumped.set(name, number);
    }
    while (this.#bumped.size > this.limit) this.#forgetOldest();
  }

  /** Whether one of the tags was bumped after `change`. */
  bumpedSince(tenant: string, tags: readonly string[], change: number): boolean {
    if (change >= this.#changes) return false;
    if (change < this.#floor) return true;
    return tags.some((tag) => (this.#bumped.get(nameOf(tenant, tag)) ?? 0) > change);
  }

  #forgetOldest(): void {
    const [name, number] = this.#bumped.entries().next().value!;
    this.#bumped.delete(name);
    this.#floor = number;
  }
}

function nameOf(tenant: string, tag: string): string {
  return `${tenant}\u0000${tag}`;
}
