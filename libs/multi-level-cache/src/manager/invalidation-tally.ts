/** How much was removed or made stale, and who asked for it. */
import type { CacheEvents } from '../core/events.js';

type Invalidation = CacheEvents['invalidate'];

/** Keys and tags, by whether this instance or another one was asked. */
export type InvalidationStats = Readonly<
  Record<Invalidation['kind'], Readonly<Record<Invalidation['origin'], number>>>
>;

export class InvalidationTally {
  readonly #counts = { key: { local: 0, backplane: 0 }, tag: { local: 0, backplane: 0 } };

  add({ kind, origin, count }: Invalidation): void {
    this.#counts[kind][origin] += count;
  }

  get stats(): InvalidationStats {
    const { key, tag } = this.#counts;
    return { key: { ...key }, tag: { ...tag } };
  }
}
