/** Tells events how long a tier took for one call; nothing is measured while nobody listens. */
import type { Clock } from '../core/clock.js';
import type { CacheEvents, EventHub, TierOperationName } from '../core/events.js';
import type { TierName } from '../core/tier.js';

/** Of what is told of a call. */
export type Ended = Pick<CacheEvents['tierOperation'], 'bytes' | 'error'>;

/** Tells the end of a call. */
export type TellEnd = (end?: Ended) => void;

/** What a call to a tier is told with at its end; `undefined` = nobody listens. */
export function timed(
  events: EventHub,
  clock: Clock,
  tier: TierName,
  operation: TierOperationName,
): TellEnd | undefined {
  if (!events.has('tierOperation')) return undefined;
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
