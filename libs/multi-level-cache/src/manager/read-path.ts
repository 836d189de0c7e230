/** THE read flow below an L1 miss, top to bottom: L2, lease, L3, loader, and the fenced commit on the way back up. */
import type { Entry } from '../core/entry.js';
import { isStrong, type EntryLife } from '../core/entry-options.js';
import { isCacheError } from '../core/errors.js';
import type { Address } from '../core/key.js';
import type { Ticket, TierName, TierRead } from '../core/tier.js';
import type { Loader } from './cache-manager.js';
import { Commit, type InUse, type Way } from './commit.js';
import { leaseFor, WITHOUT } from './lease.js';
import { withRefresh, type Loaded } from './load.js';
import { Loading } from './loading.js';
import { LookUp } from './look-up.js';
import type { Parts } from './parts.js';
import { Flight, lateError, type Answer, type FlightKind } from './single-flight.js';
import { NOTHING, type TierGuard } from './tier-guard.js';
import { waitFor } from './waiting.js';

const RENEW_MS = 1_000;

const PLAINLY = {};

const NONE: InUse = { l1: null, l2: null, l3: null };

export class ReadPath {
  readonly #loading: Loading;
  readonly #commit: Commit;
  readonly #all: InUse;
  readonly #standInFor = (flight: Flight): Answer | undefined => this.#standIn(flight);

  constructor(readonly parts: Parts) {
    const { l1, l2, l3 } = parts;
    this.#all = { l1, l2, l3 };
    this.#loading = new Loading(parts);
    this.#commit = new Commit(parts);
  }

