/** How one lower tier takes writes and invalidations: bounded in time, owed while it is away, paid before it is read again. */
import { Debts, type Batch } from '../coherence/debts.js';
import { partsOf, removal } from '../core/change.js';
import type { Clock } from '../core/clock.js';
import { Deadline, Racing } from '../core/deadline.js';
import type { Entry } from '../core/entry.js';
import type { EventHub } from '../core/events.js';
import type { Address } from '../core/key.js';
import type {
  ApplyHow,
  Change,
  DebtBook,
  RemoteChange,
  SharedDebt,
  Tier,
  TierRead,
} from '../core/tier.js';
import type { Background } from './background.js';
import { SharedDebts } from './shared-debts.js';
import { Timed, type TellEnd } from './timed.js';

/** How a tier took a change: `queued` = it is away; the change is applied before the tier is read for it again. */
export type Taken = 'ok' | 'queued';

const MAX_DEBTS = 10_000;
const RETRY_MS = 250;
const KEYS_AT_A_TIME = 1_000;

export interface ChangeOptions {
  /** How long an invalidation waits for the tier before it is queued. */
  readonly invalidationTimeout: number;
  readonly caches: () => Iterable<string>;
  /** What remains to be done above this tier once a late change has been applied to it. */
  readonly onPaid: (change: Change) => Promise<unknown>;
  /** Where every process writes down what this tier has not taken. */
  readonly book?: DebtBook | undefined;
  readonly toLocal: (remote: RemoteChange) => Change;
  /** Another tier tells the other processes what this one takes. */
  readonly silent: boolean;
  /** The tier below this one. */
  readonly below: () => TierChanges | undefined;
  readonly events: EventHub;
}

export class TierChanges {
  /** Entries stored by writes. */
  writes = 0;
  readonly shared: SharedDebts;
  readonly #debts: Debts;
  /** Names in the book of what waits here as well. */
  readonly #ids = new WeakMap<Change, string>();
  readonly #deadline: Deadline;
  readonly #timed: Timed;
  #paying = false;
  #paid = 0;
  /** Whether the last change went through: while none does, callers do not wait for the next one to fail. */
  #answers = true;
  #closed = false;

  constructor(
    readonly tier: Tier,
    readonly clock: Clock,
    readonly background: Background,
    readonly options: ChangeOptions,
  ) {
    this.#debts = new Debts(MAX_DEBTS, options.caches);
    this.#deadline = new Deadline(clock, options.invalidationTimeout, tier.name);
    this.#timed = new Timed(tier.name, options.events, clock);
    this.shared = new SharedDebts(options.book, clock, background, (debts) =>
      this.#payShared(debts),
    );
  }

  /** Changes the tier has not taken yet, as this process knows. */
  get size(): number {
    return this.#debts.size;
  }

  /** How often something owed was paid; an answer to what was asked before that may be from before it as well. */
  get paid(): number {
    return this.#paid + (this.options.below()?.paid ?? 0);
  }

  /** The tier may hold what was removed from under this key. */
  covers(address: Address): boolean {
    return !this.shared.clean || this.#owed(address, undefined);
  }

  /** The same, now that the tags of what it holds are known. */
  owes(address: Address, { entry }: TierRead): boolean {
    return !this.shared.clean || this.#owed(address, entry);
  }

  /** @param how - as of the tier port. */
  apply(change: Change, how: Pick<ApplyHow, 'debt' | 'quiet' | 'trace'> = {}): Promise<Taken> {
    const parts = partsOf(change, KEYS_AT_A_TIME);
    return parts.length === 1 ? this.#applyPart(parts[0], 0, how) : this.#applyEach(parts, how);
  }

