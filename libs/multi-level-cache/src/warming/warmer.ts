/** Brings keys into memory before they are asked for: from the lower tiers many at once, the rest by their loaders, a few at a time. */
import type { KeyRef } from './hot-keys.js';

/** What became of one key. */
export type WarmOutcome = 'loaded' | 'alreadyFresh' | 'failed' | 'overBudget';

/** What `warm` did. */
export interface WarmReport {
  readonly planned: number;
  readonly loaded: number;
  readonly alreadyFresh: number;
  readonly failed: number;
  readonly overBudget: number;
  readonly entries: readonly { readonly key: string; readonly outcome: WarmOutcome }[];
}

/** What the warmer works with. */
export interface WarmTarget {
  /** Which of them are fresh in some tier; what a lower one has is in memory afterwards. */
  fresh(refs: readonly KeyRef[]): Promise<readonly boolean[]>;
  /** Loads and stores one key; `false` = nobody can, or the load failed. */
  load(ref: KeyRef): Promise<boolean>;
}

/** Loads under way at a time: warming never crowds out the requests it is for. */
const AT_A_TIME = 4;

export class Warmer {
  constructor(readonly target: WarmTarget) {}

  /** Warms keys in this order; at most `budget` loaders run. */
  async warm(refs: readonly KeyRef[], budget: number): Promise<WarmReport> {
    const fresh = await this.target.fresh(refs);
    const outcomes = fresh.map((is): WarmOutcome => (is ? 'alreadyFresh' : 'overBudget'));
    const missing = refs.flatMap((_ref, at) => (fresh[at] ? [] : [at])).slice(0, budget);
    const next = missing[Symbol.iterator]();
    const worker = async (): Promise<void> => {
      for (const at of next) {
        const loaded = await this.target.load(refs[at]).catch(() => false);
        outcomes[at] = loaded ? 'loaded' : 'failed';
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, worker));
    const count = (wanted: WarmOutcome): number =>
      outcomes.filter((outcome) => outcome === wanted).length;
    return {
      planned: refs.length,
      loaded: count('loaded'),
      alreadyFresh: count('alreadyFresh'),
      failed: count('failed'),
      overBudget: count('overBudget'),
      entries: refs.map(({ key }, at) => ({ key, outcome: outcomes[at] })),
    };
  }
}
