/** The counters of a cache as OpenTelemetry instruments: read when the exporter asks, never touched by a request. */
import type {
  Attributes,
  Histogram,
  Meter,
  Observable,
  ObservableResult,
} from '@opentelemetry/api';
import type { CacheEvents, CacheListener } from '../core/events.js';
import type { TierName } from '../core/tier.js';
import { ATTRIBUTES, DURATION_BUCKETS, MAX_CACHES, METRICS, OTHER_CACHES } from './names.js';

/** What telemetry needs of a cache. */
export interface Observed {
  stats(): {
    readonly caches: Readonly<
      Record<string, { readonly requests: Readonly<Record<RequestResult, number>> }>
    >;
    readonly tiers: Readonly<Record<TierName, TierNumbers>>;
  };
  on(event: 'load', listener: CacheListener<'load'>): () => void;
}

type RequestResult = TierName | 'loader' | 'stale' | 'error';

interface TierNumbers {
  readonly state: string;
  readonly hits: number;
  readonly misses: number;
  readonly writes: number;
  readonly evictions: number;
  readonly entries: number;
  readonly bytes: number;
  readonly corrupt: number;
}

/** What makes instruments: a meter, or nestjs-otel's service in its shape. */
export type Instruments = Pick<
  Meter,
  | 'createObservableCounter'
  | 'createObservableUpDownCounter'
  | 'createObservableGauge'
  | 'createHistogram'
>;

const STATES = ['up', 'degraded', 'down', 'off'];
const ANSWERS: readonly (readonly [RequestResult, Attributes])[] = [
  ...(['l1', 'l2', 'l3'] as const).map((tier) => [tier, answer(tier, 'hit')] as const),
  ['loader', answer('none', 'miss')],
  ['stale', answer('none', 'stale')],
  ['error', answer('none', 'error')],
];

/** Whether somebody collects what is recorded. */
export interface Observing {
  readonly dark: boolean;
  stop(): void;
}

/** Registers all instruments of a cache; `stop` removes their callbacks. */
export function observe(cache: Observed, make: Instruments): Observing {
  const stops: (() => void)[] = [];
  const watch = (instrument: Observable, read: (result: ObservableResult) => void): void => {
    instrument.addCallback(read);
    stops.push(() => instrument.removeCallback(read));
  };
  const { requests, state, loaderDuration, ...rest } = METRICS;
  const first = make.createObservableCounter(requests.name, requests);
  watch(first, (result) => requestCounts(cache, result));
  watch(make.createObservableGauge(state.name, state), (result) =>
    eachTier(cache, (tier, numbers) => {
      for (const one of STATES)
        result.observe(Number(numbers.state === one), { ...tier, [ATTRIBUTES.state]: one });
    }),
  );
  watch(make.createObservableCounter(rest.lookups.name, rest.lookups), (result) =>
    eachTier(cache, (tier, { hits, misses }) => {
      result.observe(hits, { ...tier, [ATTRIBUTES.result]: 'hit' });
      result.observe(misses, { ...tier, [ATTRIBUTES.result]: 'miss' });
    }),
  );
  for (const name of ['writes', 'evictions', 'corrupt'] as const)
    watch(make.createObservableCounter(rest[name].name, rest[name]), (result) =>
      eachTier(cache, (tier, numbers) => result.observe(numbers[name], tier)),
    );
  for (const [name, member] of [
    ['entries', 'entries'],
    ['usage', 'bytes'],
  ] as const)
    watch(make.createObservableUpDownCounter(rest[name].name, rest[name]), (result) =>
      eachTier(cache, (tier, numbers) => result.observe(numbers[member], tier)),
    );
  const durations = make.createHistogram(loaderDuration.name, {
    ...loaderDuration,
    advice: { explicitBucketBoundaries: DURATION_BUCKETS },
  });
  stops.push(cache.on('load', (event) => recordLoad(durations, event)));
  const stop = (): void => {
    for (const end of stops.splice(0)) end();
  };
  // Without an SDK the API hands out instruments that do nothing, and goes on doing so for ever.
  return { dark: first.constructor.name.startsWith('Noop'), stop };
}

function answer(tier: string, result: string): Attributes {
  return { [ATTRIBUTES.tier]: tier, [ATTRIBUTES.result]: result };
}

function requestCounts(cache: Observed, result: ObservableResult): void {
  const others = new Map<RequestResult, number>();
  Object.entries(cache.stats().caches).forEach(([name, { requests }], index) => {
    for (const [member, attributes] of ANSWERS) {
      if (index < MAX_CACHES)
        result.observe(requests[member], { [ATTRIBUTES.cache]: name, ...attributes });
      else others.set(member, (others.get(member) ?? 0) + requests[member]);
    }
  });
  for (const [member, attributes] of ANSWERS) {
    const count = others.get(member);
    if (count !== undefined)
      result.observe(count, { [ATTRIBUTES.cache]: OTHER_CACHES, ...attributes });
  }
}

function eachTier(cache: Observed, read: (tier: Attributes, numbers: TierNumbers) => void): void {
  for (const [name, numbers] of Object.entries(cache.stats().tiers))
    if (numbers.state !== 'off') read({ [ATTRIBUTES.tier]: name }, numbers);
}

function recordLoad(durations: Histogram, { durationMs, error }: CacheEvents['load']): void {
  const attributes = error === undefined ? {} : { [ATTRIBUTES.error]: nameOf(error) };
  durations.record(durationMs / 1_000, attributes);
}

/** The class of an error: its message may hold anything. */
function nameOf(error: unknown): string {
  return error instanceof Error ? error.constructor.name : typeof error;
}
