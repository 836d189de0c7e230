/**
 * A load whose loader the cache does not call: its caller looks, loads by itself and hands in the value. The read path's loader
 * turned inside out, so that tickets, lease and commit are the same. Nobody joins it or waits for it.
 */
import type { EntryLife, LifeOptions } from '../core/entry-options.js';
import type { Address } from '../core/key.js';
import type { LoaderContext } from './cache-manager.js';
import type { ReadPath } from './read-path.js';
import { Flight, lateError, type Answer } from './single-flight.js';

/** The right to store one value, taken before it was read. */
export class DeferredLoad {
  constructor(
    readonly context: LoaderContext,
    readonly settle: { resolve(value: unknown): void; reject(reason: unknown): void },
    readonly walk: Promise<Answer>,
  ) {}

  /**
   * Stores the value in every tier whose fence still holds, and in none after `hardTimeout`. The value is frozen in place.
   *
   * @throws CacheError `CACHE_VALUE_UNCACHEABLE`, `CACHE_OPTION_INVALID`; nothing is stored then
   */
  async commit(value: unknown, options?: LifeOptions): Promise<void> {
    try {
      if (options) this.context.setOptions(options);
    } catch (error) {
      this.drop();
      throw error;
    }
    this.settle.resolve(value);
    await this.walk;
  }

  /** There will be no value: the lease goes to whoever asks next. */
  drop(): void {
    this.settle.reject(new Error('the load was dropped'));
  }
}

/** What a tier has, or the right to store what its caller is about to read. */
export async function deferLoad(
  reads: ReadPath,
  address: Address,
  life: EntryLife,
): Promise<Answer | DeferredLoad> {
  const { background, clock, tags } = reads.parts;
  let settle!: DeferredLoad['settle'];
  const value = new Promise<unknown>((resolve, reject) => (settle = { resolve, reject }));
  let arrive!: (context: LoaderContext) => void;
  const arrived = new Promise<LoaderContext>((resolve) => (arrive = resolve));
  const loader = (_key: string, context: LoaderContext): Promise<unknown> => {
    arrive(context);
    return value;
  };
  const until = clock.now() + life.hardTimeout;
  const flight = new Flight(address, loader, life, until, tags.changes, { alone: true });
  const walk = reads.alone(flight);
  // A caller that is never heard of again: its lease is renewed no longer.
  const timer = clock.after(life.hardTimeout, () => {
    const late = lateError(life);
    flight.expire(late);
    settle.reject(late);
  });
  const end = (): void => timer.cancel();
  walk.then(end, end);
  value.then(
    () => background.run(() => walk),
    () => undefined,
  );
  return Promise.race([walk, arrived.then((context) => new DeferredLoad(context, settle, walk))]);
}
