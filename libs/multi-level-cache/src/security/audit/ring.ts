/** Events that wait for the sink: so many and no more, first in, first out. Pure. */

export class Ring<T> {
  readonly #items: (T | undefined)[];
  #first = 0;
  #size = 0;

  constructor(readonly capacity: number) {
    this.#items = new Array<T | undefined>(capacity).fill(undefined);
  }

  get size(): number {
    return this.#size;
  }

  get full(): boolean {
    return this.#size === this.capacity;
  }

  /** `false` = no room; what is there already is worth more, because the records of a chain have no gap. */
  push(item: T): boolean {
    if (this.full) return false;
    this.#items[(this.#first + this.#size++) % this.capacity] = item;
    return true;
  }

  /** The oldest ones. */
  take(most: number): T[] {
    const taken: T[] = [];
    for (let left = Math.min(most, this.#size); left > 0; left--) {
      taken.push(this.#items[this.#first] as T);
      this.#items[this.#first] = undefined;
      this.#first = (this.#first + 1) % this.capacity;
    }
    this.#size -= taken.length;
    return taken;
  }
}
