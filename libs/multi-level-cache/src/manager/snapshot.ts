/** All counters of an application, gathered when somebody asks. */
import type { BOUNDS_MS } from '../core/latency.js';
import type { MessageCounts, TierName, TierStatus } from '../core/tier.js';
import type { SecurityStats } from '../security/gate.js';
import type { Parts } from './parts.js';
import {
  TIER_OFF,
  type CacheStats,
  type NamedStats,
  type RequestCounts,
  type TierStats,
} from './stats.js';
import type { TierGuard } from './tier-guard.js';
import type { WarmingStats } from './warm-tally.js';
import { WARMING_CACHE } from './warm-shelf.js';

/** Within which time a tier is to answer, ms. */
export const TARGET_MS: Readonly<Record<TierName, (typeof BOUNDS_MS)[number]>> = {
  l1: 1,
  l2: 5,
  l3: 50,
};

/** Every counter of an application, as it stands. */
export function snapshot(
  parts: Parts,
  caches: ReadonlyMap<string, { readonly counts: RequestCounts }>,
  warming: WarmingStats,
  security: SecurityStats,
): CacheStats {
  const { backplane, clock, invalidations, l2, l3, loads, placing } = parts;
  const now = clock.now();
  const named: Record<string, NamedStats> = {};
  let hits = 0;
  let lower = 0;
  for (const [name, { counts }] of caches) {
    if (name === WARMING_CACHE) continue;
    const tally = loads.of(name);
    const { coalesced } = tally;
    named[name] = { requests: { ...counts }, coalesced, loads: tally.stats(now) };
    hits += counts.l1;
    lower += counts.l2 + counts.l3 + counts.loader + counts.stale + counts.error;
  }
  return {
    ...(parts.audit && { audit: parts.audit.log.stats() }),
    caches: named,
    tiers: { l1: memoryStats(parts, hits, lower, now), l2: lowerStats(l2), l3: lowerStats(l3) },
    placement: placing.stats,
    warming,
    security,
    loading: { active: loads.active },
    invalidations: invalidations.stats,
    backplane: { ...messagesOf([l2, l3]), deaf: backplane.deaf },
  };
}

function memoryStats(
  { l1, memoryLatencies }: Parts,
  hits: number,
  misses: number,
  now: number,
): TierStats {
  if (!l1) return TIER_OFF;
  const within = memoryLatencies.within(TARGET_MS.l1, now);
  return {
    ...told(l1.status()),
    hits,
    misses,
    writes: l1.writes,
    errors: 0,
    skipped: 0,
    breaker: 'closed',
    latency: memoryLatencies.stats(now),
    ...(within === undefined ? {} : { withinTarget: within }),
  };
}

function lowerStats(guard: TierGuard | null): TierStats {
  if (!guard) return TIER_OFF;
  const { errors, hits, misses, parts, skipped, tier, writes } = guard;
  const { breaker, latency } = parts;
  const within = parts.within(TARGET_MS[tier.name]);
  return {
    ...told(guard.status()),
    hits,
    misses,
    writes,
    errors,
    skipped,
    breaker,
    latency,
    ...(within === undefined ? {} : { withinTarget: within }),
  };
}

/** What a tier says of itself; messages are told of all tiers together. */
function told({
  messages: _messages,
  expired = 0,
  rejected = {},
  ...status
}: TierStatus): Omit<TierStatus, 'messages'> & Pick<TierStats, 'expired' | 'rejected'> {
  return { ...status, expired, rejected };
}

function messagesOf(guards: readonly (TierGuard | null)[]): MessageCounts {
  const all = guards.flatMap((guard) => guard?.tier.status().messages ?? []);
  const sum = (name: keyof MessageCounts): number =>
    all.reduce((total, counts) => total + counts[name], 0);
  return { published: sum('published'), received: sum('received'), dropped: sum('dropped') };
}
