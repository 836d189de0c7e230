/** What the page is told of the counters each second: numbers and words of a closed list, nothing that names a key or a tenant. */
import type { CacheStats, TierName, TierStats } from 'nestjs-multi-level-cache';

/** Requests by who answered: l1, l2, l3, loader, stale, error. */
export type Who = readonly [number, number, number, number, number, number];

/** A cache in one row: its name, who answered, calls that joined a load, loads, failed ones, and how long they took. */
export type CacheRow = readonly [
  name: string,
  ...who: Who,
  coalesced: number,
  loads: number,
  failed: number,
  p50Ms: number,
  p99Ms: number,
];

export interface TierTick extends Pick<
  TierStats,
  | 'state'
  | 'hits'
  | 'misses'
  | 'writes'
  | 'evictions'
  | 'entries'
  | 'bytes'
  | 'corrupt'
  | 'reason'
  | 'config'
  | 'breaker'
  | 'limit'
  | 'latency'
> {
  /** Values that were not stored because something changed while they were loaded. */
  readonly rejected: number;
}

export interface Snapshot {
  readonly tiers: Readonly<Record<TierName, TierTick>>;
  /** Since the start of the process. */
  readonly who: Who;
  /** Loaders that run. */
  readonly loading: number;
  readonly backplane: CacheStats['backplane'];
  readonly warming: CacheStats['warming'];
}

const TIERS = ['l1', 'l2', 'l3'] as const;
const REASON_LENGTH = 60;

/** Turns counters into what is told. */
export function snapshotOf(stats: CacheStats): Snapshot {
  const { backplane, loading, tiers, warming } = stats;
  const [l1, l2, l3] = TIERS.map((name) => tierOf(tiers[name]));
  return {
    tiers: { l1, l2, l3 },
    who: whoOf(stats),
    warming: { ...warming, heldBackBy: warming.heldBackBy.slice(0, 6) },
    loading: loading.active,
    backplane,
  };
}

/** All caches, those with most requests first. */
export function cacheRows(stats: CacheStats): readonly CacheRow[] {
  const rows = Object.entries(stats.caches).map(([name, cache]): CacheRow => {
    const { l1, l2, l3, loader, stale, error } = cache.requests;
    const { coalesced, loads } = cache;
    const { count, failed, p50Ms, p99Ms } = loads;
    const times = [round(p50Ms), round(p99Ms)] as const;
    return [name, l1, l2, l3, loader, stale, error, coalesced, count, failed, ...times];
  });
  return rows.toSorted((a, b) => requestsOf(b) - requestsOf(a));
}

/** Who answered, over all caches. */
export function whoOf({ caches }: CacheStats): Who {
  const sum: [number, number, number, number, number, number] = [0, 0, 0, 0, 0, 0];
  for (const { requests } of Object.values(caches)) {
    const { l1, l2, l3, loader, stale, error } = requests;
    for (const [index, count] of [l1, l2, l3, loader, stale, error].entries()) sum[index] += count;
  }
  return sum;
}

function requestsOf([, l1, l2, l3, loader, stale, error]: CacheRow): number {
  return l1 + l2 + l3 + loader + stale + error;
}

function tierOf(stats: TierStats): TierTick {
  const { bytes, corrupt, entries, evictions, hits, misses, state, writes } = stats;
  const { breaker, config, latency, limit, reason, rejected } = stats;
  return {
    state,
    hits,
    misses,
    writes,
    evictions,
    entries,
    bytes,
    corrupt,
    latency: { ...latency, p50Ms: round(latency.p50Ms), p99Ms: round(latency.p99Ms) },
    rejected: Object.values(rejected).reduce((sum, count) => sum + count, 0),
    ...(reason !== undefined && { reason: reason.slice(0, REASON_LENGTH) }),
    ...(config === true && { config }),
    ...(breaker !== undefined && { breaker }),
    ...(limit !== undefined && { limit }),
  };
}

/** Three digits say enough. */
function round(ms: number): number {
  return Number(ms.toPrecision(3));
}
