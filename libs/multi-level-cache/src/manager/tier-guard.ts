/** One lower tier as the paths see it: bounded in time, never throwing on reads, and bypassed where it owes a change or is ill. */
import type { Clock } from '../core/clock.js';
import { Deadline } from '../core/deadline.js';
import { adopt, type Entry, type Isolation } from '../core/entry.js';
import { isCacheError } from '../core/errors.js';
import type { EventHub } from '../core/events.js';
import type { Address } from '../core/key.js';
import { accepts, type StandardSchema } from '../core/standard-schema.js';
import type {
  Filled,
  MaybePromise,
  Ticket,
  TicketReply,
  Tier,
  TierRead,
  TierStatus,
} from '../core/tier.js';
import type { SpanFacts, Tracing } from '../core/tracing.js';
import type { Background } from './background.js';
import { LEAST_KEYS, readInBulk, type HeardOne } from './tier-bulk.js';
import { TierChanges, type ChangeOptions } from './tier-changes.js';
import type { TierPart } from './tier-part.js';
import { TierParts, type PartsOptions } from './tier-parts.js';
import { TierReading, type ReadHow, type Told } from './tier-reading.js';
import { Timed } from './timed.js';

const AWAY: TierRead = Object.freeze({ state: 'absent' });
const RESULTS = { fresh: 'hit', stale: 'stale', absent: 'miss', invalid: 'miss' } as const;
const NO_TICKET: TicketReply = Object.freeze({ kind: 'none' });

/** Whether the keys of a tenant are at hand; without encryption they always are. */
function keysFor({ scope }: Address): true | Promise<boolean> {
  return scope.rules.vault?.ready(scope.tenant) ?? true;
}

export interface GuardOptions extends ChangeOptions, PartsOptions {
  readonly isolation: Isolation;
  /** The tier had bytes of this key that are not ours. */
  readonly onCorrupt?: (address: Address) => void;
  readonly events: EventHub;
  readonly tracing: Tracing;
}

export class TierGuard {
  hits = 0;
  misses = 0;
  /** Reads that failed or were late, and those that were not made; both are misses as well. */
  errors = 0;
  skipped = 0;
  /** Writes and invalidations, and what is owed of them. */
  readonly changes: TierChanges;
  readonly parts: TierParts;
  readonly timed: Timed;
  /** A wait for keys is not the tier's fault. */
  readonly #keys: Deadline;
  #fills = 0;
  /** Values that were not what their readers take. */
  #refused = 0;

  constructor(
    readonly tier: Tier,
    readonly clock: Clock,
    readonly background: Background,
    readonly options: GuardOptions,
  ) {
    this.changes = new TierChanges(tier, clock, background, options);
    this.parts = new TierParts(tier, clock, options);
    this.timed = new Timed(tier.name, options.events, clock);
    this.#keys = new Deadline(clock, options.budget, 'the store of keys');
  }

  /** Entries stored. */
  get writes(): number {
    return this.#fills + this.changes.writes;
  }

  /** As the tier says, and `degraded` while a part of it is not read or not filled. */
  status(): TierStatus {
    const told = this.tier.status();
    const status = { ...told, corrupt: told.corrupt + this.#refused };
    const { trouble } = this.parts;
    return status.state === 'up' && trouble ? { ...status, ...trouble, state: 'degraded' } : status;
  }

  /** What the tier holds; `undefined` = it is away, late, owes this key a change, or the keys to open it are not to be had. */
  read(address: Address, how: ReadHow = {}): Promise<TierRead | undefined> {
    return new Promise((found, refused) => this.ask(address, how, { found, refused }));
  }

  /**
   * The same of many keys of one call, in their order.
   *
   * @param heard - what comes, before all has come
   */
  async readMany(
    addresses: readonly Address[],
    how: ReadHow,
    heard?: HeardOne,
  ): Promise<readonly (TierRead | undefined)[]> {
    const reads = new Array<TierRead | undefined>(addresses.length).fill(undefined);
    const hear: HeardOne = (at, read) => {
      reads[at] = read;
      heard?.(at, read);
    };
    const each = (some: readonly Address[], told: HeardOne): Promise<void> =>
      this.#each(some, how, told);
    // What a caller has said itself, and who listens, wants each key by itself.
    const plain = !how.verify && how.schema === undefined && !this.options.tracing.on;
    const inBulk = plain && this.tier.readMany !== undefined;
    await (inBulk && addresses.length >= LEAST_KEYS && keysFor(addresses[0]) === true
      ? readInBulk(this, addresses, hear, each)
      : each(addresses, hear));
    return reads;
  }

  #each(addresses: readonly Address[], how: ReadHow, heard: HeardOne): Promise<void> {
    return new Promise((resolve, refused) => {
      let left = addresses.length;
      const each = { ...how, together: true };
      addresses.forEach((address, at) => {
        const found = (read: TierRead | undefined): void => {
          heard(at, read);
          if (--left === 0) resolve();
        };
        this.ask(address, each, { found, refused });
      });
      if (left === 0) resolve();
    });
  }