  /** Joins the load of a key or leads one. */
  async load(
    address: Address,
    loader: Loader<unknown>,
    life: EntryLife,
    kind?: FlightKind,
  ): Promise<Answer> {
    const { flights, loads, tags } = this.parts;
    for (;;) {
      const joined = tags.changes;
      // A load that runs may have read before something that this caller has to see.
      const alone = isStrong(life) || kind?.apart === true;
      const running = alone ? undefined : flights.find(address, life);
      // Another call leads this key: ours does not wait for it before it loads the others.
      if (running) kind?.bulk?.leave(address.key);
      const flight = running ?? this.#start(address, loader, life, kind);
      const answer = await waitFor(flight, life, this.parts.clock, this.#standInFor);
      if (!running) return answer;
      loads.of(address.scope.cache).coalesced++;
      // Made of the identity of whoever led it: this caller gets its own.
      if (answer.own) {
        kind = { ...kind, apart: true };
        continue;
      }
      // Another call's bulk loader left this key out: ours may know it.
      if (running.kind.bulk && !kind?.bulk && !answer.entry) continue;
      const shared = { ...answer, coalesced: true };
      if (joined === flight.change || !this.#outdated(flight, answer)) return shared;
      // Somebody bumped a tag of this value after the load began and maybe before we joined it: load again.
    }
  }

  /** Reloads a fresh key in the background, unless it is being loaded already. */
  refresh(address: Address, loader: Loader<unknown>, life: EntryLife): void {
    if (this.parts.flights.find(address, life)) return;
    const flight = this.#start(address, loader, life, { force: true, refresh: true });
    // Its trouble is told by the `load` event; the caller has an answer.
    flight.promise.catch(() => undefined);
  }

  /** Loads a key that nobody asks for, or waits for whoever loads it; `force` = although it is fresh. */
  ahead(
    address: Address,
    loader: Loader<unknown>,
    life: EntryLife,
    force: boolean,
  ): Promise<Answer> {
    const running = this.parts.flights.find(address, life);
    const kind = { force, refresh: true, warm: true };
    return (running ?? this.#start(address, loader, life, kind)).promise;
  }

  /** One way down and up for a flight that nobody joins. */
  alone(flight: Flight): Promise<Answer> {
    return this.#walk(flight);
  }

  /** A fresh entry of any tier below L1, promoted; never waits for a loader. */
  get(address: Address, life: EntryLife): Promise<Answer | undefined> {
    return new Promise((resolve, reject) => this.tell(address, life, resolve, reject));
  }

  /** The same without a promise of its own; one of the two is called, once. */
  tell(
    address: Address,
    life: EntryLife,
    found: LookUp['resolve'],
    refused: LookUp['refused'],
  ): void {
    const verify = isStrong(life);
    const { schema } = life;
    const how = verify || schema ? { verify, schema } : PLAINLY;
    new LookUp(address, this.#inUse(life), how, this.#commit, found, refused).begin();
  }

  /**
   * `get` for many keys: each tier is asked once. What only L3 has is leased in L2 before L3 is read, so that it can be
   * filled there without reading it twice; keys that another process loads are not waited for.
   */
  async getMany(
    addresses: readonly Address[],
    life: EntryLife,
  ): Promise<readonly (Answer | undefined)[]> {
    const { l1, l2, l3 } = this.#inUse(life);
    const tickets = addresses.map((address) => l1?.ticketFor(address));
    const answers = new Array<Answer | undefined>(addresses.length).fill(undefined);
    const answer = (at: number, by: TierName, entry: Entry): void => {
      const ticket = tickets[at];
      if (ticket) l1?.fill(addresses[at], entry, ticket);
      answers[at] = { by, entry };
    };
    const verify = isStrong(life);
    const { schema } = life;
    const second = l2
      ? await l2.readMany(addresses, { verify, schema }, (at, read) => {
          if (read?.state === 'fresh' && read.entry) answer(at, 'l2', read.entry);
        })
      : [];
    if (!l3) return answers;
    const lost = (at: number): boolean => verify && l2 !== null && !second[at];
    const missing = addresses.flatMap((_address, at) => (answers[at] || lost(at) ? [] : [at]));
    const leases = await Promise.all(
      missing.map(async (at) => (second[at] ? l2?.ticket(addresses[at], second[at]) : undefined)),
    );
    const asked = missing.map((at) => addresses[at]);
    const third = await l3.readMany(asked, { schema });
    missing.forEach((at, index) => {
      const [read, lease] = [third[index], leases[index]];
      const found = read?.state === 'fresh' ? read.entry : undefined;
      if (found) answer(at, 'l3', found);
      if (!l2 || lease?.kind !== 'granted') return;
      if (found && this.parts.placing.promotes(addresses[at], found))
        this.parts.background.run(() => l2.fill(addresses[at], found, lease.ticket));
      else l2.release(addresses[at], lease.ticket);
    });
    return answers;
  }

  #start(address: Address, loader: Loader<unknown>, life: EntryLife, kind?: FlightKind): Flight {
    const { clock, flights, tags, background } = this.parts;
    const until = clock.now() + life.hardTimeout;
    const force = life.forceFresh || kind?.force === true;
    const flight = new Flight(address, loader, life, until, tags.changes, { ...kind, force });
    flight.rests = this.#loading.rests(flight);
    if (!flight.kind.apart) flights.add(flight);
    if (kind?.refresh) flight.join();
    const walk = this.#walk(flight);
    background.run(() => walk);
    flight.promise = new Promise<Answer>((resolve, reject) => {
      const timer = clock.after(life.hardTimeout, () => {
        flights.remove(flight);
        this.#loading.late(flight);
        const late = lateError(life);
        flight.expire(late);
        const standIn = this.#standIn(flight);
        if (standIn) resolve(standIn);
        else reject(late);
      });
      const end = (): void => {
        timer.cancel();
        flights.remove(flight);
      };
      // Nobody waits any more: a caller that comes now starts a load of its own.
      flight.onExpire(() => flights.remove(flight));
      walk.then(
        (answer) => {
          end();
          resolve(answer);
        },
        (error: unknown) => {
          end();
          // The loader's own error, as it was thrown.
          reject(error);
        },
      );
    });
    return flight;
  }

  async #walk(flight: Flight): Promise<Answer> {
    const { address, kind, life } = flight;
    const tiers = kind.apart ? NONE : this.#inUse(life);
    const { l1, l2, l3 } = tiers;
    const first = isStrong(life) ? undefined : l1?.read(address);
    if (first?.state === 'fresh' && !kind.force) return { by: 'l1', entry: first.entry };
    flight.hold(first);
    const memory = l1?.ticketFor(address);

    const lease = l2 ? await leaseFor(flight, l2, this.parts) : WITHOUT;
    if (lease.found) {
      const entry = withRefresh(lease.found, life, this.parts.random);
      if (memory) l1?.fill(address, entry, memory);
      return { by: 'l2', entry };
    }
    const rested = this.#rest(flight);
    if (rested) return rested;
    try {
      if (kind.bulk) await kind.bulk.gather();
      const asks = l3 && !lease.guarded && this.#asksThird(flight);
      const third = asks ? await this.#third(flight, l3) : undefined;
      // Where L3 is the only one to verify it, its silence leaves nothing that may be stored.
      const unverified = isStrong(life) && !l2 && l3 && !third;
      // Which keys were being written before anybody listened here the stream tells again; L3 tells who reads the row.
      const unheard = !l2 && l3 && !third && l1?.knowsHolds === false;
      const guarded = lease.guarded || third?.guarded || unverified || unheard;
      const way: Way = { tiers, memory: guarded ? undefined : memory, lease };
      if (third?.state === 'fresh' && third.entry && !kind.force) {
        const entry = withRefresh(third.entry, life, this.parts.random);
        await this.#commit.found(address, entry, way);
        return { by: 'l3', entry };
      }
      flight.hold(third);
      const restedNow = this.#rest(flight);
      if (restedNow) {
        if (lease.ticket) l2?.release(address, lease.ticket);
        return restedNow;
      }
      const asked = l3 && !guarded ? l3.ticket(address, third ?? NOTHING) : undefined;
      const row = asked instanceof Promise ? await asked : asked;
      return await this.#loadAndCommit(
        flight,
        way,
        row?.kind === 'granted' ? row.ticket : undefined,
      );
    } catch (error) {
      if (lease.ticket) l2?.release(address, lease.ticket);
      const standIn = this.#standIn(flight);
      // A mistake of the program is not hidden by an older value.
      if (!standIn || isCacheError(error, 'CACHE_SCOPE_VIOLATION')) throw error;
      return standIn;
    }
  }

  /** Whether L3 is read, and not passed over because that has proved to cost this cache more than it saves. */
  #asksThird({ address, kind, life }: Flight): boolean {
    // One of many keys rides on a statement that is sent anyway; a strong read asks in any case.
    if (kind.bulk || kind.force || isStrong(life)) return true;
    return this.parts.placing.reads(address.scope.cache);
  }

