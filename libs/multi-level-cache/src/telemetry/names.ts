/** Every name this library emits as a metric; nothing else spells one. */

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
    description: 'Entries a tier gave up for space',
  },
  entries: { name: 'mlcache.tier.entry.count', unit: '{entry}', description: 'Entries in a tier' },
  usage: { name: 'mlcache.tier.usage', unit: 'By', description: 'Rough bytes in a tier' },
  corrupt: {
    name: 'mlcache.envelope.corrupt',
    unit: '{entry}',
    description: 'Entries that could not be read',
  },
  state: {
    name: 'mlcache.tier.state',
    unit: '{state}',
    description: '1 for the state a tier is in, 0 for the others',
  },
  loaderDuration: { name: 'mlcache.loader.duration', unit: 's', description: 'Time in loaders' },
} as const;

export const ATTRIBUTES = {
  cache: 'mlcache.cache',
  tier: 'mlcache.tier',
  result: 'mlcache.result',
  state: 'mlcache.state',
  error: 'error.type',
} as const;

/** Names of caches beyond these share one series: names may come from data. */
export const MAX_CACHES = 64;
export const OTHER_CACHES = '_other';

/** Seconds; the library's own default begins at 5 ms, where most of this is over. */
export const DURATION_BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
];
