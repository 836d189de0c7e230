/** Keeps what a transaction invalidates until its outermost commit. Stands in for the manager's `invalidateIn`. */
import type { EntityManager, EntitySubscriberInterface, QueryRunner } from 'typeorm';

/** What a write has made wrong. */
export interface Targets {
  readonly keys?: string[];
  readonly tags?: string[];
}

/** Invalidates after the transaction that the manager is in, if it commits. */
export interface TransactionalInvalidation {
  invalidateIn(manager: EntityManager, targets: Targets): void | Promise<void>;
}

interface RunnerEvent {
  readonly queryRunner: QueryRunner;
}

export class CommitBuffer implements TransactionalInvalidation, EntitySubscriberInterface {
  readonly #tags = new WeakMap<QueryRunner, Set<string>>();

  constructor(readonly invalidate: (tags: string[]) => Promise<unknown>) {}

  invalidateIn({ queryRunner }: EntityManager, { tags = [] }: Targets): void {
    if (!queryRunner) return;
    const waiting = this.#tags.get(queryRunner) ?? new Set();
    this.#tags.set(queryRunner, waiting);
    for (const tag of tags) waiting.add(tag);
  }

  /** Also told of released savepoints: what they wrote is not committed yet. */
  async afterTransactionCommit({ queryRunner }: RunnerEvent): Promise<void> {
    if (queryRunner.isTransactionActive) return;
    const tags = this.#tags.get(queryRunner);
    this.#tags.delete(queryRunner);
    // An error would reach a caller whose rows are committed.
    if (tags) await this.invalidate([...tags]).catch(() => undefined);
  }

  /** Rolled back to a savepoint, the transaction goes on: too much is invalidated, never too little. */
  afterTransactionRollback({ queryRunner }: RunnerEvent): void {
    if (!queryRunner.isTransactionActive) this.#tags.delete(queryRunner);
  }
}
