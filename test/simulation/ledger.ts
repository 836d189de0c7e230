/** The application's own database, and what of it nobody may see any more: the judge of a run. */
import type { Schedule } from './schedule.js';

export interface Violation {
  readonly guarantee: string;
  readonly what: string;
}

/** Keys with the versions they have now. */
export type Versions = readonly (readonly [key: string, version: number])[];

/** One `set` of a value, under way or done. */
interface SetCall {
  readonly key: string;
  readonly version: number;
  /** When it resolved. */
  until: number;
  /** What Redis has not confirmed may still be on its way. */
  mayComeUntil: number;
}

/** Longer than a message takes while nothing is wrong. */
const DELIVERY = 60;
/** After the last fault: reconnecting, a SYNC, queued changes. */
export const RECOVERY = 8_000;
/** Longest way of a command to a frozen server, and of the removal that follows it. */
const LATE_SET = 2_500;

export class Ledger {
  readonly violations: Violation[] = [];
  readonly log: string[] = [];
  readonly #truth = new Map<string, number>();
  /** By instance and key: read your writes. */
  readonly #here = new Map<string, number>();
  /** Invalidated, told, and heard by everybody if nothing is wrong. */
  readonly #everywhere = new Map<string, number>();
  /** The same once everything is quiet, whatever was wrong meanwhile. */
  readonly #atLast = new Map<string, number>();
  /** Keys whose invalidation Redis had not taken when the promise resolved, by instance. */
  readonly #owed = new Map<string, Set<string>>();
  /** What a crashed instance alone knew to be invalid. */
  readonly #forgotten = new Set<string>();
  readonly #sets: SetCall[] = [];
  #lastFault = -Infinity;

  constructor(readonly schedule: Schedule) {}

  version(key: string): number {
    return this.#truth.get(key) ?? 1;
  }

  /** The database changes. */
  change(keys: readonly string[]): Versions {
    for (const key of keys) this.#truth.set(key, this.version(key) + 1);
    return keys.map((key) => [key, this.version(key)] as const);
  }

  /** A `set` begins; to be called with whether Redis has taken it when it resolves. */
  setting(key: string, version: number): (confirmed: boolean) => void {
    const set: SetCall = { key, version, until: Infinity, mayComeUntil: Infinity };
    this.#sets.push(set);
    return (confirmed) => {
      set.until = this.schedule.now;
      set.mayComeUntil = confirmed ? set.until : set.until + LATE_SET;
    };
  }

  /** An invalidation by `instance` that began at `began` has resolved. */
  invalidated(instance: string, versions: Versions, began: number, confirmed: boolean): void {
    for (const [key, newest] of versions) {
      // A value that is set at the same time may be the later one; one that Redis takes late is removed again.
      const rivals = this.#sets.filter((set) => set.key === key);
      const late = rivals.filter(({ mayComeUntil }) => mayComeUntil >= began);
      const rival = rivals.filter(({ until }) => until >= began);
      const least = lowest(newest, late);
      raise(this.#here, `${instance} ${key}`, least);
      raise(this.#atLast, key, lowest(newest, rival));
      if (confirmed) this.schedule.after(DELIVERY, () => raise(this.#everywhere, key, least));
      else this.#owedBy(instance).add(key);
    }
  }

  /** Something is wrong now. */
  fault(what: string): void {
    this.#lastFault = this.schedule.now;
    this.note(`fault: ${what}`);
  }

  /** What only this instance knew is lost. */
  crashed(instance: string): void {
    for (const key of this.#owedBy(instance)) this.#forgotten.add(key);
  }

  /** The oldest version that who asks `instance` now may get. */
  least(instance: string, key: string): number {
    // Everybody must have heard of it where nothing was wrong, or long enough ago.
    const quiet = this.schedule.now - this.#lastFault > RECOVERY;
    return Math.max(this.#written(instance, key), quiet ? (this.#everywhere.get(key) ?? 0) : 0);
  }

  /** The same when all has been well for long. */
  leastAtLast(instance: string, key: string): number {
    const known = this.#forgotten.has(key) ? 0 : (this.#atLast.get(key) ?? 0);
    return Math.max(this.#written(instance, key), known);
  }

  violate(guarantee: string, what: string): void {
    this.note(`VIOLATION ${guarantee}: ${what}`);
    this.violations.push({ guarantee, what });
  }

  note(what: string): void {
    this.log.push(`${this.schedule.now.toFixed(1).padStart(8)} ${what}`);
  }

  #written(instance: string, key: string): number {
    return this.#here.get(`${instance} ${key}`) ?? 0;
  }

  #owedBy(instance: string): Set<string> {
    let owed = this.#owed.get(instance);
    if (!owed) this.#owed.set(instance, (owed = new Set()));
    return owed;
  }
}

function lowest(version: number, sets: readonly SetCall[]): number {
  return Math.min(version, ...sets.map((set) => set.version));
}

function raise(floors: Map<string, number>, key: string, version: number): void {
  floors.set(key, Math.max(floors.get(key) ?? 0, version));
}
