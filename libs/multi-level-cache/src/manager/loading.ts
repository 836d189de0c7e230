/** The loaders that run: how many at most, and which are left alone for a while because they failed. */
import { isStrong } from '../core/entry-options.js';
import { FailedLoads } from './failed-loads.js';
import { runLoader, type Loaded } from './load.js';
import type { Parts } from './parts.js';
import { shedError, type Flight } from './single-flight.js';

/** Loaders that may run at a time; more would only wait for an origin that is in trouble already. */
const MOST_LOADS = 10_000;

export class Loading {
  readonly #failed: FailedLoads;
  /** Loaders that run and are waited for. */
  #running = 0;

  constructor(readonly parts: Parts) {
    this.#failed = new FailedLoads(parts.clock, parts.random);
  }

  /** Whether the loader of this flight rests where something can stand in. */
  rests({ address, kind, life }: Flight): boolean {
    return !kind.force && !kind.alone && !isStrong(life) && this.#failed.rests(address);
  }

  /**
   * Runs the loader of a flight; its error is thrown as it was.
   *
   * @throws CacheError `CACHE_LOAD_SHED`
   */
  async run(flight: Flight): Promise<Loaded> {
    const { address } = flight;
    const end = this.#begin(flight);
    try {
      const loaded = await runLoader(flight, this.parts);
      this.#failed.loaded(address);
      return loaded;
    } catch (error) {
      // Nobody waits for it any more: that is no failure, or one that has been noted.
      if (!flight.signal.aborted) this.failed(flight);
      throw error;
    } finally {
      end();
    }
  }

  /** It failed, or is late for good; without anything to stand in it is tried again each time. */
  failed({ address, kind, stale }: Flight): void {
    if (stale && !kind.alone) this.#failed.failed(address);
  }

  /** The call of many keys and the load outside of the cache cost no loader here. */
  #begin(flight: Flight): () => void {
    if (flight.kind.bulk || flight.kind.alone) return () => undefined;
    if (this.#running >= MOST_LOADS) throw shedError(MOST_LOADS);
    this.#running++;
    let ended = false;
    const end = (): void => {
      if (!ended) this.#running--;
      ended = true;
    };
    // A loader that never ends is not waited for either.
    flight.onExpire(end);
    return end;
  }
}
