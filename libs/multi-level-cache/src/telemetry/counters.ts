/** Counters and states of a cache as observable instruments: read when the exporter asks, never touched by a request. */
import type { Attributes, Meter, Observable, ObservableResult } from '@opentelemetry/api';
import type { TierName } from '../core/tier.js';
import { boundedCaches, type Bounded } from './bounded.js';
import { ATTRIBUTES, METRICS } from './names.js';

type RequestResult = TierName | 'loader' | 'stale' | 'error';
type Numbers<K extends string = string> = Readonly<Record<K, number>>;

interface NamedNumbers {
  readonly requests: Numbers<RequestResult>;
  readonly coalesced: number;
}

interface TierNumbers {
  readonly state: string;
  readonly breaker?: string;
  readonly hits: number;
  readonly misses: number;
  readonly errors: number;
  readonly skipped: number;
  readonly writes: number;
  readonly evictions: number;
  readonly expired: number;
  readonly entries: number;
  readonly bytes: number;
  readonly limit?: number;
  readonly corrupt: number;
  readonly rejected: Numbers;
}

/** What telemetry reads of `stats()`. */
export interface Numbered {
  readonly caches: Readonly<Record<string, NamedNumbers>>;
  readonly tiers: Readonly<Record<TierName, TierNumbers>>;
  readonly loading: { readonly active: number };
  readonly invalidations: Readonly<
    Record<'key' | 'tag', Readonly<Record<'local' | 'backplane', number>>>
  >;
  readonly backplane: Numbers<'published' | 'received' | 'dropped'>;
  readonly security: { readonly byAction: Numbers };
  readonly warming: Numbers<
    'loaded' | 'alreadyFresh' | 'failed' | 'overBudget' | 'used' | 'wasted'
  >;
}

/** What makes them: a meter, or nestjs-otel's service in its shape. */
export type ObservableMaker = Pick<
  Meter,
  'createObservableCounter' | 'createObservableUpDownCounter' | 'createObservableGauge'
>;

const { cache, direction, kind, operation, origin, outcome, reason, result, state, tier } =
  ATTRIBUTES;
const STATES = ['closed', 'half_open', 'open', 'config'];
const ANSWERS: readonly (readonly [RequestResult, Attributes])[] = [
  ...(['l1', 'l2', 'l3'] as const).map((name) => [name, answer(name, 'hit')] as const),
  ['loader', answer('none', 'miss')],
  ['stale', answer('none', 'stale')],
  ['error', answer('none', 'error')],
];

type Observe = (value: number, attributes?: Attributes) => void;
type Read = (stats: Numbered, observe: Observe) => void;

export interface Watching {
  /** The first instrument: one that does nothing means that nobody collects. */
  readonly first: Observable;
  stop(): void;
}

