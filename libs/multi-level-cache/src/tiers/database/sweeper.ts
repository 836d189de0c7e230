/** Removes dead rows in small batches, beside the traffic and beside other processes' sweepers. */
import type { Clock, Timer } from '../../core/clock.js';

const EVERY_MS = 30_000;
const BATCH = 500;
const BATCHES_A_ROUND = 20;

export class Sweeper {
  #timer: Timer | undefined;
  #closed = false;

  constructor(
    readonly clock: Clock,
    /** Deletes up to that many rows; says how many it deleted. */
    readonly sweep: (limit: number) => Promise<number>,
  ) {}

  start(): void {
    if (this.#closed) return;
    // Jitter, so that instances that booted together do not sweep together.
    this.#timer = this.clock.after(EVERY_MS * (0.75 + Math.random() / 2), () => {
      void this.round().finally(() => this.start());
    });
  }

  /** Until nothing dead is left, or the next round is to go on; trouble with the store ends the round. */
  async round(): Promise<void> {
    try {
      for (let batch = 0; batch < BATCHES_A_ROUND && !this.#closed; batch++) {
        if ((await this.sweep(BATCH)) < BATCH) return;
      }
    } catch {
      // Dead rows are never served; the next round finds them again.
    }
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }
}
