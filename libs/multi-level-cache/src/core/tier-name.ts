/** How the tiers are called, top first. */

/** `l1` is memory, `l2` Redis, `l3` PostgreSQL. */
export type TierName = 'l1' | 'l2' | 'l3';
