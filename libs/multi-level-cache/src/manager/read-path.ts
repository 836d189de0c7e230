/** THE read flow below an L1 miss, top to bottom: L2, lease, L3, loader, and the fenced commit on the way back up. */
import { createEntry, type Entry } from '../core/entry.js';
import type { EntryLife } from '../core/entry-options.js';
import { CacheError } from '../core/errors.js';
import type { Address } from '../core/key.js';
import type { Ticket, TierRead } from '../core/tier.js';
import type { Loader } from './cache-manager.js';
import { runLoader, type Loaded } from './load.js';
import type { Parts } from './parts.js';
import { Flight, type Answer } from './single-flight.js';
import { NOTHING } from './tier-guard.js';

const RENEW_MS = 1_000;
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 40;

/** How L2 stands towards a load: `found` ends it, `ticket` lets it fill; `away` leaves the fence to L3 alone. */
type Lease = { readonly found?: Entry; readonly ticket?: Ticket; readonly away: boolean };
const AWAY: Lease = { away: true };

export class ReadPath {
  constructor(readonly parts: Parts) {}

  /** Joins the load of a key or leads one. */
  async load(address: Address, loader: Loader<unknown>, life: EntryLife): Promise<Answer> {
    const { flights, tags } = this.parts;
    for (;;) {
      const joined = tags.changes;
      const running = flights.find(address);
      const flight = running ?? this.#start(address, loader, life);
      const answer = await this.#wait(flight, life);
      if (!running || joined === flight.change || !this.#outdated(flight, answer)) return answer;
      // Somebody bumped a tag of this value after the load began and maybe before we joined it: load again.
    }
  }

  /** A fresh entry of any tier below L1, promoted; never waits for a loader. */
  async get(address: Address): Promise<Answer | undefined> {
    const { l1, l2, l3 } = this.parts;
    const memory = l1?.ticketFor(address);
    const second = await l2?.read(address);
    const third = second?.state === 'fresh' ? undefined : await l3?.read(address);
    const found =
      second?.state === 'fresh' ? second.entry : third?.state === 'fresh' ? third.entry : undefined;
    if (!found) return undefined;
    if (memory) l1?.fill(address, found, memory);
    if (third && second) this.#promoteLater(address, second);
    return { by: third ? 'l3' : 'l2', entry: found };
  }

  #start(address: Address, loader: Loader<unknown>, life: EntryLife): Flight {
    const { clock, flights, tags, background } = this.parts;
    const flight = new Flight(address, loader, life, clock.now() + life.hardTimeout, tags.changes);
    flights.add(flight);
    const walk = this.#walk(flight);
    background.run(() => walk);
    flight.promise = new Promise<Answer>((resolve, reject) => {
      const timer = clock.after(life.hardTimeout, () => {
        flights.remove(flight);
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

  /** A joiner in more of a hurry than the flight leaves it by its own `hardTimeout`; the load goes on for the others. */
  #wait(flight: Flight, life: EntryLife): Promise<Answer> {
    const { clock } = this.parts;
    if (clock.now() + life.hardTimeout >= flight.until) return flight.promise;
    return new Promise<Answer>((resolve, reject) => {
      const timer = clock.after(life.hardTimeout, () => {
        const standIn = this.#standIn(flight);
        if (standIn) resolve(standIn);
        else reject(lateError(life));
      });
      flight.promise.then(resolve, reject).finally(() => timer.cancel());
    });
  }

  async #walk(flight: Flight): Promise<Answer> {
    const { l1, l2, l3 } = this.parts;
    const { address } = flight;
    const first = l1?.read(address);
    if (first?.state === 'fresh') return { by: 'l1', entry: first.entry };
    flight.hold(first);
    const memory = l1?.ticketFor(address);

    const lease = l2 ? await this.#lease(flight) : AWAY;
    if (lease.found) {
      if (memory) l1?.fill(address, lease.found, memory);
      return { by: 'l2', entry: lease.found };
    }
    try {
      const third = await l3?.read(address);
      if (third?.state === 'fresh' && third.entry) {
        await this.#commit(address, third.entry, memory, lease);
        return { by: 'l3', entry: third.entry };
      }
      flight.hold(third);
      const row = l3 && third ? await l3.ticket(address, third) : undefined;
      return await this.#loadAndCommit(
        flight,
        memory,
        lease,
        row?.kind === 'granted' ? row.ticket : undefined,
      );
    } catch (error) {
      if (lease.ticket) l2?.release(address, lease.ticket);
      const standIn = this.#standIn(flight);
      if (!standIn) throw error;
      return standIn;
    }
  }

  async #loadAndCommit(
    flight: Flight,
    memory: Ticket | undefined,
    lease: Lease,
    row: Ticket | undefined,
  ): Promise<Answer> {
    const { address } = flight;
    const { clock, events, l2 } = this.parts;
    const renewal = lease.ticket && l2 ? l2.keepAlive(address, lease.ticket, RENEW_MS) : undefined;
    if (renewal) flight.onExpire(renewal);
    let loaded: Loaded;
    try {
      loaded = await runLoader(flight, clock, events);
    } finally {
      renewal?.();
    }
    if (loaded.value === undefined) {
      if (lease.ticket) l2?.release(address, lease.ticket);
      return { by: 'loader', entry: undefined };
    }
    const entry = createEntry(loaded.value, loaded.life, clock.now(), loaded.loadMs, false);
    if (loaded.life.ttl > 0) await this.#commit(address, entry, memory, lease, row);
    else if (lease.ticket) l2?.release(address, lease.ticket);
    return { by: 'loader', entry };
  }

  /** Up again: L2 decides, L1 follows, L3 in the background. A refused value is in no tier. */
  async #commit(
    address: Address,
    entry: Entry,
    memory: Ticket | undefined,
    lease: Lease,
    row?: Ticket,
  ): Promise<void> {
    const { l1, l2, l3, background } = this.parts;
    if (lease.ticket && (await l2?.fill(address, entry, lease.ticket)) === false) return;
    if (memory) l1?.fill(address, entry, memory);
    // Reachable, yet without a lease: another process loads it too, and only one of them may fill below L1.
    if (!row || !l3 || (!lease.ticket && !lease.away)) return;
    background.run(async () => {
      const stored = await l3.fill(address, entry, row);
      if (stored === false && lease.away) l1?.drop(address.scope, address.key);
    });
  }

