/** Removes dead rows, and living ones where there are too many, in small batches beside the traffic and other sweepers. */
import { chance, type Clock, type Timer } from '../../core/clock.js';

const EVERY_MS = 30_000;
/** Few enough that no writer waits for long for a row that is going. */
const BATCH = 250;
const BATCHES_A_ROUND = 40;
/** Rows written after which a round begins: removing goes twice as fast as writing. */
const WRITES_A_ROUND = (BATCH * BATCHES_A_ROUND) / 2;
/** Below the cap by this much, so that not every write evicts. */
const ROOM = 0.95;

/** What one sweep did and what it found. */
export interface Sweeping {
  /** Deletes up to that many dead rows; says how many. */
  dead(limit: number): Promise<number>;
  /** Keeps each tenant within its quota. */
  quotas?(): Promise<void>;
  /** Rough bytes of all rows. */
  measure(): Promise<number>;
  /** Deletes up to that many living rows, the soonest to die first; says how many bytes went, or 0 if none could go. */
  evict(limit: number): Promise<number>;
}

export class Sweeper {
  #timer: Timer | undefined;
  #written = 0;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(
    readonly clock: Clock,
    readonly work: Sweeping,
    readonly maxSize: number,
    readonly random: () => number = chance,
  ) {}

  start(): void {
    if (this.#closed) return;
    // Jitter, so that instances that booted together do not sweep together.
    this.#timer = this.clock.after(EVERY_MS * (0.75 + this.random() / 2), () => {
      void this.round().finally(() => this.start());
    });
  }

  /** Rows were written. */
  wrote(rows: number): void {
    this.#written += rows;
    if (this.#written < WRITES_A_ROUND) return;
    this.#written = 0;
    void this.round();
  }

  /** Until nothing is left to do, or the next round is to go on; trouble with the store ends the round. */
  round(): Promise<void> {
    return (this.#running ??= this.#round().finally(() => {
      this.#running = undefined;
    }));
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  async #round(): Promise<void> {
    try {
      let batches = 0;
      const more = (): boolean => ++batches <= BATCHES_A_ROUND && !this.#closed;
      while (more() && (await this.work.dead(BATCH)) === BATCH);
      await this.work.quotas?.();
      let over = (await this.work.measure()) - this.maxSize;
      if (over <= 0) return;
      over += this.maxSize * (1 - ROOM);
      while (over > 0 && more()) {
        const freed = await this.work.evict(BATCH);
        if (freed === 0) return;
        over -= freed;
      }
    } catch {
      // Dead rows are never served; the next round finds them again.
    }
  }
}
