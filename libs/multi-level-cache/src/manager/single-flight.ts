/** One load per key in this process: who loads now, and who may still join. What a load does is the read path's part. */
import type { Entry } from '../core/entry.js';
import type { EntryLife } from '../core/entry-options.js';
import { CacheError } from '../core/errors.js';
import { flightName, type Address } from '../core/key.js';
import type { TierName, TierRead } from '../core/tier.js';
import type { Reads } from '../security/identity-reads.js';
import type { Loader } from './cache-manager.js';

/** Who answered, and with what; no entry = the loader returned `undefined`. */
export interface Answer {
  readonly by: TierName | 'loader' | 'stale';
  readonly entry: Entry | undefined;
  /** It is for whoever led the load, and for nobody who joined it. */
  readonly own?: boolean | undefined;
  /** This caller waited for a load that was under way. */
  readonly coalesced?: boolean;
}

/** One call for many keys. */
export interface Bulk {
  /** What its loader reads of the identity it runs for. */
  readonly reads: Reads;
  /** It has been counted as a load of its tenant. */
  admitted: boolean;
  leave(key: string): void;
  gather(): Promise<void>;
}

/** Why and how a flight loads. */
export interface FlightKind {
  /** Load although a fresh value is there. */
  readonly force?: boolean;
  /** Nobody waits for it: where another process refreshes the key already, it ends. */
  readonly refresh?: boolean;
  /** It is loaded ahead of those who will ask for it. */
  readonly warm?: boolean;
  /** In a transaction of the caller's: nobody joins it, no tier is asked, and nothing is kept of it. */
  readonly apart?: boolean;
  /** One of many keys loaded by one call: it does not wait for other processes, and its loader may leave the key out. */
  readonly bulk?: Bulk;
  /** Nobody joins it, and it does not wait for other processes: its loader runs outside of the cache. */
  readonly alone?: boolean;
}

/** What is to be done at the end, and what was to be done before it: a chain, for most loads have one or two, and none costs nothing. */
class Ending {
  constructor(
    readonly run: () => void,
    readonly next: Ending | undefined,
  ) {}
}

/** One load under way. */
export class Flight {
  /** Of the same key, begun later. */
  next: Flight | undefined = undefined;
  /** What its loader has read of the identity it ran for, where that is watched. */
  reads: Reads | undefined;
  /** Settles for everybody who joined: an answer, the loader's own error, or `CACHE_LOADER_TIMEOUT`. */
  promise!: Promise<Answer>;
  /** The best entry seen on the way down that may stand in if the loader fails or is late. */
  stale: Entry | undefined;
  /** Its loader failed lately: it is not run where something can stand in. */
  rests = false;
  #waiting = 0;
  #written = false;
  /** Nobody waits for it any more, and why. */
  aborted = false;
  reason: unknown;
  /** Made for the loader that asks for it: most do not, and it costs as much as the rest of a load. */
  #abort: AbortController | undefined;
  #onExpire: Ending | undefined = undefined;
  #onStale: Ending | undefined = undefined;

