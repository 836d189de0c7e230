/** The budget of a tier: a bound on how long a caller waits for it. One timer serves all calls of a tier. */
import type { Clock } from './clock.js';
import { CacheError } from './errors.js';
import { Line, Place } from './line.js';
import type { Asker } from './tier.js';

/** Who waits for work within a budget; one of the two ends is heard, once. */
export abstract class Waiter<T> extends Place implements Asker<T> {
  /** When it falls due: the deadline's own, as is which one it is. */
  at = 0;
  within: Deadline | undefined = undefined;

  /** The work has come to its end; where nobody waits any more, to no effect. */
  answered(value: T): void {
    if (this.within?.ended(this)) this.hear(value);
  }

  failed(error: unknown): void {
    if (this.within?.ended(this))
      this.miss(error instanceof Error ? error : new Error(String(error)));
  }

  abstract hear(value: T): void;
  /** It failed, or was late. */
  abstract miss(error: Error): void;
}

/** Ends by two functions. */
export class Racing<T> extends Waiter<T> {
  constructor(
    readonly hear: (value: T) => void,
    readonly miss: (error: Error) => void,
  ) {
    super();
  }
}

/** A timer that runs so much too late means that the process stood still, ms. */
export const STALL_MS = 50;
/** One that runs later than this, that it was busy, ms: timers run before sockets are read, and the replies may be there. */
const BUSY_MS = 2;

/**
 * All calls share one budget, so they fall due in the order they came: a line and one timer for its head. What has ended leaves
 * it at once.
 */
export class Deadline {
  readonly #waiting = new Line<Waiter<never>>();
  /** When the timer is to run; 0 = there is none. */
  #due = 0;
  #postponed = false;
  /** How late timers are lately, and no more than the budget. */
  #lag = 0;
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
    return new Promise<T>((resolve, reject) => this.settle(work, new Racing<T>(resolve, reject)));
  }

  /** The same without a promise of its own. */
  settle<T>(work: Promise<T>, waiter: Waiter<T>): void {
    this.wait(waiter);
    work.then(
      (value) => waiter.answered(value),
      (error: unknown) => waiter.failed(error),
    );
  }

  /** From now on; `waiter` is told by whoever has the answer. */
  wait(waiter: Waiter<never>): void {
    waiter.within = this;
    this.#pending++;
    // Up to a millisecond early, for a fraction of what the exact time costs each call.
    waiter.at = this.clock.coarse() + this.ms;
    this.#waiting.enter(waiter);
    if (this.#due === 0) this.#arm(this.ms);
  }

  /** For the waiter: its work has ended; whether it was still waited for. */
  ended(waiting: Waiter<never>): boolean {
    waiting.within = undefined;
    this.#pending--;
    return this.#waiting.leave(waiting);
  }

  #expire(): void {
    const now = this.clock.now();
    const late = now - this.#due;
    this.#due = 0;
    this.#lag = Math.min(Math.max(late, this.#lag / 2), this.ms);
    const busy = late > BUSY_MS && !this.#postponed;
    this.#postponed = busy;
    if (busy) {
      if (late > STALL_MS) this.#excuse(late, now);
      // The process itself was late: replies that have come meanwhile are heard first.
      return this.#arm(1);
    }
    const since = now - this.#patience;
    const line = this.#waiting;
    for (let first = line.first; first && first.at <= since; first = line.first) {
      line.leave(first);
      first.miss(
        new CacheError('CACHE_TIER_TIMEOUT', `${this.what} did not answer within ${this.ms} ms`),
      );
    }
    if (line.first) this.#arm(Math.max(line.first.at - since, 1));
  }

  /**
   * The time in which the process stood still is nobody's: what was asked before may not even have been sent. No more than a
   * whole budget from now, so that a caller's wait has its bound.
   */
  #excuse(late: number, now: number): void {
    for (let waiting = this.#waiting.first; waiting; waiting = waiting.after)
      waiting.at = Math.min(waiting.at + late, now + this.ms);
  }

  /**
   * What a process that is short of time adds to the budget: a question waits for its turn to be sent, and a reply to be heard. Else it
   * would call a store slow that is not, leave it alone, and have the more to do.
   */
  get #patience(): number {
    return this.#lag > BUSY_MS ? 2 * this.#lag : 0;
  }

  #arm(ms: number): void {
    this.#due = this.clock.now() + ms;
    this.clock.after(ms, () => this.#expire());
  }
}
