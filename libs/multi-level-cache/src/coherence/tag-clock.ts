/** When each tag was last bumped, in this process's own counting: how L1 judges tags without asking anybody. */

const MAX_TAGS = 100_000;

/** What bumps have made of a tagged value: nothing, stale (soft bumps only), or gone. */
export type TagVerdict = 'valid' | 'stale' | 'gone';

/**
 * Every bump this process makes or hears of takes the next number. What was read under number `n` is gone once one of its
 * tags has a higher one, and stale once one has a higher soft one. A tag without a record counts as `floor`: forgetting the
 * oldest records only removes more.
 */
export class TagClock {
  readonly #hard = new Map<string, number>();
  readonly #soft = new Map<string, number>();
  #changes = 0;
  #floor = 0;

  constructor(readonly limit = MAX_TAGS) {}

  /** The number of the latest bump: while it stands still, nothing tagged has been invalidated. */
  get changes(): number {
    return this.#changes;
  }

  bump(tenant: string, tags: readonly string[], soft = false): void {
    const number = ++this.#changes;
    const bumped = soft ? this.#soft : this.#hard;
    for (const tag of tags) {
      const name = nameOf(tenant, tag);
      // Deleted first, so that the map's order is the order of bumps.
      bumped.delete(name);
      bumped.set(name, number);
    }
    while (bumped.size > this.limit) this.#forgetOldest(bumped);
  }

  /** What is left of a value with these tags that was read under `change`. */
  judge(tenant: string, tags: readonly string[], change: number): TagVerdict {
    if (change >= this.#changes) return 'valid';
    if (change < this.#floor) return 'gone';
    let verdict: TagVerdict = 'valid';
    for (const tag of tags) {
      const name = nameOf(tenant, tag);
      if ((this.#hard.get(name) ?? 0) > change) return 'gone';
      if ((this.#soft.get(name) ?? 0) > change) verdict = 'stale';
    }
    return verdict;
  }

  #forgetOldest(bumped: Map<string, number>): void {
    const [name, number] = bumped.entries().next().value!;
    bumped.delete(name);
    this.#floor = Math.max(this.#floor, number);
  }
}

function nameOf(tenant: string, tag: string): string {
  return `${tenant}\u0000${tag}`;
}