  /** Each part has a wait of its own: a change of many keys is not late for being long. */
  async #applyEach(parts: readonly Change[], how: ApplyHow): Promise<Taken> {
    let taken: Taken = 'ok';
    for (const [at, part] of parts.entries()) {
      if ((await this.#applyPart(part, at, how)) === 'queued') taken = 'queued';
    }
    return taken;
  }

  /**
   * Writes into the tier's book what another tier has not taken; `false` = it could not be.
   *
   * @param dueMs - as of the book: no tier has taken it, and it is to be made then.
   */
  async keep(debt: string, change: Change, dueMs?: number): Promise<boolean> {
    const { book } = this.tier;
    if (!book?.owe) return false;
    try {
      for (const [at, part] of partsOf(change, KEYS_AT_A_TIME).entries())
        await this.#deadline.race(book.owe(recordOf(debt, at), part, dueMs));
      return true;
    } catch {
      return false;
    }
  }

  /** Takes out of the tier's book what was kept as one part; what cannot be struck now is done once more later. */
  async strike(debt: string): Promise<void> {
    const struck = this.tier.book?.strike([recordOf(debt)]);
    if (struck) await this.#deadline.race(struck).catch(() => undefined);
  }

  /** Another process could not reach the tier and tells what it owes it. */
  heard(debt: string, change: Change): void {
    this.#ids.set(change, debt);
    this.#debts.add(change);
    this.pay();
  }

  /** Applies what is owed, oldest first; called when the tier is back, and by itself until nothing is owed. */
  pay(): void {
    if (this.#paying || this.#closed || this.#debts.size === 0) return;
    this.#paying = true;
    this.background.run(async () => {
      try {
        await this.#payAll();
      } catch {
        // It is still away.
      } finally {
        this.#paying = false;
        if (this.#debts.size > 0 && !this.#closed) this.clock.after(RETRY_MS, () => this.pay());
      }
    });
  }

  close(): void {
    this.#closed = true;
    this.shared.close();
  }

  /** Others bring up what a tier below still holds: what that is owed this one is owed as well. */
  #owed(address: Address, entry: Entry | undefined): boolean {
    const { below } = this.options;
    if (this.#debts.size > 0) {
      if (this.#debts.covers(address)) return true;
      if (entry && this.#debts.coversTags(address.scope.tenant, entry.tags)) return true;
    }
    const lower = below();
    return lower !== undefined && lower.#owed(address, entry);
  }

  #applyPart(change: Change, at: number, { debt, quiet, trace }: ApplyHow): Promise<Taken> {
    if (!this.#mayApply(change)) return Promise.resolve(this.#owe(change));
    const how: ApplyHow = {
      until: this.clock.now() + this.options.invalidationTimeout,
      debt: debt && recordOf(debt, at),
      quiet: quiet || this.options.silent,
      trace,
    };
    const tell = this.#timed.begin('apply');
    // Who listens is told in the context of whoever writes.
    if (tell || !this.tier.take) return this.#applyTelling(change, how, tell);
    return new Promise<Taken>((resolve) => {
      const waiter = new Racing<void>(
        () => resolve(this.#took(change)),
        () => resolve(this.#missed(change)),
      );
      this.#deadline.wait(waiter);
      this.tier.take!(change, how, waiter);
    });
  }

  async #applyTelling(change: Change, how: ApplyHow, tell: TellEnd | undefined): Promise<Taken> {
    try {
      await this.#deadline.race(this.tier.apply(change, how));
      tell?.();
      return this.#took(change);
    } catch (error) {
      tell?.({ error });
      return this.#missed(change);
    }
  }

  #took(change: Change): Taken {
    if (change.kind === 'set') this.writes += change.entries.length;
    return 'ok';
  }

  /** Not known to be stored: it is owed. */
  #missed(change: Change): Taken {
    this.#answers = false;
    return this.#owe(change);
  }

  #owe(change: Change): Taken {
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
      await this.#pay(batch);
      // Paid last: until the tiers above are clean as well, these keys bypass the store.
      this.#debts.paid(batch);
      const ids = batch.changes.flatMap((change) => this.#ids.get(change) ?? []);
      if (ids.length > 0) await this.options.book?.strike(ids);
    }
  }

  /** The same for what others owe; nothing is read of the tier meanwhile. */
  async #payShared(shared: readonly SharedDebt[]): Promise<void> {
    const debts = new Debts(Infinity, this.options.caches);
    for (const { change } of shared) debts.add(this.options.toLocal(change));
    for (let batch = debts.next; batch; batch = debts.next) {
      await this.#pay(batch);
      debts.paid(batch);
    }
  }

  async #pay({ change }: Batch): Promise<void> {
    for (const part of partsOf(change, KEYS_AT_A_TIME))
      await this.#deadline.race(this.tier.apply(part, { quiet: this.options.silent }));
    this.#answers = true;
    this.#paid++;
    await this.options.onPaid(change);
  }
}

/** What a part of a debt is called in a book. */
export function recordOf(debt: string, part = 0): string {
  return `${debt}.${part}`;
}
