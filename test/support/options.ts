/** Options of the lower tiers as the parts get them, complete. */

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
