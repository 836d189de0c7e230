/** Reads of keys, many at a time; of one key of a moment, once. */
import type { Address } from '../core/key.js';
import type { TierRead } from '../core/tier.js';
import { Coalescer, type Question } from './coalescer.js';

/** An address knows its question by itself, for a map of them costs as much as asking. */
export class ReadCoalescer extends Coalescer<Address, TierRead> {
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
