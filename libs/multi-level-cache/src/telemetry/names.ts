/** Every name this library emits: metrics, their attributes, spans. Nothing else spells one. */
import { BOUNDS_MS } from '../core/latency.js';

export const METER = 'nestjs-multi-level-cache';

export const METRICS = {
  requests: {
    name: 'mlcache.requests',
    unit: '{request}',
    description: 'Requests by who answered',
  },
  lookups: { name: 'mlcache.tier.lookups', unit: '{lookup}', description: 'Reads of a tier' },
  writes: { name: 'mlcache.tier.writes', unit: '{entry}', description: 'Entries stored in a tier' },
  evictions: {
    name: 'mlcache.tier.evictions',
    unit: '{entry}',
    description: 'Entries a tier gave up: for space, or because they could answer no more',
  },
  entries: { name: 'mlcache.tier.entry.count', unit: '{entry}', description: 'Entries in a tier' },
  usage: { name: 'mlcache.tier.usage', unit: 'By', description: 'Rough bytes in a tier' },
  limit: { name: 'mlcache.tier.limit', unit: 'By', description: 'Bytes a tier may hold' },
  state: {
    name: 'mlcache.tier.state',
    unit: '{state}',
    description: '1 for the state a tier is in, 0 for the others',
  },
  operationDuration: {
    name: 'mlcache.operation.duration',
    unit: 's',
    description: 'Time of calls that memory could not answer, and of writes',
  },
  tierDuration: {
    name: 'mlcache.tier.operation.duration',
    unit: 's',
    description: 'Time a tier took for one call; of hits in memory one in 1,024 is recorded',
  },
  loaderDuration: { name: 'mlcache.loader.duration', unit: 's', description: 'Time in loaders' },
  loaders: { name: 'mlcache.loader.active', unit: '{load}', description: 'Loaders that run' },
  coalesced: {
    name: 'mlcache.loader.coalesced',
    unit: '{request}',
    description: 'Requests that waited for a load under way instead of beginning one',
  },
  invalidations: {
    name: 'mlcache.invalidations',
    unit: '{invalidation}',
    description: 'Keys and tags removed or made stale',
  },
  messages: {
    name: 'mlcache.backplane.messages',
    unit: '{message}',
    description: 'Messages between instances',
  },
  lag: {
    name: 'mlcache.backplane.lag',
    unit: 's',
    description: 'From a change of another instance to its being heard here',
  },
  size: { name: 'mlcache.envelope.size', unit: 'By', description: 'Size of entries by tier' },
  corrupt: {
    name: 'mlcache.envelope.corrupt',
    unit: '{entry}',
    description: 'Entries that could not be read',
  },
  warmed: {
    name: 'mlcache.warming.loads',
    unit: '{entry}',
    description: 'Keys that warming meant to load, by what became of them',
  },
  warmOutcomes: {
    name: 'mlcache.warming.outcomes',
    unit: '{entry}',
    description: 'Warmed entries by whether anybody asked for them',
  },
  denied: {
    name: 'mlcache.access.denied',
    unit: '{request}',
    description: 'Calls refused for the sake of whoever made them',
  },
  rejected: {
    name: 'mlcache.fills.rejected',
    unit: '{entry}',
    description:
      'Values not stored: something had changed since they were read, or they are too large for L1',
  },
} as const;

export const ATTRIBUTES = {
  cache: 'mlcache.cache',
  tier: 'mlcache.tier',
  operation: 'mlcache.operation',
  result: 'mlcache.result',
  state: 'mlcache.state',
  reason: 'mlcache.reason',
  kind: 'mlcache.kind',
  origin: 'mlcache.origin',
  direction: 'mlcache.direction',
  outcome: 'mlcache.outcome',
  error: 'error.type',
  // Of spans only.
  coalesced: 'mlcache.coalesced',
  degraded: 'mlcache.degraded',
  trigger: 'mlcache.trigger',
  count: 'mlcache.count',
  planned: 'mlcache.warming.planned',
  loaded: 'mlcache.warming.loaded',
  skipped: 'mlcache.warming.skipped',
} as const;

export const SPANS = {
  operation: 'cache',
  tier: 'cache.tier.get',
  load: 'cache.load',
  warm: 'cache.warm',
  apply: 'cache.backplane.apply',
} as const;

/** Names of caches, and classes of errors, beyond so many share one series: they may come from data. */
export const MAX_CACHES = 64;
export const OTHER_CACHES = '_other';
export const MAX_ERRORS = 16;
/** As OpenTelemetry spells it. */
export const OTHER_ERRORS = '_OTHER';

/** Seconds; the library's own default begins at 5 ms, where most of this is over. */
export const DURATION_BUCKETS: readonly number[] = BOUNDS_MS.map((ms) => ms / 1_000);
/** Bytes: 256 … 1 Mi, by fours. */
export const SIZE_BUCKETS: readonly number[] = [
  256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576,
];