/** Registers the instruments; `stop` removes their callbacks. */
export function watchCounters(stats: () => Numbered, make: ObservableMaker): Watching {
  const stops: (() => void)[] = [];
  const caches = boundedCaches();
  // Every instrument of a collection is read in one turn of the process: one snapshot serves them all.
  const snapshot = oncePerTurn(stats);
  const watch = (instrument: Observable, read: Read): Observable => {
    const told = (found: ObservableResult): void =>
      read(snapshot(), (value, attributes) => found.observe(value, attributes));
    instrument.addCallback(told);
    stops.push(() => instrument.removeCallback(told));
    return instrument;
  };
  const counter = (metric: keyof typeof METRICS, read: Read): Observable =>
    watch(make.createObservableCounter(METRICS[metric].name, METRICS[metric]), read);
  const level = (metric: keyof typeof METRICS, read: Read): Observable =>
    watch(make.createObservableUpDownCounter(METRICS[metric].name, METRICS[metric]), read);

  const first = counter('requests', (now, observe) => requestCounts(now, observe, caches));
  counter('coalesced', (now, observe) => {
    for (const [name, { coalesced }] of sums(now, caches)) observe(coalesced, { [cache]: name });
  });
  watch(make.createObservableGauge(METRICS.state.name, METRICS.state), (now, observe) =>
    eachTier(now, (name, { breaker }) => {
      for (const one of STATES) observe(Number(breaker === one), { [tier]: name, [state]: one });
    }),
  );
  counter('lookups', (now, observe) =>
    eachTier(now, (name, { errors, hits, misses, skipped }) => {
      const counts = { hit: hits, miss: misses - errors - skipped, error: errors, skipped };
      for (const [how, count] of Object.entries(counts))
        observe(count, { [tier]: name, [result]: how });
    }),
  );
  counter('evictions', (now, observe) =>
    eachTier(now, (name, { evictions, expired }) => {
      observe(evictions, { [tier]: name, [reason]: 'size' });
      observe(expired, { [tier]: name, [reason]: 'expired' });
    }),
  );
  counter('rejected', (now, observe) =>
    eachTier(now, (name, { rejected }) => {
      for (const [why, count] of Object.entries(rejected))
        observe(count, { [tier]: name, [reason]: why });
    }),
  );
  for (const name of ['writes', 'corrupt'] as const)
    counter(name, (now, observe) =>
      eachTier(now, (of, numbers) => observe(numbers[name], { [tier]: of })),
    );
  for (const [metric, member] of [
    ['entries', 'entries'],
    ['usage', 'bytes'],
    ['limit', 'limit'],
  ] as const)
    level(metric, (now, observe) =>
      eachTier(now, (name, { [member]: value }) => {
        if (value !== undefined) observe(value, { [tier]: name });
      }),
    );
  level('loaders', ({ loading }, observe) => observe(loading.active));
  counter('invalidations', ({ invalidations }, observe) => {
    for (const [what, counts] of Object.entries(invalidations))
      for (const [from, count] of Object.entries(counts))
        observe(count, { [kind]: what, [origin]: from });
  });
  counter('messages', ({ backplane }, observe) => {
    for (const way of ['published', 'received', 'dropped'] as const)
      observe(backplane[way], { [direction]: way });
  });
  counter('denied', ({ security }, observe) => {
    for (const [what, count] of Object.entries(security.byAction))
      observe(count, { [operation]: what });
  });
  counter('warmed', ({ warming }, observe) => {
    observe(warming.loaded, { [outcome]: 'loaded' });
    observe(warming.alreadyFresh, { [outcome]: 'already_fresh' });
    observe(warming.failed, { [outcome]: 'failed' });
    observe(warming.overBudget, { [outcome]: 'over_budget' });
  });
  counter('warmOutcomes', ({ warming }, observe) => {
    for (const how of ['used', 'wasted'] as const) observe(warming[how], { [outcome]: how });
  });
  const stop = (): void => {
    for (const end of stops.splice(0)) end();
  };
  return { first, stop };
}

function answer(name: string, how: string): Attributes {
  return { [tier]: name, [result]: how };
}

function requestCounts(now: Numbered, observe: Observe, caches: Bounded): void {
  for (const [name, { requests }] of sums(now, caches))
    for (const [member, attributes] of ANSWERS)
      observe(requests[member], { [cache]: name, ...attributes });
}

/** By cache, those beyond the bound together. */
function sums({ caches }: Numbered, names: Bounded): ReadonlyMap<string, NamedNumbers> {
  const sum = new Map<string, NamedNumbers>();
  for (const [full, numbers] of Object.entries(caches)) {
    const name = names.name(full);
    const before = sum.get(name);
    sum.set(name, before ? plus(before, numbers) : numbers);
  }
  return sum;
}

function plus(one: NamedNumbers, other: NamedNumbers): NamedNumbers {
  const requests = { ...one.requests };
  for (const [member] of ANSWERS) requests[member] += other.requests[member];
  return { requests, coalesced: one.coalesced + other.coalesced };
}

function eachTier({ tiers }: Numbered, read: (name: string, numbers: TierNumbers) => void): void {
  for (const [name, numbers] of Object.entries(tiers))
    if (numbers.state !== 'off') read(name, numbers);
}

function oncePerTurn<T>(read: () => T): () => T {
  let known: { readonly value: T } | undefined;
  return () => {
    if (!known) {
      known = { value: read() };
      queueMicrotask(() => (known = undefined));
    }
    return known.value;
  };
}
