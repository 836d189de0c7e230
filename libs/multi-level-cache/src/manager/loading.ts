/** The loaders that run: how many at most, and which are left alone for a while because they failed. */
import { isStrong } from '../core/entry-options.js';
import { FailedLoads } from './failed-loads.js';
import { runLoader, type Loaded } from './load.js';
import type { Parts } from './parts.js';
import { shedError, type Flight } from './single-flight.js';

/** Loaders that may run at a time. */
const MOST = 100_000;
/** The same while one of them has been running for so long, ms: more would only wait for an origin that is in trouble already. */
const MOST_BEHIND_SLOW = 10_000;
const SLOW_MS = 1_000;

interface Running {
  readonly since: number;
}

export class Loading {
  readonly #failed: FailedLoads;
  /** Loaders that run and are waited for, the oldest first. */
  readonly #running = new Set<Running>();

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
      if (!flight.signal.aborted) this.#note(flight, false);
      throw error;
    } finally {
      end();
    }
  }

  /** It has not answered in time. */
  late(flight: Flight): void {
    this.#note(flight, true);
  }

  /** Without anything to stand in it is tried again each time. */
  #note({ address, kind, stale }: Flight, late: boolean): void {
    if (stale && !kind.alone) this.#failed.failed(address, late);
  }

  /** The call of many keys and the load outside of the cache cost no loader here. */
  #begin(flight: Flight): () => void {
    if (flight.kind.bulk || flight.kind.alone) return () => undefined;
    const { size } = this.#running;
    const now = this.parts.clock.now();
    const [oldest] = this.#running;
    if (size >= MOST || (size >= MOST_BEHIND_SLOW && now - oldest.since >= SLOW_MS))
      throw shedError(size);
    const running = { since: now };
    this.#running.add(running);
    const end = (): void => void this.#running.delete(running);
    // A loader that never ends is not waited for either.
    flight.onExpire(end);
    return end;
  }
}
