/** Brings keys into memory before they are asked for: from the lower tiers many at once, the rest by loaders, few at a time. */
import type { KeyRef } from './key-ref.js';

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
  /** Loads and stores one key, `renew` = although it is fresh; `false` = nobody can, or the load failed. */
  load(ref: KeyRef, renew: boolean): Promise<boolean>;
}

export interface WarmWork {
  readonly ref: KeyRef;
  /** It is fresh, and is to be loaded all the same. */
  readonly renew?: boolean;
}

export interface WarmLimits {
  /** Loads. */
  readonly budget: number;
  /** Loads under way at a time: warming never crowds out the requests it is for. */
  readonly atATime: number;
}

export class Warmer {
  constructor(readonly target: WarmTarget) {}

  /** Warms keys in this order. */
  async warm(work: readonly WarmWork[], { atATime, budget }: WarmLimits): Promise<WarmReport> {
    const asked = work.filter(({ renew }) => !renew).map(({ ref }) => ref);
    const answers = asked.length > 0 ? await this.target.fresh(asked) : [];
    const fresh = new Set(asked.filter((_ref, at) => answers[at]));
    const outcomes = work.map(({ ref }): WarmOutcome =>
      fresh.has(ref) ? 'alreadyFresh' : 'overBudget',
    );
    const missing = work.flatMap(({ ref }, at) => (fresh.has(ref) ? [] : [at])).slice(0, budget);
    const next = missing[Symbol.iterator]();
    const worker = async (): Promise<void> => {
      for (const at of next) {
        const { ref, renew = false } = work[at];
        const loaded = await this.target.load(ref, renew).catch(() => false);
        outcomes[at] = loaded ? 'loaded' : 'failed';
      }
    };
    await Promise.all(Array.from({ length: atATime }, worker));
    return reportOf(work.map(({ ref: { key } }, at) => ({ key, outcome: outcomes[at] })));
  }
}

function reportOf(entries: WarmReport['entries']): WarmReport {
  const count = (wanted: WarmOutcome): number =>
    entries.filter(({ outcome }) => outcome === wanted).length;
  return {
    planned: entries.length,
    loaded: count('loaded'),
    alreadyFresh: count('alreadyFresh'),
    failed: count('failed'),
    overBudget: count('overBudget'),
    entries,
  };
}
