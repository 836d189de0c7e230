/** What this process knows of a shared store's tag numbers: fetched once, then kept right by messages. Pure. */

const MAX_TAGS = 100_000;

interface Known {
  number: number;
  /** Told by the store itself; otherwise `number` is a lower bound heard from a message. */
  fetched: boolean;
}

export type Verdict = 'valid' | 'gone' | 'unknown';

export class TagMirror {
  readonly #tags = new Map<string, Known>();

  constructor(readonly limit = MAX_TAGS) {}

  /** Whether an entry that was read under `n0` has outlived all its tags; `unknown` = fetch `missing` first. */
  judge(tenant: string, tags: readonly string[], n0: number): Verdict {
    let verdict: Verdict = 'valid';
    for (const tag of tags) {
      const known = this.#tags.get(nameOf(tenant, tag));
      if (known && known.number > n0) return 'gone';
      if (!known?.fetched) verdict = 'unknown';
    }
    return verdict;
  }

  /** Those of the tags the store has to be asked for. */
  missing(tenant: string, tags: readonly string[]): string[] {
    return tags.filter((tag) => !this.#tags.get(nameOf(tenant, tag))?.fetched);
  }

  /** A message or an own bump: numbers only grow, so the order of arrival does not matter. */
  heard(tenant: string, tags: readonly string[], number: number): void {
    for (const tag of tags) this.#merge(tenant, tag, number, false);
  }

  fetched(tenant: string, tag: string, number: number): void {
    this.#merge(tenant, tag, number, true);
  }

  /** Messages may have been missed: nothing is known any more. */
  drop(): void {
    this.#tags.clear();
  }

  #merge(tenant: string, tag: string, number: number, fetched: boolean): void {
    const name = nameOf(tenant, tag);
    const known = this.#tags.get(name);
    if (known) {
      known.number = Math.max(known.number, number);
      known.fetched ||= fetched;
      return;
    }
    // Forgetting is always safe: what is not known is fetched.
    if (this.#tags.size >= this.limit) this.#tags.clear();
    this.#tags.set(name, { number, fetched });
  }
}

function nameOf(tenant: string, tag: string): string {
  return `${tenant}\u0000${tag}`;
}
