/** One lower tier as the paths see it: bounded in time, never throwing on reads, and bypassed where it owes a change. */
import { partsOf, removal } from '../core/change.js';
import type { Clock } from '../core/clock.js';
import { Debts } from '../coherence/debts.js';
import { adopt, type Entry, type Isolation } from '../core/entry.js';
import type { Address } from '../core/key.js';
import type { Change, Ticket, TicketReply, Tier, TierRead } from '../core/tier.js';
import type { Background } from './background.js';
import { Deadline } from './deadline.js';

/** How a tier took a change: `queued` = it is away; the change is applied before the tier is read for it again. */
export type Taken = 'ok' | 'queued';

const AWAY: TierRead = Object.freeze({ state: 'absent' });
const MAX_DEBTS = 10_000;
const RETRY_MS = 250;
const KEYS_AT_A_TIME = 1_000;

export interface GuardOptions {
  readonly budget: number;
  /** How long an invalidation waits for the tier before it is queued. */
  readonly invalidationTimeout: number;
  readonly isolation: Isolation;
  readonly caches: () => Iterable<string>;
  /** What remains to be done above this tier once a late change has been applied to it. */
  readonly onPaid: (change: Change) => Promise<unknown>;
}

export interface ReadHow {
  /** Whether it counts as a hit or a miss. */
  readonly count?: boolean;
  /** As of the tier port: one of many keys of one call. */
  readonly together?: boolean;
}

export class TierGuard {
  hits = 0;
  misses = 0;
  writes = 0;
  readonly #debts: Debts;
  readonly #reads: Deadline;
  readonly #changes: Deadline;
  #paying = false;
  /** Whether the last change went through: while none does, callers do not wait for the next one to fail. */
  #answers = true;
  #closed = false;

  constructor(
    readonly tier: Tier,
    readonly clock: Clock,
    readonly background: Background,
    readonly options: GuardOptions,
  ) {
    this.#debts = new Debts(MAX_DEBTS, options.caches);
    this.#reads = new Deadline(clock, options.budget, tier.name);
    this.#changes = new Deadline(clock, options.invalidationTimeout, tier.name);
  }

  /** Changes the tier has not taken yet. */
  get debts(): number {
    return this.#debts.size;
  }

  /** What the tier holds; `undefined` = it is away, late, or owes this key a change. */
  read(
    address: Address,
    { count = true, together = false }: ReadHow = {},
  ): Promise<TierRead | undefined> {
    return new Promise((resolve) => {
      const answer = (found?: TierRead): void => {
        const read = found && this.#accept(address, found);
        if (count) {
          if (read?.state === 'fresh') this.hits++;
          else this.misses++;
        }
        resolve(read);
      };
      if (this.#debts.covers(address)) answer();
      else this.#ask(address, together, answer);
    });
  }

  async ticket(address: Address, read: TierRead): Promise<TicketReply> {
    // A tier may also throw at once.
    const asked = (async () => this.tier.ticket(address, read))();
    try {
      const reply = await this.#reads.race(asked);
      if (reply.kind !== 'found') return reply;
      return this.#owes(address, reply.read)
        ? { kind: 'none' }
        : { kind: 'found', read: this.#own(reply.read) };
    } catch {
      this.#giveBackLate(address, asked);
      return { kind: 'none' };
    }
  }

  /** `undefined` = unknown, the tier is away. */
  async fill(address: Address, entry: Entry, ticket: Ticket): Promise<boolean | undefined> {
    try {
      const stored = await this.#reads.race(
        Promise.resolve(this.tier.fill(address, entry, ticket)),
      );
      if (stored) this.writes++;
      return stored;
    } catch {
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

  async apply(change: Change): Promise<Taken> {
    let taken: Taken = 'ok';
    // Each part has a wait of its own: a change of many keys is not late for being long.
    for (const part of partsOf(change, KEYS_AT_A_TIME))
      if ((await this.#applyPart(part)) === 'queued') taken = 'queued';
    return taken;
  }

  /** Applies what is owed, oldest first; called when the tier is back, and by itself until nothing is owed. */
  pay(): void {
    if (this.#paying || this.#closed || this.#debts.size === 0) return;
    this.#paying = true;
    this.background.run(async () => {
      try {
        await this.#payAll();
      } finally {
        this.#paying = false;
        if (this.#debts.size > 0 && !this.#closed) this.clock.after(RETRY_MS, () => this.pay());
      }
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.tier.close();
  }

  async #applyPart(change: Change): Promise<Taken> {
    if (this.#mayApply(change)) {
      try {
        const until = this.clock.now() + this.options.invalidationTimeout;
        await this.#changes.race(this.tier.apply(change, until));
        if (change.kind === 'set') this.writes += change.entries.length;
        return 'ok';
      } catch {
        // Not known to be stored: it is owed.
        this.#answers = false;
      }
    }
    this.#debts.add(removal(change));
    this.pay();
    return 'queued';
  }

  /**
   * Removals commute with what is owed, so they need not queue behind it: under steady traffic the queue would never end. A
   * value stored while its key's removal is owed would be removed by that.
   */
  #mayApply(change: Change): boolean {
    if (this.#debts.size === 0) return true;
    if (!this.#answers) return false;
    return (
      change.kind === 'tags' || !change.addresses.some((address) => this.#debts.covers(address))
    );
  }

  async #payAll(): Promise<void> {
    for (let batch = this.#debts.next; batch && !this.#closed; batch = this.#debts.next) {
      try {
        for (const part of partsOf(batch.change, KEYS_AT_A_TIME))
          await this.#changes.race(this.tier.apply(part));
      } catch {
        return;
      }
      this.#answers = true;
      await this.options.onPaid(batch.change);
      // Paid last: until the tiers above are clean as well, these keys bypass the store.
      this.#debts.paid(batch);
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

  #ask(address: Address, together: boolean, answer: (found?: TierRead) => void): void {
    try {
      const reply = this.tier.read(address, together);
      // Away or late: the caller goes on without it.
      if (reply instanceof Promise) this.#reads.settle(reply, answer, () => answer());
      else answer(reply);
    } catch {
      answer();
    }
  }

  #accept(address: Address, found: TierRead): TierRead | undefined {
    try {
      return this.#owes(address, found) ? undefined : this.#own(found);
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

  #owes(address: Address, read: TierRead): boolean {
    if (this.#debts.size === 0) return false;
    return (
      this.#debts.covers(address) ||
      (read.entry !== undefined && this.#debts.coversTags(address.scope.tenant, read.entry.tags))
    );
  }
}

/** Stands for "nothing known" where a read was skipped. */
export const NOTHING = AWAY;
