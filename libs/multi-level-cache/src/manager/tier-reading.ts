/** One read of a lower tier, for whoever asked its guard: it waits for the answer, judges it, and ends well in any case. */
import { Waiter } from '../core/deadline.js';
import type { Address } from '../core/key.js';
import type { StandardSchema } from '../core/standard-schema.js';
import type { Tier, TierRead } from '../core/tier.js';
import type { TierPart } from './tier-part.js';
import type { TellEnd, Timed } from './timed.js';

export interface ReadHow {
  /** Whether it counts as a hit or a miss. */
  readonly count?: boolean;
  /** As of the tier port: one of many keys of one call. */
  readonly together?: boolean;
  /** By what the store itself says now. */
  readonly verify?: boolean;
  /** What the value has to look like. */
  readonly schema?: StandardSchema | undefined;
}

/** Who has asked; one of the two is told, once. */
export interface Told {
  /** What may be used; `undefined` = the tier is away, late, or owes this key a change. */
  found(read: TierRead | undefined): void;
  /** The caller's own option is at fault. */
  refused(error: unknown): void;
}

/** The guard whose read it is. */
export interface Reads {
  hits: number;
  misses: number;
  errors: number;
  readonly changes: { readonly paid: number };
  readonly options: { readonly onCorrupt?: (address: Address) => void };
  /** What of an answer may be used. */
  accept(
    found: TierRead,
    address: Address,
    schema: StandardSchema | undefined,
  ): TierRead | undefined;
  readonly timed: Timed;
}

/** One object instead of a closure for each of its ends: reads of Redis are many, and what they leave behind is collected by somebody. */
export class TierReading extends Waiter<TierRead> {
  readonly #paid: number;
  readonly #call: number;
  readonly #tell: TellEnd | undefined;
  /** When its wait began, if that is measured. */
  #began = 0;

  constructor(
    readonly reads: Reads,
    readonly part: TierPart,
    readonly address: Address,
    readonly how: ReadHow,
    readonly told: Told,
  ) {
    super();
    this.#paid = reads.changes.paid;
    this.#call = part.reads.begin()!;
    this.#tell = reads.timed.begin('get');
  }

  /** Asks the tier. */
  ask(tier: Tier): void {
    const { address, how, part } = this;
    const verify = how.verify === true && tier.verify !== undefined;
    try {
      // What a caller has said itself, and who listens, is to run in the caller's own async context.
      if (!verify && tier.tell && how.schema === undefined && this.#tell === undefined) {
        this.#began = part.waits();
        part.deadline.wait(this);
        return tier.tell(address, this, how.together);
      }
      const reply = verify ? tier.verify!(address) : tier.read(address, how.together);
      if (!(reply instanceof Promise)) return this.hear(reply);
      this.#began = part.waits();
      part.deadline.settle(reply, this);
    } catch (error) {
      if (this.within) this.failed(error);
      else this.miss(error);
    }
  }

  hear(found: TierRead): void {
    const { address, part, reads } = this;
    part.reads.ended(this.#call);
    this.#tell?.(found);
    if (found.corrupt) reads.options.onCorrupt?.(address);
    if (this.#began !== 0) part.waited(this.#began);
    this.#end(found);
  }

  /** Away or late: the caller goes on without it. */
  miss(error: unknown): void {
    const { address, part, reads } = this;
    reads.errors++;
    this.#tell?.({ error });
    part.failed(part.reads, this.#call, address, error);
    this.#end(undefined);
  }

  #end(found: TierRead | undefined): void {
    const { address, how, reads } = this;
    // What was owed when it was asked for may have been paid behind the answer: of which tags is not known before.
    const known = found !== undefined && reads.changes.paid === this.#paid;
    try {
      const read = known ? reads.accept(found, address, how.schema) : undefined;
      if (how.count !== false) {
        if (read?.state === 'fresh') reads.hits++;
        else reads.misses++;
      }
      this.told.found(read);
    } catch (error) {
      this.told.refused(error);
    }
  }
}
