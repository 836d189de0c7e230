/** Which rows are taken, in the order of their use, and which are free. Numbers only: what is in a row is the table's. */

/** No row: it holds nothing, ever. In the two columns here it heads the ring of taken rows. */
export const NO_ROW = 0;

/** A ring through the taken rows, last used first, and a list of freed ones. */
export class RowOrder {
  #next: Uint32Array;
  #prev: Uint32Array;
  #freed = NO_ROW;
  /** Rows from here on have never been taken. */
  #end = NO_ROW + 1;
  #taken = 0;

  constructor(capacity: number) {
    this.#next = new Uint32Array(capacity);
    this.#prev = new Uint32Array(capacity);
  }

  /** How many rows are taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Every taken row is below it. */
  get end(): number {
    return this.#end;
  }

  /** The row that was not used for longest. */
  get oldest(): number {
    return this.#prev[NO_ROW];
  }

  /** The row that `take` takes. */
  get free(): number {
    return this.#freed === NO_ROW ? this.#end : this.#freed;
  }

  grow(capacity: number): void {
    const [next, prev] = [this.#next, this.#prev];
    (this.#next = new Uint32Array(capacity)).set(next);
    (this.#prev = new Uint32Array(capacity)).set(prev);
  }

  /** The free row becomes the one used last. */
  take(): void {
    const row = this.free;
    if (row === this.#end) this.#end++;
    else this.#freed = this.#next[row];
    this.#taken++;
    this.#link(row);
  }

  release(row: number): void {
    this.#unlink(row);
    this.#next[row] = this.#freed;
    this.#freed = row;
    this.#taken--;
  }

  /** A taken row becomes the one used last. */
  promote(row: number): void {
    this.#unlink(row);
    this.#link(row);
  }

  #link(row: number): void {
    const first = this.#next[NO_ROW];
    this.#next[row] = first;
    this.#prev[row] = NO_ROW;
    this.#prev[first] = row;
    this.#next[NO_ROW] = row;
  }

  #unlink(row: number): void {
    const [next, prev] = [this.#next[row], this.#prev[row]];
    this.#next[prev] = next;
    this.#prev[next] = prev;
  }
}
