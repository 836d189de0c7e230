/** Tells events how long a tier took for one call; nothing is measured while nobody listens. */
import type { Clock } from '../core/clock.js';
import type { CacheEvents, EventHub, TierOperationName } from '../core/events.js';
import type { TierName } from '../core/tier.js';
import { Turns } from '../core/turns.js';

/** Of what is told of a call. */
export type Ended = Pick<CacheEvents['tierOperation'], 'bytes' | 'error'>;

/** Tells the end of a call. */
export type TellEnd = (end?: Ended) => void;

export class Timed {
  readonly #turns: Turns;

  constructor(
    readonly tier: TierName,
    readonly events: EventHub,
    readonly clock: Clock,
  ) {
    this.#turns = new Turns(clock);
  }

  /** What a call to the tier is told with at its end; `undefined` = nobody listens, or it is not its turn. */
  begin(operation: TierOperationName): TellEnd | undefined {
    const { clock, events, tier } = this;
    if (!events.has('tierOperation') || !this.#turns.take()) return undefined;
    const began = clock.now();
    return ({ bytes, error } = {}) =>
      events.emit('tierOperation', {
        tier,
        operation,
        durationMs: clock.now() - began,
        ...(bytes === undefined ? {} : { bytes }),
        ...(error === undefined ? {} : { error }),
      });
  }
}
