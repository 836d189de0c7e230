/** Options of the lower tiers as the parts get them, complete. */

/** What holds for every call, without anything that is drawn or begins by itself. */
export const DEFAULTS = {
  ttl: 600_000,
  grace: 0,
  timeout: undefined,
  hardTimeout: 30_000,
  negativeTtl: undefined,
  jitter: 0,
  refreshAhead: 0,
  partitionTtl: 30_000,
} as const;

/** L3 without a place to connect to. */
export const L3 = {
  poolSize: 4,
  schema: 'mlcache',
  table: 'entry',
  migrate: true,
  unlogged: false,
  poolerMode: false,
  maxSize: 1024 ** 3,
  maxAge: 30 * 86_400_000,
  budget: 1_000,
} as const;
