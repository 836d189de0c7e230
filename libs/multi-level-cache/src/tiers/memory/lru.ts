/** Eviction by last use. */
import type { Eviction } from './eviction.js';
import { RowList, type Rows } from './rows.js';

/** Exact: whatever was used goes to the front, so the last row is the one not used for longest. */
export class Lru implements Eviction {
  readonly #list: RowList;

  constructor(rows: Rows) {
    this.#list = new RowList(rows);
  }

  enter(row: number): void {
    this.#list.push(row);
  }

  hit(row: number): void {
    if (this.#list.first !== row) this.#move(row);
  }

  leave(row: number): void {
    this.#list.remove(row);
  }

  victim(): number {
    return this.#list.last;
  }

  #move(row: number): void {
    this.#list.remove(row);
    this.#list.push(row);
  }
}
