/** Who answered, as plain integers: the hot path adds one and nothing else. */
import type { TierName, TierState } from '../core/tier.js';
import type { Parts } from './parts.js';
import type { TierGuard } from './tier-guard.js';

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
  /** Why it is away, if it is. */
  readonly reason?: string;
}

/** A snapshot of every counter. */
export interface CacheStats {
  readonly caches: Readonly<Record<string, { readonly requests: Readonly<RequestCounts> }>>;
  readonly tiers: Readonly<Record<TierName, TierStats>>;
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

/** Every counter of an application, as it stands. */
export function snapshot(
  parts: Parts,
  caches: ReadonlyMap<string, { readonly counts: RequestCounts }>,
): CacheStats {
  const requests: Record<string, { requests: RequestCounts }> = {};
  let hits = 0;
  let lower = 0;
  for (const [name, { counts }] of caches) {
    requests[name] = { requests: { ...counts } };
    hits += counts.l1;
    lower += counts.l2 + counts.l3 + counts.loader + counts.stale + counts.error;
  }
  const { l1, l2, l3 } = parts;
  const first = l1 ? { ...l1.status(), hits, misses: lower, writes: l1.writes } : TIER_OFF;
  return { caches: requests, tiers: { l1: first, l2: lowerStats(l2), l3: lowerStats(l3) } };
}

function lowerStats(guard: TierGuard | null): TierStats {
  if (!guard) return TIER_OFF;
  const { hits, misses, writes, tier } = guard;
  return { ...tier.status(), hits, misses, writes };
}
