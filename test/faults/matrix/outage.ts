/** Writes all the time, and says for how long none was taken. */
import type { CacheManager } from '../../../libs/multi-level-cache/src/manager/cache-manager.js';

const PAUSE_MS = 10;

export class Outage {
  /** Longest time between two invalidations that Redis has taken, ms. */
  longest = 0;
  #last = performance.now();
  #running = true;
  readonly #loop: Promise<void>;

  /** Starts at once; each of these keys has to be taken. */
  constructor(
    readonly cache: CacheManager,
    readonly keys: readonly string[] = ['probe'],
  ) {
    this.#loop = this.#write();
  }

  /** Resolves when an invalidation that began after this moment has been taken. */
  async over(): Promise<void> {
    const asked = performance.now();
    while (this.#running && this.#last <= asked)
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#loop;
  }

  async #write(): Promise<void> {
    while (this.#running) {
      const began = performance.now();
      const { l2 } = await this.cache.deleteMany(this.keys);
      if (l2 === 'ok') {
        this.longest = Math.max(this.longest, performance.now() - this.#last);
        this.#last = began;
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
