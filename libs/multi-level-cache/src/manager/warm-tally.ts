/** What warming and requests have come to, in numbers. */
import type { WarmReport } from '../warming/warmer.js';

/** What warming has done in this process. */
export interface WarmingStats {
  readonly planned: number;
  readonly loaded: number;
  readonly alreadyFresh: number;
  readonly failed: number;
  readonly overBudget: number;
  /** Loads whose value was asked for when the old one would have been gone, and those whose value was not. */
  readonly used: number;
  readonly wasted: number;
  /** Whether this process plans for all. */
  readonly leads: boolean;
  /** Which share of the budget it spends now, 0 … 1. */
  readonly budget: number;
  /** What holds it back. */
  readonly heldBackBy: readonly string[];
}

type Counts = Omit<WarmReport, 'entries'>;

export class WarmTally {
  counts: Counts = { planned: 0, loaded: 0, alreadyFresh: 0, failed: 0, overBudget: 0 };
  #requests = 0;
  #misses = 0;
  #loads = 0;
  #errors = 0;

  hit(hits: number): void {
    this.#requests += hits;
  }

  /** Of a key that was not in memory. */
  asked(loaded: boolean): void {
    this.#requests++;
    if (loaded) this.#misses++;
  }

  warmed({ alreadyFresh, failed, loaded, overBudget, planned }: WarmReport): void {
    const { counts } = this;
    this.#loads += loaded + failed;
    this.#errors += failed;
    this.counts = {
      planned: counts.planned + planned,
      loaded: counts.loaded + loaded,
      alreadyFresh: counts.alreadyFresh + alreadyFresh,
      failed: counts.failed + failed,
      overBudget: counts.overBudget + overBudget,
    };
  }

  /** Since this was last asked. */
  take(): { loads: number; errors: number; requests: number; misses: number } {
    const taken = {
      loads: this.#loads,
      errors: this.#errors,
      requests: this.#requests,
      misses: this.#misses,
    };
    this.#loads = this.#errors = this.#requests = this.#misses = 0;
    return taken;
  }
}
