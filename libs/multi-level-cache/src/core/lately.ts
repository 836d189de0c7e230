/** What was used lately, by key: bounded, and cheap where most of it is used again. */

/**
 * Two halves: when the younger one is full, the older one goes, with all that was not used since. What is used out of the older one comes into the
 * younger. So it holds between one half and two, in about the order of use, without a list that every use would change.
 */
export class Lately<K, V> {
  #young = new Map<K, V>();
  #old = new Map<K, V>();
  /** Of the younger half. */
  #weight = 0;

  constructor(
    /** Of one half. */
    readonly most: number,
    readonly weightOf: (value: V) => number = () => 0,
    /** Of one half, as it is weighed. */
    readonly mostWeight = Infinity,
  ) {}

  get(key: K): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: K, value: V): void {
    const weight = this.weightOf(value);
    if (this.#young.size >= this.most || this.#weight + weight > this.mostWeight) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#weight = 0;
    }
    this.#weight += weight;
    this.#young.set(key, value);
  }
}
