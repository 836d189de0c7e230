/** Which keys could not be loaded lately. While a stale value stands in for one, its loader rests: an origin in trouble is left alone. */
import type { Clock } from '../core/clock.js';
import type { Address } from '../core/key.js';

/**
 * A loader rests this long after its second failure in a row, for one alone may be chance, or after it was late, which costs
 * its callers more; twice as long after the next, and so on, ms.
 */
const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;
/** Keys that are remembered; the one that failed first is forgotten first. */
const MOST = 10_000;

interface Failure {
  readonly until: number;
  readonly rest: number;
}

export class FailedLoads {
  readonly #failures = new Map<string, Failure>();

  constructor(
    readonly clock: Clock,
    readonly random: () => number,
  ) {}

  /** The loader of this key is to be left alone, where something can stand in. */
  rests(address: Address): boolean {
    if (this.#failures.size === 0) return false;
    const failure = this.#failures.get(address.name);
    return failure !== undefined && this.clock.now() < failure.until;
  }

  /** @param late - it has not answered at all */
  failed({ name }: Address, late: boolean): void {
    const before = this.#failures.get(name);
    const longer = before || late ? Math.max((before?.rest ?? 0) * 2, FIRST_MS) : 0;
    const rest = Math.min(longer, LONGEST_MS);
    this.#failures.delete(name);
    if (this.#failures.size >= MOST) this.#failures.delete(this.#failures.keys().next().value!);
    // Not all keys and processes at the same time.
    const until = this.clock.now() + rest * (0.75 + this.random() / 2);
    this.#failures.set(name, { until, rest });
  }

  loaded(address: Address): void {
    if (this.#failures.size > 0) this.#failures.delete(address.name);
  }
}
