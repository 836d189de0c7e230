/** The budget of a tier: a bound on how long a caller waits for it. One timer serves all calls of a tier. */
import type { Clock } from './clock.js';
import { CacheError } from './errors.js';

interface Waiting {
  readonly at: number;
  readonly failed: (error: Error) => void;
  done: boolean;
}

/** A timer that runs so much too late, or a whole budget, means that the process stood still, ms. */
export const STALL_MS = 50;
/** Ended calls at the head of the queue that are let go together. */
const TRIM_AT = 256;

/** All calls share one budget, so they fall due in the order they came: a queue and one timer for its head. */
export class Deadline {
  readonly #queue: Waiting[] = [];
  #head = 0;
  /** When the timer is to run; 0 = there is none. */
  #due = 0;
  #postponed = false;
  #pending = 0;

  constructor(
    readonly clock: Clock,
    readonly ms: number,
    readonly what: string,
  ) {}

  /** Work that has not settled, also where nobody waits for it any more. */
  get pending(): number {
    return this.#pending;
  }

  /** Settles as `work`, or rejects with `CACHE_TIER_TIMEOUT`; the late result of `work` is dropped, never unhandled. */
  race<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => this.settle(work, resolve, reject));
  }

  /** The same without a promise of its own: one of the two is called, once. */
  settle<T>(work: Promise<T>, answered: (value: T) => void, failed: (error: Error) => void): void {
    const waiting: Waiting = { at: this.clock.now() + this.ms, failed, done: false };
    this.#pending++;
    this.#trim();
    this.#queue.push(waiting);
    if (this.#due === 0) this.#arm(this.ms);
    work.then(
      (value) => {
        this.#pending--;
        if (waiting.done) return;
        waiting.done = true;
        answered(value);
      },
      (error: unknown) => {
        this.#pending--;
        if (waiting.done) return;
        waiting.done = true;
        failed(error instanceof Error ? error : new Error(String(error)));
      },
    );
  }

  /** Most work ends in order and long before it is due: what has ended is not held until then. */
  #trim(): void {
    while (this.#queue[this.#head]?.done) this.#head++;
    if (this.#head < TRIM_AT) return;
    this.#queue.splice(0, this.#head);
    this.#head = 0;
  }

  #expire(): void {
    const now = this.clock.now();
    const stalled = now - this.#due > Math.min(this.ms, STALL_MS) && !this.#postponed;
    this.#postponed = stalled;
    this.#due = 0;
    // The process itself was late: replies that have come meanwhile are heard first.
    if (stalled) return this.#arm(1);
    for (let waiting = this.#queue[this.#head]; waiting; waiting = this.#queue[++this.#head]) {
      if (waiting.done) continue;
      if (waiting.at > now) break;
      waiting.done = true;
      waiting.failed(
        new CacheError('CACHE_TIER_TIMEOUT', `${this.what} did not answer within ${this.ms} ms`),
      );
    }
    this.#queue.splice(0, this.#head);
    this.#head = 0;
    const next = this.#queue[0];
    if (next) this.#arm(Math.max(next.at - now, 1));
  }

  #arm(ms: number): void {
    this.#due = this.clock.now() + ms;
    this.clock.after(ms, () => this.#expire());
  }
}
