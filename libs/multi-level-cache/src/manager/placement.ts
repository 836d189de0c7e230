/** The default placement: L3 is for what is dear to load and lives for a while, and is asked where that pays. */
import type { Clock } from '../core/clock.js';
import type { PlacedEntry, Placement, Skip } from '../core/placement.js';
import { Earning } from './earning.js';

/** What is fresh for less is over before a lower tier could be of use to anybody, ms. */
const SHORT_L3_MS = 5_000;
const SHORT_PROMOTION_MS = 1_000;
/** What is larger is brought into Redis when it is used again, bytes. */
const LARGE_BYTES = 32 * 1_024;
/** One read in so many goes on where L3 is passed over, or nobody would notice that it has become useful. */
const EXPLORE = 1 / 32;
/** After such a read none goes on for so long: where misses are many, a share of them is more than has to be known, ms. */
const PAUSE_MS = 20;

export class DefaultPlacement implements Placement {
  readonly #earnings = new Map<string, Earning>();

  constructor(
    /** Whether there is an L2: without one L3 is all that instances share. */
    readonly hasL2: boolean,
    readonly clock: Clock,
  ) {}

  skipsRead(cache: string): Skip | undefined {
    const earning = this.#earnings.get(cache);
    if (!earning || earning.pays) return undefined;
    const pauses = this.clock.coarse() - earning.lookedAt < PAUSE_MS;
    return { reason: 'seldom hit', explore: pauses ? 0 : EXPLORE };
  }

  skipsFill(tier: 'l2' | 'l3', { cache, ttl }: PlacedEntry): Skip | undefined {
    if (tier === 'l2' || !this.hasL2) return undefined;
    if (ttl < SHORT_L3_MS) return { reason: 'short-lived' };
    return this.#earnings.get(cache)?.couldPay === false ? { reason: 'cheap to load' } : undefined;
  }

  skipsPromotion({ bytes, ttl, uses }: PlacedEntry): Skip | undefined {
    if (ttl < SHORT_PROMOTION_MS) return { reason: 'ends soon' };
    return bytes > LARGE_BYTES && uses < 2 ? { reason: 'large, used once' } : undefined;
  }

  looked(cache: string, hit: boolean, ms: number): void {
    this.#of(cache).looked(hit, ms, this.clock.coarse());
  }

  loaded(cache: string, ms: number): void {
    this.#of(cache).loaded(ms);
  }

  #of(cache: string): Earning {
    let earning = this.#earnings.get(cache);
    if (!earning) this.#earnings.set(cache, (earning = new Earning()));
    return earning;
  }
}
