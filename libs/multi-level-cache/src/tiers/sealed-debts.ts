/** Debts of a book as they were before they were sealed. */
import type { WrittenDebt } from '../core/change.js';
import { SEALED } from '../core/message-seal.js';

/** Names that are remembered so that what stays in a book is counted once. */
const MOST_REFUSED = 1_000;

/** Opens the payload of a debt; `undefined` = it is not true. */
export type OpenDebt = (
  id: string,
  sealed: string,
) => Pick<WrittenDebt, 'type' | 'payload'> | undefined;

/**
 * What cannot be opened is left where it is: instances that have another secret may owe it and will pay it. Whoever put it there
 * without a secret gains nothing by it.
 */
export class SealedDebts {
  readonly #refused = new Set<string>();

  constructor(
    readonly open: OpenDebt,
    readonly onRefused: () => void,
  ) {}

  opened(written: readonly WrittenDebt[]): readonly WrittenDebt[] {
    return written.flatMap(({ id, type, payload }) => {
      const opened = type === SEALED ? this.open(id, payload) : undefined;
      if (opened) return [{ id, ...opened }];
      this.#refuse(id);
      return [];
    });
  }

  #refuse(id: string): void {
    if (this.#refused.has(id)) return;
    if (this.#refused.size >= MOST_REFUSED) this.#refused.clear();
    this.#refused.add(id);
    this.onRefused();
  }
}