  constructor(
    readonly address: Address,
    readonly loader: Loader<unknown>,
    readonly life: EntryLife,
    /** When the load is late, on the monotonic clock. */
    readonly until: number,
    /** The tag clock's number before anything was read. */
    readonly change: number,
    readonly kind: FlightKind = {},
  ) {}

  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.aborted) this.#abort.abort(this.reason);
    }
    return this.#abort.signal;
  }

  /** Callers with the same variant may share a load; the others would get what they did not ask for. */
  get variant(): string {
    return variantOf(this.life);
  }

  hold(read: TierRead | undefined): void {
    if (this.#written || !read?.entry) return;
    if (read.state !== 'stale' && !(this.kind.force && read.state === 'fresh')) return;
    if (this.stale && read.entry.createdAt <= this.stale.createdAt) return;
    this.stale = read.entry;
    const told = this.#onStale;
    this.#onStale = undefined;
    runAll(told);
  }

  /** Something is in hand to stand in for a loader that rests. */
  get rested(): boolean {
    return this.rests && this.stale !== undefined;
  }

  /** Calls `tell` once something may stand in. */
  whenStale(tell: () => void): void {
    this.#onStale = new Ending(tell, this.#onStale);
  }

  /** The key was removed meanwhile: what was found stale before is gone for good. */
  written(): void {
    this.#written = true;
    this.stale = undefined;
  }

  join(): void {
    this.#waiting++;
  }

  /** One caller fewer; when it was the last, the loader is told why. */
  leave(reason: unknown): boolean {
    if (--this.#waiting > 0) return false;
    this.#end(reason);
    return true;
  }

  onExpire(end: () => void): void {
    if (this.aborted) end();
    else this.#onExpire = new Ending(end, this.#onExpire);
  }

  /** `hardTimeout` has passed: the loader is told, leases are no longer renewed. */
  expire(reason: Error): void {
    this.#end(reason);
  }

  #end(reason: unknown): void {
    if (!this.aborted) {
      this.aborted = true;
      this.reason = reason;
    }
    this.#abort?.abort(reason);
    const ends = this.#onExpire;
    this.#onExpire = undefined;
    runAll(ends);
  }
}

function runAll(first: Ending | undefined): void {
  for (let ending = first; ending; ending = ending.next) ending.run();
}

/** Flights by key; a detached one goes on for those who joined it, and nobody joins it any more. */
export class SingleFlight {
  /** The first of each key. */
  readonly #flights = new Map<string, Flight>();
  #size = 0;

  /** Loads under way that may be joined. */
  get size(): number {
    return this.#size;
  }

  /** One that loads what this life asks for. */
  find(address: Address, life: EntryLife): Flight | undefined {
    let flight = this.#flights.get(address.flight);
    if (!flight) return undefined;
    const variant = variantOf(life);
    while (flight && (flight.variant !== variant || flight.life.schema !== life.schema))
      flight = flight.next;
    return flight;
  }

  add(flight: Flight): void {
    const name = flight.address.flight;
    let last = this.#flights.get(name);
    while (last?.next) last = last.next;
    if (last) last.next = flight;
    else this.#flights.set(name, flight);
    this.#size++;
  }

  /** Ends the entry of exactly this flight. */
  remove(flight: Flight): void {
    const name = flight.address.flight;
    const first = this.#flights.get(name);
    if (first === flight) {
      if (flight.next) this.#flights.set(name, flight.next);
      else this.#flights.delete(name);
    } else {
      let before = first;
      while (before && before.next !== flight) before = before.next;
      if (!before) return;
      before.next = flight.next;
    }
    flight.next = undefined;
    this.#size--;
  }

  /** The key was written: later callers start a load of their own. `removed`: also by grace it is served no more. */
  detach(tenant: string, place: string, key: string, removed: boolean): void {
    if (this.#size === 0) return;
    const name = flightName(tenant, place, key);
    let flight = this.#flights.get(name);
    if (flight) this.#flights.delete(name);
    while (flight) {
      const { next }: Flight = flight;
      flight.next = undefined;
      this.#size--;
      if (removed) flight.written();
      flight = next;
    }
  }
}

/** What tells flights of one key apart. */
function variantOf({ tiers, forceFresh }: EntryLife): string {
  return (forceFresh ? '!' : '') + (tiers?.join() ?? '');
}

/** What a caller gets whose load is one too many. */
export function shedError(running: number): CacheError {
  return new CacheError(
    'CACHE_LOAD_SHED',
    `${running} loads are under way, and there is no stale value to stand in; try again later`,
  );
}

/** What a caller gets that has waited for too long. */
export function lateError(life: EntryLife): CacheError {
  return new CacheError(
    'CACHE_LOADER_TIMEOUT',
    `no value within the hardTimeout of ${life.hardTimeout} ms`,
  );
}
