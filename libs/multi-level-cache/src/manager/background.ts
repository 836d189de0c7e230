/** Work nobody waits for: every promise is handled, and closing waits for what is under way. */

export class Background {
  readonly #running = new Set<Promise<void>>();

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
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    const all = async (): Promise<void> => {
      while (this.#running.size > 0) await Promise.all(this.#running);
    };
    await Promise.race([all(), late]);
    clearTimeout(timer);
  }
}
