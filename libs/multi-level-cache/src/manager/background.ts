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

  /** Resolves when all work under way has ended, or after `ms`. */
  async drain(ms: number): Promise<void> {
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      timer = this.clock.after(ms, resolve);
    });
    const all = async (): Promise<void> => {
      while (this.#running.size > 0) await Promise.all(this.#running);
    };
    await Promise.race([all(), late]);
    timer?.cancel();
  }
}
