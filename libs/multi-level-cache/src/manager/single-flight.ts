/** One load per key in this process: who loads now, and who may still join. What a load does is the read path's part. */
import type { Entry } from '../core/entry.js';
import type { EntryLife } from '../core/entry-options.js';
import type { Address } from '../core/key.js';
import type { TierName, TierRead } from '../core/tier.js';
import type { Loader } from './cache-manager.js';

/** Who answered, and with what; no entry = the loader returned `undefined`. */
export interface Answer {
  readonly by: TierName | 'loader' | 'stale';
  readonly entry: Entry | undefined;
}

/** One load under way. */
export class Flight {
  /** Settles for everybody who joined: an answer, the loader's own error, or `CACHE_LOADER_TIMEOUT`. */
  promise!: Promise<Answer>;
  /** The best stale entry seen on the way down: stands in if the loader fails or is late. */
  stale: Entry | undefined;
  #written = false;
  readonly #abort = new AbortController();
  readonly #onExpire: (() => void)[] = [];

  constructor(
    readonly address: Address,
    readonly loader: Loader<unknown>,
    readonly life: EntryLife,
    /** When the load is late, on the monotonic clock. */
    readonly until: number,
    /** The tag clock's number before anything was read. */
    readonly change: number,
  ) {}

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  hold(read: TierRead | undefined): void {
    if (this.#written || read?.state !== 'stale' || !read.entry) return;
    if (!this.stale || read.entry.createdAt > this.stale.createdAt) this.stale = read.entry;
  }

  /** The key was written meanwhile: what was found stale before is gone for good. */
  written(): void {
    this.#written = true;
    this.stale = undefined;
  }

  onExpire(end: () => void): void {
    if (this.signal.aborted) end();
    else this.#onExpire.push(end);
  }

  /** `hardTimeout` has passed: the loader is told, leases are no longer renewed. */
  expire(reason: Error): void {
    this.#abort.abort(reason);
    for (const end of this.#onExpire) end();
  }
}

/** Flights by key; a detached one goes on for those who joined it, and nobody joins it any more. */
export class SingleFlight {
  readonly #flights = new Map<string, Flight>();

  find({ scope, key }: Address): Flight | undefined {
    return this.#flights.get(nameOf(scope.tenant, scope.cache, key));
  }

  add(flight: Flight): void {
    const { scope, key } = flight.address;
    this.#flights.set(nameOf(scope.tenant, scope.cache, key), flight);
  }

  /** Ends the entry of exactly this flight. */
  remove(flight: Flight): void {
    const { scope, key } = flight.address;
    const name = nameOf(scope.tenant, scope.cache, key);
    if (this.#flights.get(name) === flight) this.#flights.delete(name);
  }

  /** The key was written: later callers start a load of their own. */
  detach(tenant: string, cache: string, key: string): void {
    const name = nameOf(tenant, cache, key);
    this.#flights.get(name)?.written();
    this.#flights.delete(name);
  }
}

// None of the three parts may hold a control character.
function nameOf(tenant: string, cache: string, key: string): string {
  return `${tenant}\u0000${cache}\u0000${key}`;
}
