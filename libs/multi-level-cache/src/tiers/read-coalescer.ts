/** Reads of keys, many at a time; of one key of a moment, once. */
import type { Address } from '../core/key.js';
import type { HeardMany, MaybePromise, TierRead } from '../core/tier.js';
import { Coalescer, type Question } from './coalescer.js';

/** Under way beside what gathers. */
const MOST_BULKS = 2;

/** An address knows its question by itself, for a map of them costs as much as asking. */
export class ReadCoalescer extends Coalescer<Address, TierRead> {
  #bulks = 0;

  constructor(
    send: (addresses: readonly Address[]) => Promise<readonly MaybePromise<TierRead>[]>,
    worthACall: number,
    maxBatch?: number,
    /** Calls of many keys are halved as well, so that one half is made use of while the store is at work on the other. */
    readonly halves = false,
  ) {
    super(send, maxBatch, worthACall);
  }

  /** All of one call in a call of their own; `undefined` = they are too many, or as many calls are under way as a slow store is to be sent. */
  askMany(addresses: readonly Address[], heard: HeardMany): Promise<void> | undefined {
    const { length } = addresses;
    if (this.#bulks >= MOST_BULKS || length > this.maxBatch) return undefined;
    this.#bulks++;
    const most = this.halves && length >= 2 * this.worthACall ? Math.ceil(length / 2) : length;
    return this.#bulk(addresses, most, heard);
  }

  async #bulk(addresses: readonly Address[], most: number, heard: HeardMany): Promise<void> {
    const parts: Promise<void>[] = [];
    for (let from = 0; from < addresses.length; from += most)
      parts.push(this.#part(addresses.slice(from, from + most), from, heard));
    const ends = await Promise.allSettled(parts);
    this.#bulks--;
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
  }

  async #part(addresses: readonly Address[], from: number, heard: HeardMany): Promise<void> {
    const reads = await this.send(addresses);
    // Mostly none of them waits for a tag.
    const late = reads.some((read) => read instanceof Promise);
    heard(late ? await Promise.all(reads.map(async (read) => read)) : (reads as TierRead[]), from);
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
