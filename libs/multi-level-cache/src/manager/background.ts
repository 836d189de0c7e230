/** Work nobody waits for: every promise is handled, and closing waits for what is under way. */
import type { Clock, Timer } from '../core/clock.js';

export class Background {
  readonly #running = new Set<Promise<void>>();

  constructor(readonly clock: Clock) {}

  /** Runs `work` detached; its failure is the tier's trouble, seen in its state, and reaches no caller. */
  run(work: () => Promise<unknown>): void {
    const task = work().then(
      () => undefined,
      () => undefined,
    );
    this.#running.add(task);
    void task.then(() => this.#running.delete(task));
  }

  get size(): number {
    return this.#running.size;
  }

  /** Resolves when all work under way has ended, and what it began, or after `ms`. */
  drain(ms: number): Promise<void> {
    const all = async (): Promise<void> => {
      while (this.#running.size > 0) await Promise.all(this.#running);
    };
    return this.#within(ms, all());
  }

  /** The same for what is under way now: under load there is always something. */
  settle(ms: number): Promise<void> {
    return this.#within(ms, Promise.all(this.#running));
  }

  async #within(ms: number, work: Promise<unknown>): Promise<void> {
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      timer = this.clock.after(ms, resolve);
    });
    await Promise.race([work, late]);
    timer?.cancel();
  }
}
