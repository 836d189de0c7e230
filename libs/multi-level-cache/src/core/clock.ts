/** Time and chance as the library sees them: monotonic milliseconds, timers, jitter; all replaceable in tests. */

/** A handle that ends a timer. */
export interface Timer {
  cancel(): void;
}

/** Where every time decision comes from; no wall clock takes part in one. */
export interface Clock {
  /** Monotonic milliseconds, exact. */
  now(): number;
  /** Monotonic milliseconds that may lag by about a millisecond; cheap enough for an L1 hit. */
  coarse(): number;
  /** Runs `task` once after `ms`; never keeps the process alive. */
  after(ms: number, task: () => void): Timer;
  /** Lets everything that waits have its turn. Somebody waits for it: it keeps the process alive. */
  turn(): Promise<void>;
}

/** 0 ≤ n < 1: for jitter, and for nothing that has to be secret. */
export const chance = (): number => Math.random();

/** Milliseconds since 1970, for records that people read; no decision about an entry is made by it. */
export const wallTime = (): number => Date.now();

/** Reads of the coarse clock between two real ones: bounds the lag of a loop that never yields to timers. */
const COARSE_READS = 512;

/** The clock of a running process. */
export class SystemClock implements Clock {
  /** Never only numbers, or V8 keeps it unboxed, and every read makes a number of its own on the heap. */
  #cached: number | undefined;
  #reads = 0;
  readonly #forget = (): void => {
    this.#cached = undefined;
  };

  now(): number {
    return performance.now();
  }

  coarse(): number {
    if (this.#cached !== undefined && --this.#reads > 0) return this.#cached;
    // The timer runs only while somebody reads, so an idle process is never woken.
    if (this.#cached === undefined) setTimeout(this.#forget, 1).unref();
    this.#reads = COARSE_READS;
    return (this.#cached = performance.now());
  }

  after(ms: number, task: () => void): Timer {
    const handle = setTimeout(task, ms).unref();
    return { cancel: () => clearTimeout(handle) };
  }

  turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}
