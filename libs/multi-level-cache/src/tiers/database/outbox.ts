/** What L2 has not taken, as PostgreSQL remembers it: the table `outbox`, one row for a change. */
import { decodeDebts, encodeChange, type WrittenDebt } from '../../core/change.js';
import type { Change, DebtBook, SharedDebt } from '../../core/tier.js';
import type { Announcements } from './backplane.js';
import type { Database } from './pool.js';
import type { Statements } from './sql.js';

const SOME = 1_000;
const URGENT = { urgent: true };

export class Outbox implements DebtBook {
  constructor(
    readonly database: Database,
    readonly sql: Statements,
    /** Name of the application. */
    readonly namespace: string,
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

  async debts(): Promise<readonly SharedDebt[]> {
    const values = [this.namespace, SOME];
    const rows = await this.database.query<WrittenDebt>(this.sql.debts, values, URGENT);
    const { debts, rubbish } = decodeDebts(rows);
    if (rubbish.length > 0) await this.strike(rubbish);
    return debts;
  }

  async strike(ids: readonly string[]): Promise<void> {
    await this.database.query(this.sql.strike, [this.namespace, ids], URGENT);
  }
}
