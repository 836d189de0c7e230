/** How long things took and how large they are: recorded from events below memory, which nobody builds while this does not listen. */
import type { Attributes, Histogram, Meter } from '@opentelemetry/api';
import type { CacheEventName, CacheEvents, CacheListener } from '../core/events.js';
import { boundedCaches, boundedErrors, errorType } from './bounded.js';
import { Later } from './later.js';
import { ATTRIBUTES, DURATION_BUCKETS, METRICS, SIZE_BUCKETS } from './names.js';

export type HistogramMaker = Pick<Meter, 'createHistogram'>;

/** Where events come from. */
export interface Telling {
  on<N extends CacheEventName>(event: N, listener: CacheListener<N>): () => void;
}

/** Attribute sets are few, and each is built once: a hit below memory waits for its being told. */
class Sets {
  readonly #known = new Map<string, Attributes>();

  of(key: string, make: () => Readonly<Record<string, string | undefined>>): Attributes {
    let set = this.#known.get(key);
    if (!set) {
      const given = Object.entries(make()).filter(([, value]) => value !== undefined);
      this.#known.set(key, (set = Object.fromEntries(given)));
    }
    return set;
  }
}

export interface Recording {
  /** What waits to be recorded is recorded. */
  flush(): void;
  stop(): void;
}

/** Begins to listen. */
export function watchDurations(cache: Telling, make: HistogramMaker): Recording {
  const later = new Later();
  const histogram = (metric: keyof typeof METRICS, bounds: readonly number[]): Histogram =>
    make.createHistogram(METRICS[metric].name, {
      ...METRICS[metric],
      advice: { explicitBucketBoundaries: [...bounds] },
    });
  const operations = histogram('operationDuration', DURATION_BUCKETS);
  const tiers = histogram('tierDuration', DURATION_BUCKETS);
  const loads = histogram('loaderDuration', DURATION_BUCKETS);
  const lag = histogram('lag', DURATION_BUCKETS);
  const sizes = histogram('size', SIZE_BUCKETS);
  const [caches, errors] = [boundedCaches(), boundedErrors()];
  const [ofOperation, ofTier, ofLoad, ofSize] = [new Sets(), new Sets(), new Sets(), new Sets()];
  const typeOf = (error: unknown): string | undefined =>
    error === undefined ? undefined : errors.name(errorType(error));
  const { cache: name, error: type, operation: what, result: how, tier: where } = ATTRIBUTES;
  const seconds = (into: Histogram, ms: number, attributes?: Attributes): void =>
    later.record(into, ms / 1_000, attributes);

  const stops = [
    cache.on('operation', ({ durationMs, error, operation, result }: CacheEvents['operation']) => {
      const failed = typeOf(error);
      const make = (): Record<string, string | undefined> => ({
        [what]: operation,
        [how]: result,
        [type]: failed,
      });
      seconds(operations, durationMs, ofOperation.of(`${operation} ${result} ${failed}`, make));
    }),
    cache.on('tierOperation', ({ bytes, durationMs, error, operation, tier }) => {
      const failed = typeOf(error);
      const make = (): Record<string, string | undefined> => ({
        [where]: tier,
        [what]: operation,
        [type]: failed,
      });
      seconds(tiers, durationMs, ofTier.of(`${tier} ${operation} ${failed}`, make));
      // As it is stored: what is read is as large, and read more often.
      if (bytes !== undefined && operation === 'fill')
        later.record(
          sizes,
          bytes,
          ofSize.of(tier, () => ({ [where]: tier })),
        );
    }),
    cache.on('load', ({ cache: of, durationMs, error }) => {
      const [known, failed] = [caches.name(of), typeOf(error)];
      const make = (): Record<string, string | undefined> => ({ [name]: known, [type]: failed });
      seconds(loads, durationMs, ofLoad.of(`${known} ${failed}`, make));
    }),
    cache.on('heard', ({ lagMs }) => seconds(lag, lagMs)),
  ];
  const flush = (): void => later.flush();
  const stop = (): void => {
    for (const end of stops.splice(0)) end();
    flush();
  };
  return { flush, stop };
}
