/** Transactions of the application's own database: which one a call belongs to, and what of it is made when it commits. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Deadline } from '../core/deadline.js';
import type { Ask, Change, TransactionBook } from '../core/tier.js';
import type { Parts } from './parts.js';
import { recordOf } from './tier-changes.js';
import { Transaction } from './transaction.js';
import type { WritePath } from './write-path.js';

/** The caller of a commit waits so long for the tiers; then they are asked behind its back. */
const BUDGET_MS = 250;
/** Whoever looks into the book leaves what is younger to the process that committed it. */
const DUE_MS = 500;

/** How an ORM's transactions become known. */
export interface TransactionHooks {
  /** Listens to a source of them from now on; anything else is let pass. */
  listenTo(source: unknown): void;
  /**
   * The transaction that an ORM's manager works in, if it does.
   *
   * @throws CacheError `CACHE_OPTION_INVALID` where it is not a manager that is known.
   */
  transactionOf(manager: unknown): Transaction | undefined;
  /** Listens no more. */
  close(): void;
}

/** Transactions that a call is made in, the innermost first, of all caches of the process. */
interface Frame {
  readonly owner: Transactions;
  readonly transaction: Transaction;
  readonly outer: Frame | undefined;
}

/** One for all: each costs every promise of the process a little. */
const FRAMES = new AsyncLocalStorage<Frame>();

export class Transactions {
  /** How many are open; while none is, no call pays for looking. */
  open = 0;
  readonly #budget: Deadline;
  /** Whether statements of a source reach the book of L3. */
  readonly #reached = new WeakMap<object, boolean>();

  constructor(
    readonly parts: Parts,
    readonly writes: WritePath,
  ) {
    this.#budget = new Deadline(parts.clock, BUDGET_MS, 'the invalidation after a commit');
  }

  /** The one this call is made in. */
  current(): Transaction | undefined {
    if (this.open === 0) return undefined;
    for (let frame = FRAMES.getStore(); frame; frame = frame.outer)
      if (frame.owner === this && !frame.transaction.ended) return frame.transaction;
    return undefined;
  }

  /** This call is made in one that must see its own writes, or no newer ones. */
  get bypassed(): boolean {
    return this.open > 0 && this.current()?.bypasses === true;
  }

  begin(): Transaction {
    this.open++;
    return new Transaction(this.current());
  }

  /** Runs `work` in it: what the cache is asked meanwhile belongs to it. */
  run<T>(transaction: Transaction, work: () => T): T {
    return FRAMES.run({ owner: this, transaction, outer: FRAMES.getStore() }, work);
  }

  /**
   * Before the outermost commit: writes into the book of L3, by a statement of the transaction itself, what is to be made after
   * it. Where the book is in another database, or there is none, the memory of this process has to do.
   *
   * @param source - what `ask` belongs to: looked at once whether it reaches the book.
   */
  async prepare(transaction: Transaction, source: object, ask: Ask): Promise<void> {
    const book = this.#book;
    if (transaction.empty || !book || !(await this.#reaches(book, source, ask))) return;
    const { text, values } = book.owe(recordOf(transaction.id), transaction.changes(), DUE_MS);
    await ask(text, values);
    transaction.kept = true;
  }

  /** After the outermost commit. Never throws: the transaction has happened. */
  async committed(transaction: Transaction): Promise<void> {
    this.#end(transaction);
    if (transaction.empty) return;
    const made = this.#make(transaction);
    this.parts.background.run(() => made);
    await this.#budget.race(made).catch(() => undefined);
  }

  rolledBack(transaction: Transaction): void {
    this.#end(transaction);
  }

  get #book(): TransactionBook | undefined {
    return this.parts.l3?.tier.book?.inTransaction;
  }

  #end(transaction: Transaction): void {
    if (transaction.ended) return;
    transaction.ended = true;
    this.open--;
  }

  async #make(transaction: Transaction): Promise<void> {
    const receipts = await Promise.all(
      transaction.changes().map((change: Change) => this.writes.write(change, false)),
    );
    // What no store has taken or remembers is made once more by whoever looks into the book.
    if (transaction.kept && receipts.every(({ durable }) => durable))
      await this.parts.l3?.changes.strike(transaction.id);
  }

  async #reaches(book: TransactionBook, source: object, ask: Ask): Promise<boolean> {
    const known = this.#reached.get(source);
    if (known !== undefined) return known;
    const reached = await book.reachedBy(ask);
    if (reached !== undefined) this.#reached.set(source, reached);
    return reached ?? false;
  }
}
