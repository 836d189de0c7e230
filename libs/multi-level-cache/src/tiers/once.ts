/** Work that nobody waits for, one at a time for each name and a bounded number of names; what fails is left. */

const MOST = 64;

export class Once {
  readonly #running = new Set<string>();

  run(name: string, work: () => Promise<unknown>): void {
    if (this.#running.size >= MOST || this.#running.has(name)) return;
    this.#running.add(name);
    const end = (): boolean => this.#running.delete(name);
    void work().then(end, end);
  }
}
