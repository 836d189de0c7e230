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
  #listening: Timer | undefined;
  #deaf = false;

  /** @param told - it will be told what has been heard, and is not while nothing is. */
  constructor(
    readonly l1: MemoryTier,
    readonly clock: Clock,
    readonly partitionTtl: number,
    told = false,
    /** Others are not heard although the tier that tells of them is there, or are again. */
    readonly onDeaf: (deaf: boolean) => void = () => undefined,
  ) {
    this.#told = told;
    this.#heardAt = clock.now();
    this.#watch();
  }

  heard(at: number): void {
    this.#told = true;
    this.#heardAt = Math.max(this.#heardAt, at);
    this.#watch();
    this.#listen();
  }

  state(state: TierState): void {
    if (state === this.#state) return;
    // Who tells nothing was heard until now.
    if (!this.#told) this.#heardAt = this.clock.now();
    this.#state = state;
    this.#watch();
  }

  close(): void {
    this.#timer?.cancel();
    this.#listening?.cancel();
  }

  /** For those who look on: nothing depends on it. */
  #listen(): void {
    const silentFor = this.clock.now() - this.#heardAt;
    const deaf = this.#state !== 'down' && silentFor >= SILENCE_MS;
    if (deaf !== this.#deaf) this.onDeaf((this.#deaf = deaf));
    this.#listening ??= this.clock.after(Math.max(SILENCE_MS - silentFor, SHORTEST_MS), () => {
      this.#listening = undefined;
      if (!this.#deaf && this.#state !== 'down') this.#listen();
    });
  }

  /** By the clock of each hit, not by a timer: a process that stood still would answer before its timers run. */
  #watch(): void {
    this.l1.trustedUntil = this.#until();
    if (this.#state !== 'down') {
      this.#timer?.cancel();
      this.#timer = undefined;
    } else this.#timer ??= this.clock.after(this.#left(), () => this.#forget());
  }

  #until(): number {
    // Nobody can be asked any more: what silence took away is better than nothing.
    if (this.#state === 'down') return this.#heardAt + Math.max(this.partitionTtl, SHORTEST_MS);
    return this.#told ? this.#heardAt + SILENCE_MS : Infinity;
  }

  #left(): number {
    return Math.max(this.l1.trustedUntil - this.clock.now(), 0);
  }

  #forget(): void {
    this.#timer = undefined;
    // Timers may come early by a fraction, and more may have been heard.
    if (this.#left() < 1) {
      this.l1.flush();
      this.#heardAt = this.clock.now();
    }
    this.#watch();
  }
}