  async #third(flight: Flight, l3: TierGuard): Promise<TierRead | undefined> {
    const { clock, placing } = this.parts;
    const { cache } = flight.address.scope;
    const before = clock.now();
    const together = flight.kind.bulk !== undefined;
    const read = await l3.read(flight.address, { together, schema: flight.life.schema });
    if (read) placing.looked(cache, read.state === 'fresh', clock.now() - before);
    return read;
  }

  async #loadAndCommit(flight: Flight, way: Way, row: Ticket | undefined): Promise<Answer> {
    const { address, life } = flight;
    const { lease } = way;
    const { l2 } = way.tiers;
    const renewal = lease.ticket && l2 ? l2.keepAlive(address, lease.ticket, RENEW_MS) : undefined;
    if (renewal) flight.onExpire(renewal);
    let loaded: Loaded;
    try {
      loaded = await this.#loading.run(flight);
    } finally {
      renewal?.();
    }
    const { placing, random } = this.parts;
    if (loaded.entry) placing.loaded(address.scope.cache, loaded.entry.loadMs);
    const entry = loaded.entry && withRefresh(loaded.entry, life, random);
    if (entry && loaded.store) await this.#commit.loaded(address, entry, way, row);
    else if (lease.ticket) l2?.release(address, lease.ticket);
    return { by: 'loader', entry, own: loaded.own };
  }

  #inUse({ tiers }: EntryLife): InUse {
    const { l1, l2, l3 } = this.parts;
    if (!tiers) return this.#all;
    const use = (name: TierName): boolean => tiers.includes(name);
    return { l1: use('l1') ? l1 : null, l2: use('l2') ? l2 : null, l3: use('l3') ? l3 : null };
  }

  /** What stands in for a loader that is left alone. */
  #rest(flight: Flight): Answer | undefined {
    return flight.rested ? this.#standIn(flight) : undefined;
  }

  /** The stale value in hand, within its grace, and unless it was removed since: what is removed does not stand in either. */
  #standIn(flight: Flight): Answer | undefined {
    const { stale } = flight;
    if (!stale || this.parts.clock.now() >= stale.staleUntil) return undefined;
    return this.#judge(flight, stale.tags) === 'gone' ? undefined : { by: 'stale', entry: stale };
  }

  #outdated(flight: Flight, answer: Answer): boolean {
    return this.#judge(flight, answer.entry?.tags ?? flight.life.tags) !== 'valid';
  }

  #judge({ address, change }: Flight, tags: readonly string[]): ReturnType<Parts['tags']['judge']> {
    return this.parts.tags.judge(address.scope.tenant, [...tags, ...address.implied], change);
  }
}
