/** Who answered, as plain integers: the hot path adds one and nothing else. */
import type { TierName, TierState } from '../core/tier.js';
import type { AuditStats } from '../core/audit.js';
import type { PlacementStats } from './placing.js';
import type { SecurityStats } from '../security/gate.js';
import type { WarmingStats } from './warm-tally.js';

/** Requests of one cache by who answered them. */
export class RequestCounts {
  l1 = 0;
  l2 = 0;
  l3 = 0;
  loader = 0;
  stale = 0;
  error = 0;
}

export interface TierStats {
  readonly state: TierState | 'off';
  readonly hits: number;
  readonly misses: number;
  readonly writes: number;
  readonly evictions: number;
  readonly entries: number;
  readonly bytes: number;
  readonly corrupt: number;
  /** Why it is away, not asked or not filled, if so. */
  readonly reason?: string;
  /** Waiting does not help: credentials, permissions or certificates have to be changed. */
  readonly config?: boolean;
}

/** A snapshot of every counter. */
export interface CacheStats {
  readonly caches: Readonly<Record<string, { readonly requests: Readonly<RequestCounts> }>>;
  readonly tiers: Readonly<Record<TierName, TierStats>>;
  /** What the placement decided otherwise than usual. */
  readonly placement: PlacementStats;
  readonly warming: WarmingStats;
  /** Where the audit log is on. */
  readonly audit?: AuditStats;
  readonly security: SecurityStats;
}

export const TIER_OFF: TierStats = Object.freeze({
  state: 'off',
  hits: 0,
  misses: 0,
  writes: 0,
  evictions: 0,
  entries: 0,
  bytes: 0,
  corrupt: 0,
});
