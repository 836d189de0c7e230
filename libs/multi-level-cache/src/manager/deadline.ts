/** The budget of a tier: a bound on how long a caller waits for it. One timer serves all calls of a tier. */
import type { Clock } from '../core/clock.js';
import { CacheError } from '../core/errors.js';

interface Waiting {
  readonly at: number;
  readonly reject: (error: CacheError) => void;
  done: boolean;
}

/** All calls share one budget, so they fall due in the order they came: a queue and one timer for its head. */
export class Deadline {
  readonly #queue: Waiting[] = [];
  #head = 0;
  #armed = false;

  constructor(
    readonly clock: Clock,
    readonly ms: number,
    readonly what: string,
  ) {}

  /** Settles as `work`, or rejects with `CACHE_TIER_TIMEOUT`; the late result of `work` is dropped, never unhandled. */
  race<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const waiting: Waiting = { at: this.clock.now() + this.ms, reject, done: false };
      this.#queue.push(waiting);
      if (!this.#armed) this.#arm(this.ms);
      work.then(
        (value) => {
          waiting.done = true;
          resolve(value);
        },
        (error: unknown) => {
          waiting.done = true;
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });
  }

  #expire(): void {
    this.#armed = false;
    const now = this.clock.now();
    while (this.#head < this.#queue.length) {
      const waiting = this.#queue[this.#head];
      if (!waiting.done) {
        if (waiting.at > now) break;
        waiting.reject(
          new CacheError('CACHE_TIER_TIMEOUT', `${this.what} did not answer within ${this.ms} ms`),
        );
      }
      this.#head++;
    }
    this.#queue.splice(0, this.#head);
    this.#head = 0;
    const next = this.#queue[0];
    if (next) this.#arm(Math.max(next.at - now, 1));
  }

  #arm(ms: number): void {
    this.#armed = true;
    this.clock.after(ms, () => this.#expire());
  }
}