  /** Reads L2 and asks for the right to load; waits while another process loads, with jitter, until `hardTimeout`. */
  async #lease(flight: Flight): Promise<Lease> {
    const { l2, clock, random } = this.parts;
    if (!l2) return AWAY;
    let seen: TierRead = (await l2.read(flight.address)) ?? NOTHING;
    let pause = FIRST_PAUSE_MS;
    for (;;) {
      if (seen.state === 'fresh' && seen.entry) return { found: seen.entry, away: false };
      flight.hold(seen);
      const reply = await l2.ticket(flight.address, seen);
      if (reply.kind === 'granted') return { ticket: reply.ticket, away: false };
      if (reply.kind === 'none') return AWAY;
      if (clock.now() >= flight.until) throw lateError(flight.life);
      if (reply.kind === 'found') {
        seen = reply.read;
        continue;
      }
      const wait = random() * pause;
      await new Promise<void>((resolve) => clock.after(wait, resolve));
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }

  /** `get` found it in L3 only: L2 is filled under a lease and from a second read, as every fill is. */
  #promoteLater(address: Address, seen: TierRead): void {
    const { l2, l3, background } = this.parts;
    background.run(async () => {
      const reply = await l2?.ticket(address, seen);
      if (reply?.kind !== 'granted') return;
      const third = await l3?.read(address, false);
      if (third?.state === 'fresh' && third.entry)
        await l2?.fill(address, third.entry, reply.ticket);
      else l2?.release(address, reply.ticket);
    });
  }

  /** The stale value in hand, unless it was removed since: what is removed is not served by grace either. */
  #standIn(flight: Flight): Answer | undefined {
    const { stale } = flight;
    return stale && !this.#bumped(flight, stale.tags) ? { by: 'stale', entry: stale } : undefined;
  }

  #outdated(flight: Flight, answer: Answer): boolean {
    return this.#bumped(flight, answer.entry?.tags ?? flight.life.tags);
  }

  #bumped({ address, change }: Flight, tags: readonly string[]): boolean {
    const { tenant, clearTag } = address.scope;
    return this.parts.tags.bumpedSince(tenant, [...tags, clearTag], change);
  }
}

function lateError(life: EntryLife): CacheError {
  return new CacheError(
    'CACHE_LOADER_TIMEOUT',
    `no value within the hardTimeout of ${life.hardTimeout} ms`,
  );
}
