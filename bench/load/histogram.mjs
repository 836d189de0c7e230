// Latencies of millions of requests in a few kilobytes: buckets that are at most 1/128 of their value wide.

const SUB_BITS = 7;
const SUB = 1 << SUB_BITS;
const BUCKETS = (32 - SUB_BITS + 1) << SUB_BITS;

export class Histogram {
  #counts = new Uint32Array(BUCKETS);
  #count = 0;
  #failed = 0;
  #max = 0;

  /** @param us - whole microseconds; what is below 0 counts as 0. */
  record(us) {
    const value = us < 0 ? 0 : us > 0xffffffff ? 0xffffffff : us >>> 0;
    this.#counts[bucketOf(value)]++;
    this.#count++;
    if (value > this.#max) this.#max = value;
  }

  /** A request that has no time because it was not answered: slower than any that was. */
  fail(count = 1) {
    this.#failed += count;
  }

  get count() {
    return this.#count;
  }

  get failed() {
    return this.#failed;
  }

  get maxMs() {
    return this.#failed > 0 ? Infinity : this.#max / 1_000;
  }

  /** Ms within which this share of all requests was answered; infinite where too many were not. */
  percentile(share) {
    const wanted = Math.max(Math.ceil(share * (this.#count + this.#failed)), 1);
    if (wanted > this.#count) return this.#count + this.#failed === 0 ? 0 : Infinity;
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket];
      if (seen >= wanted) return Math.min(endOf(bucket), this.#max) / 1_000;
    }
    return this.#max / 1_000;
  }
}

function bucketOf(value) {
  if (value < 2 * SUB) return value;
  const shift = 31 - Math.clz32(value) - SUB_BITS;
  return (shift << SUB_BITS) + (value >>> shift);
}

/** The largest value of a bucket: no percentile is told better than it is. */
function endOf(bucket) {
  if (bucket < 2 * SUB) return bucket;
  const shift = (bucket >> SUB_BITS) - 1;
  return ((bucket & (SUB - 1)) + SUB + 1) * 2 ** shift - 1;
}
