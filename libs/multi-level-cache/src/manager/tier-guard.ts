/** One lower tier as the paths see it: bounded in time, never throwing on reads, and bypassed where it owes a change. */
import type { Clock } from '../core/clock.js';
import { adopt, type Entry, type Isolation } from '../core/entry.js';
import type { Address } from '../core/key.js';
import type { Ticket, TicketReply, Tier, TierRead, TierStatus } from '../core/tier.js';
import type { Background } from './background.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { Deadline } from './deadline.js';
import { TierChanges, type ChangeOptions } from './tier-changes.js';

const AWAY: TierRead = Object.freeze({ state: 'absent' });

export interface GuardOptions extends ChangeOptions {
  readonly budget: number;
  readonly isolation: Isolation;
  readonly random: () => number;
  /** Reads of some part of the tier are not sent any more, or all are again. */
  readonly onSlow: (slow: boolean) => void;
}

/** What is asked of one part of a tier: reads, and what fills it. */
interface Part {
  readonly reads: CircuitBreaker;
  readonly fills: CircuitBreaker;
}

export interface ReadHow {
  /** Whether it counts as a hit or a miss. */
  readonly count?: boolean;
  /** As of the tier port: one of many keys of one call. */
  readonly together?: boolean;
  /** By what the store itself says now. */
  readonly verify?: boolean;
}

export class TierGuard {
  hits = 0;
  misses = 0;
  /** Writes and invalidations, and what is owed of them. */
  readonly changes: TierChanges;
  readonly #reads: Deadline;
  readonly #parts = new Map<string, Part>();
  /** Parts that are not read. */
  #slow = 0;
  #fills = 0;

  constructor(
    readonly tier: Tier,
    readonly clock: Clock,
    readonly background: Background,
    readonly options: GuardOptions,
  ) {
    this.changes = new TierChanges(tier, clock, background, options);
    this.#reads = new Deadline(clock, options.budget, tier.name);
  }

  /** Entries stored. */
  get writes(): number {
    return this.#fills + this.changes.writes;
  }

  /** As the tier says, and `degraded` while it is too slow to be asked. */
  status(): TierStatus {
    const status = this.tier.status();
    return status.state === 'up' && this.#slow > 0
      ? { ...status, state: 'degraded', reason: 'too slow to be asked' }
      : status;
  }

  /** The tier went away, or came back: what it was like before says nothing. */
  anew(): void {
    for (const { reads, fills } of this.#parts.values()) {
      reads.stop();
      fills.stop();
    }
    this.#parts.clear();
    this.#slow = 0;
  }

  /** What the tier holds; `undefined` = it is away, late, or owes this key a change. */
  read(
    address: Address,
    { count = true, together = false, verify = false }: ReadHow = {},
  ): Promise<TierRead | undefined> {
    return new Promise((resolve) => {
      const { paid } = this.changes;
      const answer = (found?: TierRead): void => {
        // What was owed when it was asked for may have been paid behind the answer: of which tags is not known before.
        const known = found !== undefined && this.changes.paid === paid;
        const read = known ? this.#accept(address, found) : undefined;
        if (count) {
          if (read?.state === 'fresh') this.hits++;
          else this.misses++;
        }
        resolve(read);
      };
      const { reads } = this.#partOf(address);
      if (reads.open || this.changes.covers(address)) answer();
      else this.#ask(address, { together, verify }, reads, answer);
    });
  }

  async ticket(address: Address, read: TierRead, tags?: readonly string[]): Promise<TicketReply> {
    const { fills } = this.#partOf(address);
    if (fills.open || !this.changes.shared.clean) return { kind: 'none' };
    const { paid } = this.changes;
    // A tier may also throw at once.
    const asked = (async () => this.tier.ticket(address, read, tags))();
    try {
      const reply = await this.#reads.race(asked);
      fills.ended(true);
      if (reply.kind !== 'found') return reply;
      return this.changes.paid !== paid || this.changes.owes(address, reply.read)
        ? { kind: 'none' }
        : { kind: 'found', read: this.#own(reply.read) };
    } catch {
      this.#failed(fills);
      this.#giveBackLate(address, asked);
      return { kind: 'none' };
    }
  }

  /** `undefined` = unknown, the tier is away. */
  async fill(address: Address, entry: Entry, ticket: Ticket): Promise<boolean | undefined> {
    const { fills } = this.#partOf(address);
    if (fills.open) {
      // Others would wait for it until it ends by itself.
      this.release(address, ticket);
      return undefined;
    }
    try {
      const stored = await this.#reads.race(
        Promise.resolve(this.tier.fill(address, entry, ticket)),
      );
      fills.ended(true);
      if (stored) this.#fills++;
      return stored;
    } catch {
      this.#failed(fills);
      return undefined;
    }
  }

  release(address: Address, ticket: Ticket): void {
    if (this.tier.release) this.background.run(async () => this.tier.release?.(address, ticket));
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
    this.anew();
    this.changes.close();
    await this.tier.close();
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

  #partOf(address: Address): Part {
    const name = this.tier.partOf?.(address) ?? '';
    let part = this.#parts.get(name);
    if (!part) this.#parts.set(name, (part = this.#makePart(name)));
    return part;
  }

  #makePart(name: string): Part {
    const { clock, options, tier } = this;
    const probe = (): Promise<unknown> => this.#reads.race(tier.probe!(name));
    const breaker = (onChange?: (open: boolean) => void): CircuitBreaker =>
      new CircuitBreaker(clock, options.random, probe, onChange);
    const reads = breaker((open) => {
      this.#slow += open ? 1 : -1;
      if (this.#slow === (open ? 1 : 0)) options.onSlow(open);
    });
    return { reads, fills: breaker() };
  }

  /** What is known to be away says so by itself. */
  #failed(breaker: CircuitBreaker): void {
    if (this.tier.probe && this.tier.status().state !== 'down') breaker.ended(false);
  }

  #ask(
    address: Address,
    { together, verify }: ReadHow,
    breaker: CircuitBreaker,
    answer: (found?: TierRead) => void,
  ): void {
    const well = (found: TierRead): void => {
      breaker.ended(true);
      answer(found);
    };
    const badly = (): void => {
      this.#failed(breaker);
      answer();
    };
    try {
      const reply =
        verify && this.tier.verify ? this.tier.verify(address) : this.tier.read(address, together);
      // Away or late: the caller goes on without it.
      if (reply instanceof Promise) this.#reads.settle(reply, well, badly);
      else well(reply);
    } catch {
      badly();
    }
  }

  #accept(address: Address, found: TierRead): TierRead | undefined {
    try {
      return this.changes.owes(address, found) ? undefined : this.#own(found);
    } catch {
      // Not what the port promises: as good as nothing, and nobody waits for more.
      return undefined;
    }
  }

  /** What came from bytes is protected from its callers as what was loaded here. */
  #own(read: TierRead): TierRead {
    if (!read.entry) return read;
    const entry = adopt(read.entry, this.options.isolation);
    return entry === read.entry ? read : { ...read, entry };
  }
}

/** Stands for "nothing known" where a read was skipped. */
export const NOTHING = AWAY;
