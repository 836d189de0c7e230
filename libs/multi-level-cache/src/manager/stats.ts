/** Who answered, as plain integers: the hot path adds one and nothing else. */
import type { AuditStats } from '../core/audit.js';
import type { LatencyStats } from '../core/latency.js';
import type { MessageCounts, TierName, TierState } from '../core/tier.js';
import type { InvalidationStats } from './invalidation-tally.js';
import type { LoadStats } from './load-tally.js';
import type { PlacementStats } from './placing.js';
import type { SecurityStats } from '../security/gate.js';
import type { BreakerState } from './tier-parts.js';
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
  /** Entries removed because they could answer no more, as far as counted. */
  readonly expired: number;
  /** Reads that failed or were late. They are misses as well. */
  readonly errors: number;
  /** Reads that were not made: the tier is not asked, or owes the key a change. They are misses as well. */
  readonly skipped: number;
  /** Fills that were refused, by what spoke against them. */
  readonly rejected: Readonly<Record<string, number>>;
  /** How long answers took lately, of a sample. */
  readonly latency: LatencyStats;
  /** Share of them that came within the tier's target: 1, 5, 50 ms. Left out where none was measured. */
  readonly withinTarget?: number;
  /** Whether it is asked; left out where it is off. */
  readonly breaker?: BreakerState;
  /** Bytes it may hold, where it keeps to a bound. */
  readonly limit?: number;
  /** Why it is away, not asked or not filled, if so. */
  readonly reason?: string;
  /** Waiting does not help: credentials, permissions or certificates have to be changed. */
  readonly config?: boolean;
}

/** What one named cache was asked for, and what it has loaded. */
export interface NamedStats {
  readonly requests: Readonly<RequestCounts>;
  /** Callers that waited for a load that was under way. */
  readonly coalesced: number;
  readonly loads: LoadStats;
}

/** A snapshot of every counter. */
export interface CacheStats {
  readonly caches: Readonly<Record<string, NamedStats>>;
  readonly tiers: Readonly<Record<TierName, TierStats>>;
  /** What the placement decided otherwise than usual. */
  readonly placement: PlacementStats;
  readonly warming: WarmingStats;
  /** Where the audit log is on. */
  readonly audit?: AuditStats;
  readonly security: SecurityStats;
  /** Loaders that run at this moment. */
  readonly loading: { readonly active: number };
  /** Keys and tags, by who asked for it: this instance, or another one. */
  readonly invalidations: InvalidationStats;
  /** What is told between instances; `deaf`: they are not heard, and hits are looked up below. */
  readonly backplane: MessageCounts & { readonly deaf: boolean };
}

const NO_LATENCY: LatencyStats = Object.freeze({ samples: 0, p50Ms: 0, p99Ms: 0 });

export const TIER_OFF: TierStats = Object.freeze({
  state: 'off',
  hits: 0,
  misses: 0,
  writes: 0,
  evictions: 0,
  entries: 0,
  bytes: 0,
  corrupt: 0,
  expired: 0,
  errors: 0,
  skipped: 0,
  rejected: Object.freeze({}),
  latency: NO_LATENCY,
});
