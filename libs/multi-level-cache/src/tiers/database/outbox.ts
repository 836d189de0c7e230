/** What L2 has not taken, and what commits with the application's transactions: the table `outbox`, one row for each. */
import { decodeDebts, encodeChange, encodeChanges, type WrittenDebt } from '../../core/change.js';
import type { Ask, Change, DebtBook, SharedDebt, TransactionBook } from '../../core/tier.js';
import type { Announcements } from './backplane.js';
import type { Database } from './pool.js';
import { REACHES_OUTBOX, type Statements } from './sql.js';

const SOME = 1_000;
/** Whoever takes something that is due has so long to make it. */
const CLAIM_MS = 2_000;
const URGENT = { urgent: true };

interface Reach {
  readonly reached: boolean;
  readonly database: string;
}

export class Outbox implements DebtBook {
  readonly inTransaction: TransactionBook = {
    reachedBy: (ask) => this.#reachedBy(ask),
    owe: (id, changes, dueMs) => {
      const { type, payload } = encodeChanges(changes);
      return { text: this.sql.oweOnCommit, values: [id, this.namespace, type, payload, dueMs] };
    },
  };

  constructor(
    readonly database: Database,
    readonly sql: Statements,
    /** Name of the application. */
    readonly namespace: string,
    /** Quoted name of the table. */
    readonly table: string,
    readonly announcements?: Announcements | undefined,
  ) {}

  async owe(id: string, change: Change, dueMs?: number): Promise<void> {
    const { type, payload } = encodeChange(change);
    const values = [id, this.namespace, type, payload, dueMs];
    // What is to be made later has not happened.
    if (dueMs !== undefined || !this.announcements)
      await this.database.query(this.sql.owe, values, URGENT);
    else {
      const announced = this.announcements.of(change, id);
      await this.database.query(this.sql.announced.owe, [...values, ...announced], URGENT);
    }
  }

  debts(): Promise<readonly SharedDebt[]> {
    return this.#read(this.sql.debts, []);
  }

  claim(): Promise<readonly SharedDebt[]> {
    return this.#read(this.sql.claim, [CLAIM_MS]);
  }

  async strike(ids: readonly string[]): Promise<void> {
    await this.database.query(this.sql.strike, [this.namespace, ids], URGENT);
  }

  async #read(statement: string, more: readonly unknown[]): Promise<readonly SharedDebt[]> {
    const values = [this.namespace, SOME, ...more];
    const rows = await this.database.query<WrittenDebt>(statement, values, URGENT);
    const { debts, rubbish } = decodeDebts(rows);
    if (rubbish.length > 0) await this.strike(rubbish);
    return debts;
  }

  /** Not by its settings: host names, poolers and search paths say little of which database answers. */
  async #reachedBy(ask: Ask): Promise<boolean | undefined> {
    const [there] = (await ask(REACHES_OUTBOX, [this.table])) as Reach[];
    if (!there?.reached) return false;
    try {
      const [here] = await this.database.query<Reach & Record<string, unknown>>(
        REACHES_OUTBOX,
        [this.table],
        URGENT,
      );
      return here.database === there.database;
    } catch {
      return undefined;
    }
  }
}
