/** How long things took and how large they are: recorded from events below memory, which nobody builds while this does not listen. */
import type { Attributes, Histogram, Meter } from '@opentelemetry/api';
import type { CacheEventName, CacheEvents, CacheListener } from '../core/events.js';
import { boundedCaches, boundedErrors, errorType } from './bounded.js';
import { ATTRIBUTES, DURATION_BUCKETS, METRICS, SIZE_BUCKETS } from './names.js';

export type HistogramMaker = Pick<Meter, 'createHistogram'>;

/** Where events come from. */
export interface Telling {
  on<N extends CacheEventName>(event: N, listener: CacheListener<N>): () => void;
}

/** Attribute sets are few, and are built once: each call of the SDK is told with one that it has seen. */
class Sets {
  readonly #known = new Map<string, Attributes>();

  of(...pairs: readonly (readonly [name: string, value: string | undefined])[]): Attributes {
    const key = pairs.map(([, value]) => value).join('\u0000');
    let set = this.#known.get(key);
    if (!set) {
      set = Object.fromEntries(pairs.filter(([, value]) => value !== undefined)) as Attributes;
      this.#known.set(key, set);
    }
    return set;
  }
}

/** Begins to listen; the returned function ends it. */
export function watchDurations(cache: Telling, make: HistogramMaker): () => void {
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
  const [caches, errors, sets] = [boundedCaches(), boundedErrors(), new Sets()];
  const typeOf = (error: unknown): string | undefined =>
    error === undefined ? undefined : errors.name(errorType(error));
  const { cache: name, error: type, operation: what, result: how, tier: where } = ATTRIBUTES;
  const seconds = (into: Histogram, ms: number, attributes?: Attributes): void =>
    into.record(ms / 1_000, attributes);

  const stops = [
    cache.on('operation', ({ durationMs, error, operation, result }: CacheEvents['operation']) =>
      seconds(
        operations,
        durationMs,
        sets.of([what, operation], [how, result], [type, typeOf(error)]),
      ),
    ),
    cache.on('tierOperation', ({ bytes, durationMs, error, operation, tier }) => {
      seconds(tiers, durationMs, sets.of([where, tier], [what, operation], [type, typeOf(error)]));
      if (bytes !== undefined) sizes.record(bytes, sets.of([where, tier]));
    }),
    cache.on('load', ({ cache: of, durationMs, error }) =>
      seconds(loads, durationMs, sets.of([name, caches.name(of)], [type, typeOf(error)])),
    ),
    cache.on('heard', ({ lagMs }) => {
      if (lagMs !== undefined) seconds(lag, lagMs);
    }),
  ];
  return () => {
    for (const stop of stops.splice(0)) stop();
  };
}
