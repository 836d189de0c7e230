/** Which keys went a while ago: hashes of them in the order in which they went, and none of what they held. */
import { chance } from '../../core/clock.js';
import { NO_ROW, RowList, Rows } from './rows.js';

/** A power of 2. */
const FIRST_CAPACITY = 64;

/**
 * A queue of 32-bit hashes with a table of chains to find them. Two keys of one hash are taken for one, which costs a key its
 * place in a queue, never a value. 16 bytes a hash and 4 to 8 of the table; it grows with what it is to remember.
 */
export class Ghost {
  #capacity = FIRST_CAPACITY;
  #rows = new Rows(FIRST_CAPACITY);
  #queue = new RowList(this.#rows);
  #hashes = new Uint32Array(FIRST_CAPACITY);
  /** The next row of the same chain. */
  #chain = new Uint32Array(FIRST_CAPACITY);
  #heads = new Uint32Array(FIRST_CAPACITY);
  /** Drawn, so that nobody can choose keys that all fall into one chain. */
  readonly #odd = Math.floor(chance() * 2 ** 31) * 2 + 1;

  get size(): number {
    return this.#queue.length;
  }

  /** Remembers a hash as the last that went, and no more than `most` in all: those that went first are forgotten. */
  add(hash: number, most: number): void {
    this.take(hash);
    while (this.#queue.length > 0 && this.#queue.length >= most) this.#forget(this.#queue.last);
    if (most < 1) return;
    const row = this.#rows.free;
    if (row === this.#capacity) this.#enlarge();
    this.#rows.take();
    this.#hashes[row] = hash;
    this.#queue.push(row);
    this.#link(row);
  }

  /** Forgets a hash; whether it was remembered. */
  take(hash: number): boolean {
    let row = this.#heads[this.#headOf(hash >>> 0)];
    while (row !== NO_ROW && this.#hashes[row] !== hash >>> 0) row = this.#chain[row];
    if (row === NO_ROW) return false;
    this.#forget(row);
    return true;
  }

  #forget(row: number): void {
    const head = this.#headOf(this.#hashes[row]);
    if (this.#heads[head] === row) this.#heads[head] = this.#chain[row];
    else {
      let before = this.#heads[head];
      while (this.#chain[before] !== row) before = this.#chain[before];
      this.#chain[before] = this.#chain[row];
    }
    this.#queue.remove(row);
    this.#rows.release(row);
  }

  #link(row: number): void {
    const head = this.#headOf(this.#hashes[row]);
    this.#chain[row] = this.#heads[head];
    this.#heads[head] = row;
  }

  /** By the upper bits of a product, for they depend on all bits of the hash. */
  #headOf(hash: number): number {
    return Math.imul(hash, this.#odd) >>> (1 + Math.clz32(this.#capacity));
  }

  #enlarge(): void {
    const hashes = this.#hashes;
    this.#capacity *= 2;
    this.#rows.grow(this.#capacity);
    this.#chain = new Uint32Array(this.#capacity);
    this.#heads = new Uint32Array(this.#capacity);
    (this.#hashes = new Uint32Array(this.#capacity)).set(hashes);
    for (let row = NO_ROW + 1; row < hashes.length; row++) this.#link(row);
  }
}
