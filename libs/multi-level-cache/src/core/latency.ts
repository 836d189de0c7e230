/** How long something took lately, as counts between fixed bounds: recording allocates nothing, and a quantile is right to its bound. */

/** Upper bounds, ms. The targets of the tiers, 1, 5 and 50 ms, are among them: an objective needs its edge. */
export const BOUNDS_MS = [
  0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000,
] as const;

/** After so long the older half is forgotten, ms. */
const HALF_MS = 60_000;

/** What was measured within the last one to two minutes. */
export interface LatencyStats {
  readonly samples: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export class Latencies {
  #now = new Float64Array(BOUNDS_MS.length + 1);
  #before = new Float64Array(BOUNDS_MS.length + 1);
  #since = -Infinity;

  /** @param now - on the monotonic clock, ms */
  record(ms: number, now: number): void {
    this.#turn(now);
    this.#now[placeOf(ms)]++;
  }

  /** Share of what took no longer than one of the bounds; `undefined` = nothing was measured. */
  within(boundMs: (typeof BOUNDS_MS)[number], now: number): number | undefined {
    this.#turn(now);
    const [all, good] = [this.#sum(BOUNDS_MS.length), this.#sum(BOUNDS_MS.indexOf(boundMs))];
    return all > 0 ? good / all : undefined;
  }

  stats(now: number): LatencyStats {
    this.#turn(now);
    const samples = this.#sum(BOUNDS_MS.length);
    return { samples, p50Ms: this.#quantile(0.5, samples), p99Ms: this.#quantile(0.99, samples) };
  }

  /** By place among those of its bucket; what is above the last bound counts as that. */
  #quantile(share: number, samples: number): number {
    if (samples === 0) return 0;
    const wanted = share * samples;
    let seen = 0;
    for (const [at, bound] of BOUNDS_MS.entries()) {
      const here = this.#now[at] + this.#before[at];
      if (seen + here >= wanted) {
        const least = at === 0 ? 0 : BOUNDS_MS[at - 1];
        return Math.min(least + ((bound - least) * (wanted - seen)) / here, bound);
      }
      seen += here;
    }
    return BOUNDS_MS[BOUNDS_MS.length - 1];
  }

  #sum(last: number): number {
    let sum = 0;
    for (let at = 0; at <= last; at++) sum += this.#now[at] + this.#before[at];
    return sum;
  }

  #turn(now: number): void {
    const age = now - this.#since;
    if (age < HALF_MS) return;
    [this.#now, this.#before] = [this.#before, this.#now];
    this.#now.fill(0);
    if (age >= 2 * HALF_MS) this.#before.fill(0);
    this.#since = now;
  }
}

function placeOf(ms: number): number {
  let at = 0;
  while (at < BOUNDS_MS.length && ms > BOUNDS_MS[at]) at++;
  return at;
}
