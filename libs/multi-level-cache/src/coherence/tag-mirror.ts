/** What this process knows of a shared store's tag numbers: fetched once, then kept right by messages. Pure. */

const MAX_TAGS = 100_000;

interface Known {
  hard: number;
  soft: number;
  /** Told by the store itself; otherwise the numbers are lower bounds heard from messages. */
  fetched: boolean;
}

export type Verdict = 'valid' | 'stale' | 'gone' | 'unknown';

export class TagMirror {
  readonly #tenants = new Map<string, Map<string, Known>>();
  #size = 0;
  #changes = 0;

  constructor(readonly limit = MAX_TAGS) {}

  /** While it stays the same, so does every verdict. */
  get changes(): number {
    return this.#changes;
  }

  /** Whether an entry that was read under `n0` has outlived all its tags; `unknown` = fetch `missing` first. */
  judge(tenant: string, tags: readonly string[], n0: number): Verdict {
    if (tags.length === 0) return 'valid';
    const known = this.#tenants.get(tenant);
    let verdict: Verdict = 'valid';
    for (const tag of tags) {
      const numbers = known?.get(tag);
      if (numbers && numbers.hard > n0) return 'gone';
      if (!numbers?.fetched) verdict = 'unknown';
      else if (numbers.soft > n0 && verdict === 'valid') verdict = 'stale';
    }
    return verdict;
  }

  /** The highest number known of these tags, hard or soft. */
  latest(tenant: string, tags: readonly string[]): number {
    const known = this.#tenants.get(tenant);
    let latest = 0;
    for (const tag of tags) {
      const numbers = known?.get(tag);
      if (numbers) latest = Math.max(latest, numbers.hard, numbers.soft);
    }
    return latest;
  }

  /** Those of the tags the store has to be asked for. */
  missing(tenant: string, tags: readonly string[]): string[] {
    const known = this.#tenants.get(tenant);
    return tags.filter((tag) => !known?.get(tag)?.fetched);
  }

  /** Whether none of them is missing. */
  knows(tenant: string, tags: readonly string[]): boolean {
    const known = this.#tenants.get(tenant);
    return tags.every((tag) => known?.get(tag)?.fetched === true);
  }

  /** A message or an own bump: numbers only grow, so the order of arrival does not matter. */
  heard(tenant: string, tags: readonly string[], number: number, soft: boolean): void {
    const [hard, mild] = soft ? [0, number] : [number, 0];
    for (const tag of tags) this.#merge(tenant, tag, hard, mild, false);
  }

  fetched(tenant: string, tag: string, hard: number, soft: number): void {
    this.#merge(tenant, tag, hard, soft, true);
  }

  /** Messages may have been missed: nothing is known any more. */
  drop(): void {
    this.#changes++;
    this.#tenants.clear();
    this.#size = 0;
  }

  #merge(tenant: string, tag: string, hard: number, soft: number, fetched: boolean): void {
    this.#changes++;
    const known = this.#tenants.get(tenant)?.get(tag);
    if (known) {
      known.hard = Math.max(known.hard, hard);
      known.soft = Math.max(known.soft, soft);
      known.fetched ||= fetched;
      return;
    }
    // Forgetting is always safe: what is not known is fetched.
    if (this.#size >= this.limit) this.drop();
    this.#size++;
    const tags = this.#tenants.get(tenant) ?? new Map<string, Known>();
    this.#tenants.set(tenant, tags.set(tag, { hard, soft, fetched }));
  }
}
