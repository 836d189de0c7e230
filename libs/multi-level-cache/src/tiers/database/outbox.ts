/** What L2 has not taken, and what commits with the application's transactions: the table `outbox`, one row for each. */
import { decodeDebts, encodeChange, encodeChanges, type WrittenDebt } from '../../core/change.js';
import { SEALED, type MessageSeal } from '../../core/message-seal.js';
import type { Ask, Change, DebtBook, SharedDebt, TransactionBook } from '../../core/tier.js';
import { SealedDebts } from '../sealed-debts.js';
import type { Announcements } from './backplane.js';
import type { Database } from './pool.js';
import { REACHES_OUTBOX, type Statements } from './sql.js';

const SOME = 1_000;
/** Whoever takes something that is due has so long to make it. */
const CLAIM_MS = 2_000;
const URGENT = { urgent: true };

type Unsealed = Pick<WrittenDebt, 'type' | 'payload'>;

interface Reach {
  readonly reached: boolean;
  readonly database: string;
}

export class Outbox implements DebtBook {
  readonly #opening: SealedDebts | undefined;
  readonly inTransaction: TransactionBook = {
    reachedBy: (ask) => this.#reachedBy(ask),
    owe: (id, changes, dueMs) => {
      const { type, payload } = this.#sealed(id, encodeChanges(changes));
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
    readonly seal?: MessageSeal | undefined,
    /** One was not sealed by an instance of this application. */
    onRefused: () => void = () => undefined,
  ) {
    this.#opening = seal && new SealedDebts((id, text) => openDebt(seal, id, text), onRefused);
  }

  async owe(id: string, change: Change, dueMs?: number): Promise<void> {
    const { type, payload } = this.#sealed(id, encodeChange(change));
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
    const { debts, rubbish } = decodeDebts(this.#opening?.opened(rows) ?? rows);
    if (rubbish.length > 0) await this.strike(rubbish);
    // Nothing is known of what stands behind so much that cannot be read.
    if (debts.length === 0 && rubbish.length === 0 && rows.length === SOME)
      throw new Error('the outbox is full of what is not ours');
    return debts;
  }

  /** Not bound to a time: one that is put back is one more removal. */
  #sealed(id: string, debt: Unsealed): Unsealed {
    if (!this.seal) return debt;
    const text = `${debt.type} ${debt.payload}`;
    return { type: SEALED, payload: this.seal.seal('debt', text, [id]) };
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

function openDebt(seal: MessageSeal, id: string, sealed: string): Unsealed | undefined {
  const text = seal.open('debt', sealed, [id]);
  const end = text?.indexOf(' ') ?? -1;
  return end < 0 ? undefined : { type: text!.slice(0, end), payload: text!.slice(end + 1) };
}