  /** A read without a promise of its own. */
  ask(address: Address, how: ReadHow, told: Told): void {
    const { tracing } = this.options;
    if (!tracing.on) return this.#askReady(address, how, told);
    const facts = { tier: this.tier.name, operation: 'get' } as const;
    const work = (): Promise<TierRead | undefined> =>
      new Promise((found, refused) => this.#askReady(address, how, { found, refused }));
    const result = (read: TierRead | undefined): SpanFacts => ({
      result: read ? RESULTS[read.state] : this.parts.away ? 'skipped' : 'error',
    });
    tracing
      .inside('tier', facts, work, result)
      .then((read) => told.found(read))
      .catch((error: unknown) => told.refused(error));
  }

  #askReady(address: Address, how: ReadHow, told: Told): void {
    const ready = keysFor(address);
    if (ready === true) this.#ask(address, how, told);
    else this.#askWith(ready, address, how, told).catch((error: unknown) => told.refused(error));
  }

  #ask(address: Address, how: ReadHow, told: Told): void {
    const part = this.parts.of(address);
    if (!part.answers || this.changes.covers(address)) this.#skip(how, told);
    else new TierReading(this, part, address, how, told).ask(this.tier);
  }

  #skip({ count }: ReadHow, told: Told): void {
    if (count !== false) {
      this.misses++;
      this.skipped++;
    }
    told.found(undefined);
  }

  /** The same, once the keys of the tenant are there: for as long as the tier itself may take. */
  async #askWith(
    ready: Promise<boolean>,
    address: Address,
    how: ReadHow,
    told: Told,
  ): Promise<void> {
    const there = await this.#keys.race(ready).catch(() => false);
    if (there) this.#ask(address, how, told);
    else this.#skip(how, told);
  }

  ticket(
    address: Address,
    read: TierRead,
    tags?: readonly string[],
    schema?: StandardSchema,
  ): MaybePromise<TicketReply> {
    if (keysFor(address) !== true) return NO_TICKET;
    const part = this.parts.of(address);
    if (!part.answers || !part.fills.admits || !this.changes.shared.clean) return NO_TICKET;
    const { paid } = this.changes;
    const asked = this.#askTicket(address, read, tags);
    // Given without asking the store: it says nothing about it.
    if (!(asked instanceof Promise)) return asked;
    return this.#granted(address, asked, { part, paid, schema });
  }

  async #granted(
    address: Address,
    asked: Promise<TicketReply>,
    { part, paid, schema }: { part: TierPart; paid: number; schema: StandardSchema | undefined },
  ): Promise<TicketReply> {
    const { deadline, fills } = part;
    const call = fills.begin()!;
    const tell = this.timed.begin('lease');
    try {
      const reply = await deadline.race(asked);
      tell?.();
      // On trial it is enough; else a right that was given is no entry stored.
      if (fills.open) fills.ended(call);
      if (reply.kind !== 'found') return reply;
      return this.changes.paid !== paid || this.changes.owes(address, reply.read)
        ? NO_TICKET
        : { kind: 'found', read: this.#own(reply.read, schema) };
    } catch (error) {
      if (isCacheError(error, 'CACHE_OPTION_INVALID')) throw error;
      tell?.({ error });
      part.failed(fills, call, address, error);
      this.#giveBackLate(address, asked);
      return NO_TICKET;
    }
  }

  /** `undefined` = unknown, the tier is away. */
  async fill(address: Address, entry: Entry, ticket: Ticket): Promise<Filled | undefined> {
    const part = this.parts.of(address);
    const { deadline, fills } = part;
    const call = part.answers ? fills.begin() : undefined;
    if (call === undefined) {
      // Others would wait for it until it ends by itself.
      this.release(address, ticket);
      return undefined;
    }
    const tell = this.timed.begin('fill');
    try {
      const stored = await deadline.race(Promise.resolve(this.tier.fill(address, entry, ticket)));
      tell?.({ bytes: entry.shape.bytes });
      fills.ended(call);
      if (stored === true) this.#fills++;
      return stored;
    } catch (error) {
      tell?.({ error });
      part.failed(fills, call, address, error);
      return undefined;
    }
  }

  /** Instead of a fill: whether the ticket held until now; `undefined` = unknown. */
  async giveBack(address: Address, ticket: Ticket): Promise<boolean | undefined> {
    const { deadline } = this.parts.of(address);
    try {
      return await deadline.race((async () => this.tier.release?.(address, ticket))());
    } catch {
      return undefined;
    }
  }

  release(address: Address, ticket: Ticket): void {
    if (this.tier.release) this.background.run(async () => this.tier.release?.(address, ticket));
  }

  /** Whether the ticket is still held, for another term. */
  async renew(address: Address, ticket: Ticket): Promise<boolean> {
    const { deadline } = this.parts.of(address);
    try {
      return (await deadline.race((async () => this.tier.renew?.(address, ticket))())) === true;
    } catch {
      return false;
    }
  }

  /** Keeps a ticket alive while its loader runs; the returned function ends that. */
  keepAlive(address: Address, ticket: Ticket, everyMs: number): () => void {
    if (!this.tier.renew) return () => undefined;
    let timer = this.clock.after(everyMs, () => tick());
    const tick = (): void => {
      this.background.run(async () => this.tier.renew?.(address, ticket));
      timer = this.clock.after(everyMs, () => tick());
    };
    return () => timer.cancel();
  }

  async close(): Promise<void> {
    this.parts.anew();
    this.changes.close();
    await this.tier.close();
  }

  /** A tier may also throw at once. */
  #askTicket(
    address: Address,
    read: TierRead,
    tags: readonly string[] | undefined,
  ): MaybePromise<TicketReply> {
    try {
      return this.tier.ticket(address, read, tags);
    } catch {
      return NO_TICKET;
    }
  }

  /** A ticket that comes too late is nobody's: others would wait for it until it ends by itself. */
  #giveBackLate(address: Address, asked: Promise<TicketReply>): void {
    asked.then(
      (reply) => {
        if (reply.kind === 'granted') this.release(address, reply.ticket);
      },
      () => undefined,
    );
  }

  /** What of an answer may be used: nothing where the tier owes this key a change. */
  accept(
    found: TierRead,
    address: Address,
    schema: StandardSchema | undefined,
  ): TierRead | undefined {
    try {
      return this.changes.owes(address, found) ? undefined : this.#own(found, schema);
    } catch (error) {
      if (isCacheError(error, 'CACHE_OPTION_INVALID')) throw error;
      // Not what the port promises: as good as nothing, and nobody waits for more.
      return undefined;
    }
  }

  /** What came from bytes is protected from its callers as what was loaded here. */
  #own(read: TierRead, schema: StandardSchema | undefined): TierRead {
    if (!read.entry || (read.shared && !schema)) return read;
    const entry = adopt(read.entry, this.options.isolation);
    if (schema && !accepts(schema, entry.value)) {
      this.#refused++;
      const { entry: _entry, ...rest } = read;
      return { ...rest, state: 'invalid' };
    }
    return entry === read.entry ? read : { ...read, entry };
  }
}

/** Stands for "nothing known" where a read was skipped. */
export const NOTHING = AWAY;
