/** Reads of keys, many at a time; of one key of a moment, once. */
import type { Address } from '../core/key.js';
import type { TierRead } from '../core/tier.js';
import { Coalescer, type Question } from './coalescer.js';

/** Under way beside what gathers. */
const MOST_BULKS = 2;

/** An address knows its question by itself, for a map of them costs as much as asking. */
export class ReadCoalescer extends Coalescer<Address, TierRead> {
  #bulks = 0;

  /** All of one call in a call of their own; `undefined` = they are too many, or as many calls are under way as a slow store is to be sent. */
  askMany(addresses: readonly Address[]): Promise<readonly TierRead[]> | undefined {
    if (this.#bulks >= MOST_BULKS || addresses.length > this.maxBatch) return undefined;
    this.#bulks++;
    return this.#bulk(addresses);
  }

  async #bulk(addresses: readonly Address[]): Promise<readonly TierRead[]> {
    try {
      const reads = await this.send(addresses);
      // Mostly none of them waits for a tag.
      const late = reads.some((read) => read instanceof Promise);
      return late ? await Promise.all(reads.map(async (read) => read)) : (reads as TierRead[]);
    } finally {
      this.#bulks--;
    }
  }

  protected override asked(address: Address): Question<Address, TierRead> | undefined {
    const question = address.question as Question<Address, TierRead> | undefined;
    // Another tier's is none.
    return question?.by === this ? question : undefined;
  }

  protected override keep(question: Question<Address, TierRead>): void {
    question.key.question = question;
  }

  /** What has been answered is not kept by its key. */
  protected override leave({ key }: Question<Address, TierRead>): void {
    key.question = undefined;
  }
}
