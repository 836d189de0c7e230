/** Eviction by S3-FIFO: what is asked for once goes soon, and a hit moves nothing. */
import { hashOf } from '../../core/hash.js';
import type { Columns } from './columns.js';
import type { Eviction } from './eviction.js';
import { Ghost } from './ghost.js';
import { NO_ROW, RowList, type Rows } from './rows.js';

/** Of all rows, in the small queue. */
const SMALL_SHARE = 0.1;
/** In the flags of a row: the queue it is in or goes to. */
const SMALL = 1 << 4;
const MAIN = 1 << 5;
/** The two uppermost bits count hits since the row was last looked at, up to 3. */
const ONE_HIT = 1 << 6;
const MOST_HITS = 3 * ONE_HIT;

/**
 * Three queues, first in, first out. A new key comes into the *small* one, a tenth of the rows. At its end a row with two hits
 * or more goes over to the *main* queue; another one goes, and the *ghost* queue remembers its hash. A key the ghost remembers
 * comes straight into the main queue. At the end of that, a row with hits goes round again with one hit less. So what is
 * asked for once, most of what a scan brings, passes through a tenth of the cache and leaves the rest alone.
 *
 * Where the paper leaves a choice: two hits, counted anew in the main queue; the small queue gives while it has its tenth, rounded,
 * of at least 1; the ghost is asked before anything goes, and remembers as many keys as the main queue may hold.
 *
 * Shares are of the rows there are, not of bytes and not of the most there may be: how long a key is on trial is how many others
 * come meanwhile, and under a bound by bytes, which may fall, nobody knows beforehand how many rows there will be. The row
 * that came last waits outside the queues for the next one: it cannot be pushed out by itself.
 *
 * Ours: a key that leaves the main queue because it was written, replaced or has expired is remembered by the ghost as well. With
 * short lives most of the main queue ends that way, and would have to earn its place again each time.
 *
 * Yang, Zhang, Qiu, Yue, Rashmi: FIFO queues are all you need for cache eviction, SOSP 2023, doi 10.1145/3600006.3613147.
 */
export class S3Fifo implements Eviction {
  readonly ghost = new Ghost();
  readonly #small: RowList;
  readonly #main: RowList;
  #newest = NO_ROW;

  constructor(
    rows: Rows,
    readonly columns: Columns,
  ) {
    this.#small = new RowList(rows);
    this.#main = new RowList(rows);
  }

  enter(row: number): void {
    const { flags } = this.columns;
    const known = this.ghost.take(this.#hashOf(row));
    const before = this.#newest;
    if (before !== NO_ROW) (flags[before] & MAIN ? this.#main : this.#small).push(before);
    flags[row] |= known ? MAIN : SMALL;
    this.#newest = row;
  }

  hit(row: number): void {
    const { flags } = this.columns;
    if (flags[row] < MOST_HITS) flags[row] += ONE_HIT;
  }

  leave(row: number): void {
    const flags = this.columns.flags[row];
    if (flags & MAIN) this.ghost.add(this.#hashOf(row), this.#mainShare);
    if (row === this.#newest) this.#newest = NO_ROW;
    else if (flags & MAIN) this.#main.remove(row);
    else if (flags & SMALL) this.#small.remove(row);
  }

  victim(): number {
    let row = NO_ROW;
    if (this.#small.length >= this.#smallShare) row = this.#fromSmall();
    if (row === NO_ROW) row = this.#fromMain();
    // In no queue: it goes, and is remembered by nobody, or is already.
    if (row !== NO_ROW) this.columns.flags[row] &= ~(SMALL | MAIN);
    return row === NO_ROW ? this.#newest : row;
  }

  get #smallShare(): number {
    return Math.max(1, Math.round((this.#small.length + this.#main.length) * SMALL_SHARE));
  }

  get #mainShare(): number {
    return this.#small.length + this.#main.length - this.#smallShare;
  }

  #fromSmall(): number {
    const { flags } = this.columns;
    const most = this.#mainShare;
    while (this.#small.length > 0) {
      const row = this.#small.last;
      this.#small.remove(row);
      if (flags[row] < 2 * ONE_HIT) {
        this.ghost.add(this.#hashOf(row), most);
        return row;
      }
      flags[row] = (flags[row] & ~(MOST_HITS | SMALL)) | MAIN;
      this.#main.push(row);
    }
    return NO_ROW;
  }

  #fromMain(): number {
    const { flags } = this.columns;
    while (this.#main.length > 0) {
      const row = this.#main.last;
      this.#main.remove(row);
      if (flags[row] < ONE_HIT) return row;
      flags[row] -= ONE_HIT;
      this.#main.push(row);
    }
    return NO_ROW;
  }

  #hashOf(row: number): number {
    return hashOf(this.columns.keys[row]!, this.columns.labels[row]!.partition.scope.hash);
  }
}
