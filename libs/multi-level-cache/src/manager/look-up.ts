/** A read of one key below memory: the shared tier, then the durable one, and what is found comes up. Never waits for a loader. */
import type { Entry } from '../core/entry.js';
import type { Address } from '../core/key.js';
import type { Ticket, TierRead } from '../core/tier.js';
import type { Commit, InUse } from './commit.js';
import type { Answer } from './single-flight.js';
import type { ReadHow, Told } from './tier-reading.js';

/** One object instead of a promise for each step: it is told by one tier after the other. */
export class LookUp implements Told {
  readonly #memory: Ticket | undefined;
  #second: TierRead | undefined;
  #third = false;

  constructor(
    readonly address: Address,
    readonly tiers: InUse,
    readonly how: ReadHow,
    readonly commit: Commit,
    readonly resolve: (answer: Answer | undefined) => void,
    readonly refused: (error: unknown) => void,
  ) {
    this.#memory = tiers.l1?.ticketFor(address);
  }

  begin(): void {
    const { l2 } = this.tiers;
    if (l2) l2.ask(this.address, this.how, this);
    else this.#below();
  }

  found(read: TierRead | undefined): void {
    if (this.#third) this.#end('l3', read?.state === 'fresh' ? read.entry : undefined);
    else if (read?.state === 'fresh' && read.entry) this.#end('l2', read.entry);
    // What cannot be verified is no answer.
    else if (!read && this.how.verify) this.resolve(undefined);
    else {
      this.#second = read;
      this.#below();
    }
  }

  #below(): void {
    const { l3 } = this.tiers;
    if (!l3) return this.resolve(undefined);
    this.#third = true;
    l3.ask(this.address, { schema: this.how.schema }, this);
  }

  #end(by: 'l2' | 'l3', found: Entry | undefined): void {
    if (!found) return this.resolve(undefined);
    const { l1, l2, l3 } = this.tiers;
    if (this.#memory) l1?.fill(this.address, found, this.#memory);
    const seen = this.#second;
    if (by === 'l3' && seen && l2 && l3)
      this.commit.promoteLater(this.address, { seen, found }, l2, l3);
    this.resolve({ by, entry: found });
  }
}
