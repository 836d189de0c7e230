/** How long memory is trusted without hearing of other instances: what they changed meanwhile is not known here. */
import type { Clock, Timer } from '../core/clock.js';
import type { TierState } from '../core/tier.js';
import type { MemoryTier } from '../tiers/memory/memory-tier.js';

/** Silent for longer than this although Redis is there: hits are looked up below, which costs a round trip and no load. */
const SILENCE_MS = 3_000;
const SHORTEST_MS = 100;

/**
 * Counted from the last moment up to which everything is known to have been heard, or from boot. While Redis is away nobody
 * can be asked, and memory is worth more than nothing: then it forgets all it has every `partitionTtl`.
 */
export class Trust {
  #state: TierState = 'up';
  #heardAt: number;
  /** Whether anybody tells at all what has been heard: else nothing follows from silence. */
  #told: boolean;
  #timer: Timer | undefined;

  /** @param told - it will be told what has been heard, and is not while nothing is. */
  constructor(
    readonly l1: MemoryTier,
    readonly clock: Clock,
    readonly partitionTtl: number,
    told = false,
  ) {
    this.#told = told;
    this.#heardAt = clock.now();
    this.#watch();
  }

  heard(at: number): void {
    this.#told = true;
    this.#heardAt = Math.max(this.#heardAt, at);
    this.l1.trusted = true;
    if (!this.#timer) this.#watch();
  }

  state(state: TierState): void {
    if (state === this.#state) return;
    // Who tells nothing was heard until now.
    if (!this.#told) this.#heardAt = this.clock.now();
    this.#state = state;
    // Nobody can be asked any more: what silence took away is better than nothing.
    if (state === 'down') this.l1.trusted = true;
    this.#watch();
  }

  close(): void {
    this.#timer?.cancel();
  }

  #watch(): void {
    this.#timer?.cancel();
    const due = this.#due();
    this.#timer =
      due === Infinity
        ? undefined
        : this.clock.after(Math.max(due - this.clock.now(), 0), () => this.#check());
  }

  #due(): number {
    if (this.#state === 'down') return this.#heardAt + Math.max(this.partitionTtl, SHORTEST_MS);
    return this.#told && this.l1.trusted ? this.#heardAt + SILENCE_MS : Infinity;
  }

  #check(): void {
    const now = this.clock.now();
    // Timers may come early by a fraction.
    if (this.#due() - now < 1) {
      if (this.#state === 'down') {
        this.l1.flush();
        this.#heardAt = now;
      } else this.l1.trusted = false;
    }
    this.#watch();
  }
}
