/** Work nobody waits for: every promise is handled, and closing waits for what is under way. */
import type { Clock, Timer } from '../core/clock.js';

export class Background {
  /** How much runs that was begun before `settle` was called first, before it was called next, and so on: counted, not kept. */
  readonly #running = [0];
  /** To be woken when one of these has come to nothing. */
  readonly #waiting: (() => void)[] = [];

  constructor(readonly clock: Clock) {}

  /** Runs `work` detached; its failure is the tier's trouble, seen in its state, and reaches no caller. */
  run(work: () => Promise<unknown>): void {
    const era = this.#running.length - 1;
    this.#running[era]++;
    const end = (): void => {
      if (--this.#running[era] > 0) return;
      for (const wake of this.#waiting.splice(0)) wake();
    };
    work().then(end, end);
  }

  get size(): number {
    return this.#begunBefore(this.#running.length);
  }

  /** Resolves when all work under way has ended, and what it began, or after `ms`. */
  drain(ms: number): Promise<void> {
    return this.#within(
      ms,
      this.#until(() => this.size === 0),
    );
  }

  /** The same for what is under way now: under load there is always something. */
  settle(ms: number): Promise<void> {
    const now = this.#running.push(0) - 1;
    return this.#within(
      ms,
      this.#until(() => this.#begunBefore(now) === 0),
    );
  }

  #begunBefore(era: number): number {
    return this.#running.slice(0, era).reduce((sum, running) => sum + running, 0);
  }

  async #until(isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      await new Promise<void>((wake) => this.#waiting.push(wake));
      // Who waited for what has ended goes on first, and may begin something.
      await this.clock.turn();
    }
  }

  async #within(ms: number, work: Promise<void>): Promise<void> {
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      timer = this.clock.after(ms, resolve);
    });
    await Promise.race([work, late]);
    timer?.cancel();
  }
}
