/** Lets as many statements run as there are connections; the others wait in a line that has an end. */
import { CacheError } from '../../core/errors.js';

/** Reads and fills that may wait: each is a batch, so this is thousands of keys. */
const MAX_WAITING = 64;
const MAX_URGENT = 1_000;

export class Turnstile {
  readonly #urgent: (() => void)[] = [];
  readonly #patient: (() => void)[] = [];
  #inside = 0;

  constructor(readonly places: number) {}

  /**
   * Resolves with the way out when there is a place.
   *
   * @throws CacheError `CACHE_TIER_UNAVAILABLE` where the line is full: waiting longer would help nobody.
   */
  async enter(urgent: boolean): Promise<() => void> {
    if (this.#inside < this.places) this.#inside++;
    else {
      const line = urgent ? this.#urgent : this.#patient;
      if (line.length >= (urgent ? MAX_URGENT : MAX_WAITING))
        throw new CacheError('CACHE_TIER_UNAVAILABLE', 'too many statements wait for PostgreSQL');
      await new Promise<void>((resolve) => line.push(resolve));
    }
    return () => this.#leave();
  }

  #leave(): void {
    const next = this.#urgent.shift() ?? this.#patient.shift();
    // The place is handed over, never free in between.
    if (next) next();
    else this.#inside--;
  }
}
