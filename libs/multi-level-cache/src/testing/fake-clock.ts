/** A clock that stands still until it is told to go on. */
import type { Clock, Timer } from '../core/clock.js';

interface Due {
  readonly at: number;
  readonly task: () => void;
}

/**
 * For tests: time moves by `advance` only, and timers run in the order they fall due.
 *
 * @example
 * const clock = new FakeClock();
 * clock.after(1_000, () => console.log('a second later'));
 * clock.advance(1_000);
 */
export class FakeClock implements Clock {
  #now = 1_000_000;
  readonly #due = new Set<Due>();

  now(): number {
    return this.#now;
  }

  coarse(): number {
    return this.#now;
  }

  after(ms: number, task: () => void): Timer {
    const due: Due = { at: this.#now + ms, task };
    this.#due.add(due);
    return { cancel: () => this.#due.delete(due) };
  }

  turn(): Promise<void> {
    return Promise.resolve();
  }

  /** Lets `ms` pass; timers set by timers run as well if they fall due within. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#due.delete(next);
      this.#now = next.at;
      next.task();
    }
    this.#now = end;
  }

  #next(end: number): Due | undefined {
    let next: Due | undefined;
    for (const due of this.#due) if (due.at <= end && (!next || due.at < next.at)) next = due;
    return next;
  }
}
