/** How many loads each cache has run, how they ended, and how many callers shared one. */
import type { Clock } from '../core/clock.js';
import { Latencies, type LatencyStats } from '../core/latency.js';

/** Loads of one cache since the start; how long they took, of late. */
export interface LoadStats extends Pick<LatencyStats, 'p50Ms' | 'p99Ms'> {
  readonly count: number;
  readonly failed: number;
}

export class LoadTally {
  count = 0;
  failed = 0;
  /** Callers that waited for a load that was under way. */
  coalesced = 0;
  readonly #latencies = new Latencies();

  ended(ms: number, now: number, failed: boolean): void {
    this.count++;
    if (failed) this.failed++;
    this.#latencies.record(ms, now);
  }

  stats(now: number): LoadStats {
    const { p50Ms, p99Ms } = this.#latencies.stats(now);
    return { count: this.count, failed: this.failed, p50Ms, p99Ms };
  }
}

export class LoadTallies {
  /** Loaders that run now. */
  active = 0;
  readonly #byCache = new Map<string, LoadTally>();

  constructor(readonly clock: Clock) {}

  of(cache: string): LoadTally {
    let tally = this.#byCache.get(cache);
    if (!tally) this.#byCache.set(cache, (tally = new LoadTally()));
    return tally;
  }

  ended(cache: string, ms: number, failed: boolean): void {
    this.of(cache).ended(ms, this.clock.now(), failed);
  }
}
