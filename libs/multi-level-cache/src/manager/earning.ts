/** Whether reading L3 before a loader pays for one cache. Pure: moving averages. */

/** Looked up this often before L3 may be passed over: earlier the averages say little. */
const MEASURED = 200;
/** Weight of the latest observation in the averages. */
const LATEST = 0.02;

/**
 * A miss may not pay for a look-up that never finds anything: L3 is read while
 * `hit share × (load time − L3 time) > L3 time`.
 */
export class Earning {
  #lookups = 0;
  #hits = 0;
  #lookupMs = 0;
  #loadMs = 0;
  #loads = 0;
  #lookedAt = -Infinity;

  /** When L3 was read last, of the clock that `looked` is told by. */
  get lookedAt(): number {
    return this.#lookedAt;
  }

  /** Reading pays, as far as known. */
  get pays(): boolean {
    return this.#unknown || this.#hits * (this.#loadMs - this.#lookupMs) > this.#lookupMs;
  }

  /** Reading would pay if everything were found: loading takes longer. */
  get couldPay(): boolean {
    return this.#unknown || this.#loadMs > this.#lookupMs;
  }

  /** L3 was read for this cache. */
  looked(hit: boolean, ms: number, at: number): void {
    this.#lookedAt = at;
    const weight = this.#lookups++ === 0 ? 1 : LATEST;
    this.#hits += weight * (Number(hit) - this.#hits);
    this.#lookupMs += weight * (ms - this.#lookupMs);
  }

  /** A loader ran for this cache. */
  loaded(ms: number): void {
    const weight = this.#loads++ === 0 ? 1 : LATEST;
    this.#loadMs += weight * (ms - this.#loadMs);
  }

  get #unknown(): boolean {
    return this.#lookups < MEASURED || this.#loads === 0;
  }
}
