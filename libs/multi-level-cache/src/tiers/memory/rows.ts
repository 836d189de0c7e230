/** Which rows of a table are taken and which are free, and lists of taken ones. Numbers only: what is in a row is the table's. */

/** No row: it holds nothing, ever. */
export const NO_ROW = 0;

/** Two cells a row: they chain the free rows, and the taken ones where a list wants them. */
export class Rows {
  next: Uint32Array;
  previous: Uint32Array;
  #freed = NO_ROW;
  /** Rows from here on have never been taken. */
  #end = NO_ROW + 1;
  #taken = 0;

  constructor(capacity: number) {
    this.next = new Uint32Array(capacity);
    this.previous = new Uint32Array(capacity);
  }

  /** How many rows are taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Every taken row is below it. */
  get end(): number {
    return this.#end;
  }

  /** The row that `take` takes. */
  get free(): number {
    return this.#freed === NO_ROW ? this.#end : this.#freed;
  }

  grow(capacity: number): void {
    const { next, previous } = this;
    (this.next = new Uint32Array(capacity)).set(next);
    (this.previous = new Uint32Array(capacity)).set(previous);
  }

  take(): void {
    const row = this.free;
    if (row === this.#end) this.#end++;
    else this.#freed = this.next[row];
    this.#taken++;
  }

  /** The row must be in no list any more. */
  release(row: number): void {
    this.next[row] = this.#freed;
    this.#freed = row;
    this.#taken--;
  }
}

/** Taken rows in an order, from any place of which one may go. A row is in one list at a time. */
export class RowList {
  first = NO_ROW;
  last = NO_ROW;
  length = 0;

  constructor(readonly rows: Rows) {}

  /** Puts a row before the first. */
  push(row: number): void {
    const { next, previous } = this.rows;
    next[row] = this.first;
    previous[row] = NO_ROW;
    if (this.first === NO_ROW) this.last = row;
    else previous[this.first] = row;
    this.first = row;
    this.length++;
  }

  remove(row: number): void {
    const [next, previous] = [this.rows.next[row], this.rows.previous[row]];
    if (previous === NO_ROW) this.first = next;
    else this.rows.next[previous] = next;
    if (next === NO_ROW) this.last = previous;
    else this.rows.previous[next] = previous;
    this.length--;
  }
}
