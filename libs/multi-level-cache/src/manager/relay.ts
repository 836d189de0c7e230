/** Makes the changes that nobody was to make before a time that has come: their process is gone, or was too slow. */
import type { Clock } from '../core/clock.js';
import type { DebtBook, RemoteChange, SharedDebt } from '../core/tier.js';
import type { Background } from './background.js';

const POLL_MS = 1_000;

/**
 * Any instance may find them; while one makes them, the others leave them alone for a moment. A change is struck when every tier
 * has taken it or another store remembers that it has not.
 */
export class Relay {
  #looking: Promise<void> | undefined;
  #closed = false;

  constructor(
    readonly book: DebtBook,
    readonly clock: Clock,
    readonly background: Background,
    /** Makes a change anew in every tier; rejects where it is not durable. */
    readonly redo: (change: RemoteChange) => Promise<void>,
  ) {}

  start(): void {
    this.clock.after(POLL_MS, () => {
      if (this.#closed) return;
      this.look();
      this.start();
    });
  }

  /** Once now, unless it is looking already. */
  look(): void {
    if (this.#looking || this.#closed) return;
    // Trouble with the store: it is looked at again in a moment.
    this.#looking = this.#look()
      .catch(() => undefined)
      .finally(() => {
        this.#looking = undefined;
      });
    const looking = this.#looking;
    this.background.run(() => looking);
  }

  close(): void {
    this.#closed = true;
  }

  async #look(): Promise<void> {
    for (let due = await this.#claim(); due.length > 0; due = await this.#claim()) {
      const made = await Promise.allSettled(due.map(({ change }) => this.redo(change)));
      const failed = new Set(
        due.filter((_one, at) => made[at].status === 'rejected').map(({ id }) => id),
      );
      const struck = new Set(due.map(({ id }) => id).filter((id) => !failed.has(id)));
      if (struck.size > 0) await this.book.strike([...struck]);
    }
  }

  async #claim(): Promise<readonly SharedDebt[]> {
    return (await this.book.claim?.()) ?? [];
  }
}
