/** The application's own database, and what of it nobody may see any more: the judge of a run. */
import type { Applied } from '../../libs/multi-level-cache/src/manager/cache-manager.js';
import { ALLOWED } from './allowances.js';
import type { Schedule } from './schedule.js';

export interface Violation {
  readonly guarantee: string;
  readonly what: string;
}

/** Keys with the versions they have now. */
export type Versions = readonly (readonly [key: string, version: number])[];

/** How the shared stores took a change. */
export interface Taken extends Readonly<Record<'l2' | 'l3', Applied>> {
  readonly durable: boolean;
}

/** An invalidation that has resolved. */
export interface Invalidation {
  readonly instance: string;
  readonly versions: Versions;
  readonly began: number;
  readonly taken: Taken;
  /** What it made stale may still stand in. */
  readonly soft: boolean;
}

/** The oldest versions one may get: as a fresh value, and as one that stands in for a load. */
export interface Least {
  readonly fresh: number;
  readonly standIn: number;
}

/** One `set` of a value, under way or done. */
interface SetCall {
  readonly key: string;
  readonly version: number;
  /** When it resolved. */
  until: number;
  /** What a store has not confirmed may still be on its way. */
  mayComeUntil: number;
}

/** After the last fault: reconnecting, a SYNC, queued changes. */
export const RECOVERY = 8_000;
const NOTHING: Least = { fresh: 0, standIn: 0 };

type Floors = Map<string, Least>;

export class Ledger {
  readonly violations: Violation[] = [];
  readonly log: string[] = [];
  readonly #truth = new Map<string, number>();
  /** By instance and key: read your writes. */
  readonly #here: Floors = new Map();
  /** Taken by all stores: who asks them now must know. */
  readonly #atOnce: Floors = new Map();
  /** Removed while everybody saw that a store was away, and remembered by the other. */
  readonly #below: Floors = new Map();
  /** A store is away, and nobody can have missed it. */
  awayForAll = false;
  /** Invalidated, told, and heard by everybody if nothing is wrong. */
  readonly #everywhere: Floors = new Map();
  /** The same once everything is quiet, whatever was wrong meanwhile. */
  readonly #atLast: Floors = new Map();
  /** Keys whose invalidation a store had not taken when the promise resolved, by instance. */
  readonly #owed = new Map<string, Set<string>>();
  /** What a crashed instance alone knew to be invalid. */
  readonly #forgotten = new Set<string>();
  /** What was changed under a guard, whether its writer has lived to say so or not. */
  readonly #guarded: Floors = new Map();
  readonly #sets: SetCall[] = [];
  /** Invalidations that resolved: by whom, and when. */
  readonly #made: { readonly instance: string; readonly key: string; readonly at: number }[] = [];
  readonly #gone = new Set<string>();
  /** When a store took what it has lost since. */
  readonly #losses: (readonly [from: number, until: number])[] = [];
  #lastFault = -Infinity;

  constructor(
    readonly schedule: Schedule,
    /** How long it takes until everybody has heard, or has forgotten what was not heard of, ms. */
    readonly hearing: number,
    /** Stores may lose in this run what they have been told. */
    readonly losesData: boolean,
  ) {}

  version(key: string): number {
    return this.#truth.get(key) ?? 1;
  }

  /** The database changes. */
  change(keys: readonly string[]): Versions {
    for (const key of keys) this.#truth.set(key, this.version(key) + 1);
    return keys.map((key) => [key, this.version(key)] as const);
  }

  /** A `set` begins; to be called with how the stores have taken it when it resolves. */
  setting(key: string, version: number): (taken: Taken) => void {
    const set: SetCall = { key, version, until: Infinity, mayComeUntil: Infinity };
    this.#sets.push(set);
    return (taken) => {
      set.until = this.schedule.now;
      set.mayComeUntil = set.until + ALLOWED.lateSet(taken);
    };
  }

  invalidated({ instance, versions, began, taken, soft }: Invalidation): void {
    for (const [key, newest] of versions) {
      this.#made.push({ instance, key, at: this.schedule.now });
      // A value that is set at the same time may be the later one; one that a store takes late is removed again.
      const rivals = this.#sets.filter((set) => set.key === key);
      const late = rivals.filter(({ mayComeUntil }) => mayComeUntil >= began);
      const rival = rivals.filter(({ until }) => until >= began);
      const least = lowest(newest, late);
      raise(this.#here, `${instance} ${key}`, least, soft);
      raise(this.#atLast, key, lowest(newest, rival), soft);
      if (this.awayForAll && taken.durable) raise(this.#below, key, least, soft);
      if (taken.l2 !== 'queued' && taken.l3 !== 'queued') raise(this.#atOnce, key, least, soft);
      if (ALLOWED.knownToIssuerOnly(taken) || ALLOWED.bookLost(taken, this.losesData))
        this.#owedBy(instance).add(key);
      else
        this.schedule.after(this.hearing + ALLOWED.untilPaid(taken), () =>
          raise(this.#everywhere, key, least, soft),
        );
    }
  }

  /** Changed under a guard that every store has taken; what is set while it stands has no order with what its writer does. */
  committed(versions: Versions, began: number): void {
    for (const [key, newest] of versions) {
      const least = lowest(
        newest,
        this.#sets.filter((set) => set.key === key && set.until >= began),
      );
      raise(this.#guarded, key, least, false);
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
    this.#gone.add(instance);
    this.#forget();
  }

  /** What Redis took within this time it has lost, or will: who made it makes it again, if it lives. */
  lost(from: number, until: number): void {
    this.#losses.push([from, until]);
    this.#forget();
  }

  /** What who asks `instance` now may get. */
  least(instance: string, key: string, strong = false): Least {
    if (strong && !this.losesData)
      return higher(this.#written(instance, key), this.#atOnce.get(key));
    // Everybody must have heard of it where nothing was wrong, or long enough ago.
    const quiet = this.schedule.now - this.#lastFault > RECOVERY;
    return higher(this.#written(instance, key), quiet ? this.#everywhere.get(key) : undefined);
  }

  /** What the shared stores may give to whoever saw that one of them was away. */
  leastBelow(key: string): number {
    return this.losesData ? 0 : (this.#below.get(key)?.fresh ?? 0);
  }

  /** The same when all has been well for long. */
  leastAtLast(instance: string, key: string): Least {
    const known = this.#forgotten.has(key) ? undefined : this.#atLast.get(key);
    const least = higher(this.#written(instance, key), known);
    return higher(least, this.#guarded.get(key));
  }

  violate(guarantee: string, what: string): void {
    this.note(`VIOLATION ${guarantee}: ${what}`);
    this.violations.push({ guarantee, what });
  }

  note(what: string): void {
    this.log.push(`${this.schedule.now.toFixed(1).padStart(8)} ${what}`);
  }

  #written(instance: string, key: string): Least {
    return this.#here.get(`${instance} ${key}`) ?? NOTHING;
  }

  #forget(): void {
    for (const { instance, key, at } of this.#made)
      if (
        this.#gone.has(instance) &&
        this.#losses.some(([from, until]) => at >= from && at <= until)
      )
        this.#forgotten.add(key);
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

function higher(one: Least, other: Least = NOTHING): Least {
  return {
    fresh: Math.max(one.fresh, other.fresh),
    standIn: Math.max(one.standIn, other.standIn),
  };
}

function raise(floors: Floors, key: string, version: number, soft: boolean): void {
  floors.set(key, higher({ fresh: version, standIn: soft ? 0 : version }, floors.get(key)));
}
