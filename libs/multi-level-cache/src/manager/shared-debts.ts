/** What other processes know a tier to be owed: nothing is read of it before the book that keeps this is empty. */
import type { Clock, Timer } from '../core/clock.js';
import type { DebtBook, SharedDebt } from '../core/tier.js';
import type { Background } from './background.js';

const POLL_MS = 1_000;
const RETRY_MS = 250;

/**
 * The book lies in the other shared tier. It is read at boot and whenever the tier was away, for its old data may be back;
 * where what comes in may come unheard, once a second as well. A book that cannot be read keeps the tier
 * bypassed: what is not known to be paid may be outstanding.
 */
export class SharedDebts {
  #up = false;
  #clean: boolean;
  #again = false;
  #closed = false;
  #looking: Promise<void> | undefined;
  #retry: Timer | undefined;

  constructor(
    readonly book: DebtBook | undefined,
    readonly clock: Clock,
    readonly background: Background,
    /** Applies these to the tier and to what is above it. */
    readonly pay: (debts: readonly SharedDebt[]) => Promise<void>,
  ) {
    this.#clean = !book;
    if (book?.owe) this.#poll();
  }

  /** Nothing is outstanding, as far as can be known. */
  get clean(): boolean {
    return this.#clean;
  }

  /** The tier can be asked again. */
  came(): Promise<void> {
    this.#up = true;
    return this.doubt();
  }

  went(): void {
    this.#up = false;
    this.#clean = !this.book;
  }

  /** Announcements may have been missed, or the tier's old data may be back. */
  doubt(): Promise<void> {
    this.#clean = !this.book;
    return this.#look();
  }

  close(): void {
    this.#closed = true;
  }

  /** Resolves when the book has been read once more, or could not be. */
  #look(): Promise<void> {
    if (!this.book || !this.#up || this.#closed) return Promise.resolve();
    if (this.#looking) this.#again = true;
    else {
      const looking = this.#settle(this.book).catch(() => this.#lookLater());
      this.#looking = looking.finally(() => {
        this.#looking = undefined;
      });
      this.background.run(() => looking);
    }
    return this.#looking;
  }

  /** However many looks have failed: once. */
  #lookLater(): void {
    if (this.#retry) return;
    this.#retry = this.clock.after(RETRY_MS, () => {
      this.#retry = undefined;
      void this.#look();
    });
  }

  async #settle(book: DebtBook): Promise<void> {
    do {
      this.#again = false;
      for (let some = await book.debts(); some.length > 0; some = await book.debts()) {
        this.#clean = false;
        await this.pay(some);
        await book.strike(some.map(({ id }) => id));
      }
    } while (this.#again);
    this.#clean = this.#up;
  }

  #poll(): void {
    this.clock.after(POLL_MS, () => {
      if (this.#closed) return;
      void this.#look();
      this.#poll();
    });
  }
}
