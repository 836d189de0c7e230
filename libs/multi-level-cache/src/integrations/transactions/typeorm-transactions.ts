/**
 * How TypeORM's transactions become known to the cache: a subscriber that hears of their beginning and end, and the callbacks of
 * `transaction()` run in them, so that calls of the cache know where they are made. TypeORM itself is not imported.
 */
import { CacheError } from '../../core/errors.js';
import type { Transaction } from '../../manager/transaction.js';
import type { TransactionHooks, Transactions } from '../../manager/transactions.js';
import { shareMethod } from './shared-method.js';
import { snapshotLevel, writes } from './statements.js';
import { subscribe, type Subscribed } from './subscribe.js';

/** The part of a `QueryRunner` that is looked at. */
interface Runner {
  readonly isTransactionActive: boolean;
  readonly transactionDepth?: number;
  query(text: string, values?: unknown[]): Promise<unknown>;
}

/** The part of an `EntityManager`. */
interface Manager {
  readonly queryRunner?: Runner;
  readonly dataSource?: Source;
  transaction(...args: unknown[]): Promise<unknown>;
}

/** The part of a `DataSource`. */
interface Source extends Subscribed {
  readonly manager: Manager;
  createQueryRunner: unknown;
}

interface Event {
  readonly queryRunner: Runner;
}

type Callback = (manager: Manager) => unknown;
type Within = (callback: Callback) => Callback;

export class TypeOrmTransactions implements TransactionHooks {
  readonly #byRunner = new WeakMap<Runner, Transaction>();
  /** How to end listening, by source. */
  readonly #sources = new Map<Source, () => void>();

  constructor(readonly transactions: Transactions) {}

  listenTo(source: unknown): void {
    if (!isSource(source) || this.#sources.has(source)) return;
    const unsubscribe = subscribe(source, this.#subscriber(source));
    const unwrap = this.#runWithin(source.manager);
    this.#sources.set(source, () => {
      unsubscribe();
      unwrap();
    });
  }

  transactionOf(manager: unknown): Transaction | undefined {
    if (!isManager(manager))
      throw new CacheError('CACHE_OPTION_INVALID', 'manager must be an EntityManager of TypeORM');
    const { queryRunner, dataSource } = manager;
    this.listenTo(dataSource);
    if (!queryRunner?.isTransactionActive) return undefined;
    // One that had begun before anybody listened.
    return this.#byRunner.get(queryRunner) ?? this.#begin(queryRunner);
  }

  close(): void {
    for (const end of this.#sources.values()) end();
    this.#sources.clear();
  }

  /** Savepoints are transactions within one: only the outermost begins and ends what the cache keeps. */
  #subscriber(source: Source): object {
    return {
      beforeTransactionStart: ({ queryRunner }: Event): void => {
        if (depthOf(queryRunner) === 0) this.#begin(queryRunner);
      },
      beforeQuery: ({ queryRunner, query }: Event & { readonly query: string }): void => {
        const transaction = this.#byRunner.get(queryRunner);
        if (!transaction || transaction.ended) return;
        if (snapshotLevel(query)) transaction.snapshot = true;
        else if (!transaction.dirty) transaction.dirty = writes(query);
      },
      beforeTransactionCommit: async ({ queryRunner }: Event): Promise<void> => {
        const transaction = this.#outermost(queryRunner, 1);
        if (transaction)
          await this.transactions.prepare(transaction, source, (text, values) =>
            queryRunner.query(text, [...values]),
          );
      },
      afterTransactionCommit: async ({ queryRunner }: Event): Promise<void> => {
        const transaction = this.#outermost(queryRunner, 0);
        if (transaction) await this.transactions.committed(transaction);
      },
      // What was to be invalidated within a savepoint stays so: too much is safe.
      beforeTransactionRollback: ({ queryRunner }: Event): void => {
        const transaction = this.#outermost(queryRunner, 1);
        if (transaction) this.transactions.rolledBack(transaction);
      },
    };
  }

  #begin(queryRunner: Runner): Transaction {
    const transaction = this.transactions.begin();
    this.#byRunner.set(queryRunner, transaction);
    return transaction;
  }

  #outermost(queryRunner: Runner, depth: number): Transaction | undefined {
    return depthOf(queryRunner) <= depth ? this.#byRunner.get(queryRunner) : undefined;
  }

  /**
   * What `transaction()` calls back runs in the transaction. `DataSource.transaction` calls this manager's as well, and so do
   * libraries that carry a transaction in the async context.
   */
  #runWithin(manager: Manager): () => void {
    const within: Within = (callback) => (inner) => {
      const transaction = inner.queryRunner && this.#byRunner.get(inner.queryRunner);
      return transaction
        ? this.transactions.run(transaction, () => callback(inner))
        : callback(inner);
    };
    return shareMethod(
      manager,
      'transaction',
      within,
      (begin, all) =>
        (...args) =>
          begin(...args.map((arg) => (isCallback(arg) ? withinAll(all, arg) : arg))),
    );
  }
}

/** Several caches of a process may want to know. */
function withinAll(all: ReadonlySet<Within>, callback: Callback): Callback {
  return [...all].reduce((inner, within) => within(inner), callback);
}

function isCallback(value: unknown): value is Callback {
  return typeof value === 'function';
}

function depthOf({ transactionDepth = 0 }: Runner): number {
  return transactionDepth;
}

function isManager(value: unknown): value is Manager {
  return isObject(value) && typeof (value as unknown as Manager).transaction === 'function';
}

function isSource(value: unknown): value is Source {
  // Of a stand-in that asks the request who it is, nothing may be read: first by its class.
  if (!isObject(value) || !hasClass(value, 'DataSource')) return false;
  const { subscribers, manager, createQueryRunner } = value as unknown as Source;
  return (
    Array.isArray(subscribers) && isManager(manager) && typeof createQueryRunner === 'function'
  );
}

function hasClass(value: object, name: string): boolean {
  for (let type = classOf(value); type; type = classOf(type))
    if ((type as { constructor?: { name?: string } }).constructor?.name === name) return true;
  return false;
}

function classOf(value: object): object | null {
  return Object.getPrototypeOf(value) as object | null;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
