/** All counters of an application, gathered when somebody asks. */
import type { SecurityStats } from '../security/gate.js';
import type { Parts } from './parts.js';
import { TIER_OFF, type CacheStats, type RequestCounts, type TierStats } from './stats.js';
import type { TierGuard } from './tier-guard.js';
import type { WarmingStats } from './warm-tally.js';
import { WARMING_CACHE } from './warm-shelf.js';

/** Every counter of an application, as it stands. */
export function snapshot(
  parts: Parts,
  caches: ReadonlyMap<string, { readonly counts: RequestCounts }>,
  warming: WarmingStats,
  security: SecurityStats,
): CacheStats {
  const requests: Record<string, { requests: RequestCounts }> = {};
  let hits = 0;
  let lower = 0;
  for (const [name, { counts }] of caches) {
    if (name === WARMING_CACHE) continue;
    requests[name] = { requests: { ...counts } };
    hits += counts.l1;
    lower += counts.l2 + counts.l3 + counts.loader + counts.stale + counts.error;
  }
  const { l1, l2, l3 } = parts;
  const first = l1 ? { ...l1.status(), hits, misses: lower, writes: l1.writes } : TIER_OFF;
  const tiers = { l1: first, l2: lowerStats(l2), l3: lowerStats(l3) };
  const audit = parts.audit && { audit: parts.audit.log.stats() };
  return { ...audit, caches: requests, tiers, placement: parts.placing.stats, warming, security };
}

function lowerStats(guard: TierGuard | null): TierStats {
  if (!guard) return TIER_OFF;
  const { hits, misses, writes } = guard;
  return { ...guard.status(), hits, misses, writes };
}
