/** What is remembered of the accesses of each key, one array per figure: some 50 bytes a key, whatever it is called. Pure. */

const FIRST_LENGTH = 64;

/** Half-lives of the counts that fade, in times to live of the key. */
export const HALF_LIVES = [1, 4, 16] as const;
/** From so many accesses on, and so close to their mean, gaps make a period. */
const REGULAR_FROM = 5;
const REGULAR = 0.2;
export class KeyColumns {
  length = FIRST_LENGTH;
  /** Counts that fade with these half-lives, as of the last access. */
  fast = new Float32Array(FIRST_LENGTH);
  middle = new Float32Array(FIRST_LENGTH);
  slow = new Float32Array(FIRST_LENGTH);
  ttl = new Float32Array(FIRST_LENGTH);
  count = new Uint32Array(FIRST_LENGTH);
  first = new Float64Array(FIRST_LENGTH);
  last = new Float64Array(FIRST_LENGTH);
  /** Between the last two accesses, and the two before. */
  gap = new Float32Array(FIRST_LENGTH);
  earlierGap = new Float32Array(FIRST_LENGTH);
  group = new Int32Array(FIRST_LENGTH);

  begin(id: number, group: number): void {
    if (id >= this.length) this.#grow(Math.max(2 * this.length, id + 1));
    this.fast[id] = this.middle[id] = this.slow[id] = 0;
    this.ttl[id] = this.count[id] = this.first[id] = this.last[id] = 0;
    this.gap[id] = this.earlierGap[id] = 0;
    this.group[id] = group;
  }

  observe(id: number, count: number, at: number, ttl: number): void {
    const since = Math.max(at - this.last[id], 0) / ttl;
    this.fast[id] = this.fast[id] * 2 ** (-since / HALF_LIVES[0]) + count;
    this.middle[id] = this.middle[id] * 2 ** (-since / HALF_LIVES[1]) + count;
    this.slow[id] = this.slow[id] * 2 ** (-since / HALF_LIVES[2]) + count;
    if (this.count[id] === 0) this.first[id] = at;
    else {
      // Of several accesses of one interval only the last time is known: they are taken as evenly spread.
      this.earlierGap[id] = count > 1 ? (at - this.last[id]) / count : this.gap[id];
      this.gap[id] = (at - this.last[id]) / count;
    }
    this.last[id] = at;
    this.ttl[id] = ttl;
    this.count[id] += count;
  }

  /** Accesses in a life of the key, as of lately. */
  rate(id: number, now: number): number {
    const lives = HALF_LIVES[1];
    const since = Math.max(now - this.last[id], 0) / this.ttl[id];
    return (this.middle[id] * 2 ** (-since / lives) * Math.LN2) / lives;
  }

  /** The time between two accesses, where all known ones are about the same, ms. */
  period(id: number): number | undefined {
    const count = this.count[id];
    if (count < REGULAR_FROM) return undefined;
    const mean = (this.last[id] - this.first[id]) / (count - 1);
    const regular = [this.gap[id], this.earlierGap[id]].every(
      (gap) => Math.abs(gap - mean) <= REGULAR * mean,
    );
    return regular && mean > 0 ? Math.round(mean) : undefined;
  }

  #grow(length: number): void {
    const longer = <A extends Float32Array | Float64Array | Int32Array | Uint32Array>(
      from: A,
      to: A,
    ): A => {
      to.set(from);
      return to;
    };
    this.fast = longer(this.fast, new Float32Array(length));
    this.middle = longer(this.middle, new Float32Array(length));
    this.slow = longer(this.slow, new Float32Array(length));
    this.ttl = longer(this.ttl, new Float32Array(length));
    this.count = longer(this.count, new Uint32Array(length));
    this.first = longer(this.first, new Float64Array(length));
    this.last = longer(this.last, new Float64Array(length));
    this.gap = longer(this.gap, new Float32Array(length));
    this.earlierGap = longer(this.earlierGap, new Float32Array(length));
    this.group = longer(this.group, new Int32Array(length));
    this.length = length;
  }
}
