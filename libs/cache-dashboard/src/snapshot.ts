/** What the page is told of the counters each second: numbers and words of a closed list, nothing that names a key or a tenant. */
import type { CacheStats, TierName, TierStats } from 'nestjs-multi-level-cache';

/** Times of calls, in ms; without samples both are 0. */
export interface Latency {
  readonly samples: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What a tier's statistics may hold besides. */
interface MoreOfTier {
  readonly breaker?: 'closed' | 'half_open' | 'open' | 'config';
  readonly limit?: number;
  readonly latency?: Latency;
}

/** What the statistics of a cache may hold besides. */
interface MoreOfCache {
  readonly coalesced?: number;
  readonly loads?: {
    readonly count: number;
    readonly failed: number;
    readonly p50Ms: number;
    readonly p99Ms: number;
  };
}

/** Counters that a custom or an older cache may leave out. */
interface MoreOfAll {
  readonly loading?: { readonly active: number };
  readonly backplane?: {
    readonly published: number;
    readonly received: number;
    readonly dropped: number;
  };
  readonly fillsRejected?: Readonly<Partial<Record<TierName, Readonly<Record<string, number>>>>>;
}

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
  'state' | 'hits' | 'misses' | 'writes' | 'evictions' | 'entries' | 'bytes' | 'corrupt'
> {
  readonly reason?: string;
  readonly config?: boolean;
  readonly breaker?: string;
  readonly limit?: number;
  readonly latency?: Latency;
  /** Values that were not stored because something changed while they were loaded. */
  readonly rejected?: number;
}

export interface Snapshot {
  readonly tiers: Readonly<Record<TierName, TierTick>>;
  /** Since the start of the process. */
  readonly who: Who;
  readonly loading?: number;
  readonly backplane?: { published: number; received: number; dropped: number };
  readonly warming: CacheStats['warming'];
}

const TIERS = ['l1', 'l2', 'l3'] as const;
const REASON_LENGTH = 60;

/** Turns counters into what is told; what is not counted is left out. */
export function snapshotOf(stats: CacheStats): Snapshot {
  const more = stats as CacheStats & MoreOfAll;
  const tiers = Object.fromEntries(
    TIERS.map((name) => [name, tierOf(stats.tiers[name], more.fillsRejected?.[name])]),
  ) as Record<TierName, TierTick>;
  return {
    tiers,
    who: whoOf(stats),
    warming: { ...stats.warming, heldBackBy: stats.warming.heldBackBy.slice(0, 6) },
    ...(more.loading && { loading: more.loading.active }),
    ...(more.backplane && { backplane: { ...more.backplane } }),
  };
}

/** All caches, those with most requests first. */
export function cacheRows(stats: CacheStats): readonly CacheRow[] {
  const rows = Object.entries(stats.caches).map(([name, cache]): CacheRow => {
    const { l1, l2, l3, loader, stale, error } = cache.requests;
    const { coalesced = 0, loads } = cache as MoreOfCache;
    const { count = 0, failed = 0, p50Ms = 0, p99Ms = 0 } = loads ?? {};
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

function tierOf(
  stats: TierStats & MoreOfTier,
  rejected: Readonly<Record<string, number>> | undefined,
): TierTick {
  const { bytes, config, corrupt, entries, evictions, hits, misses, state, writes } = stats;
  const { breaker, latency, limit, reason } = stats;
  return {
    state,
    hits,
    misses,
    writes,
    evictions,
    entries,
    bytes,
    corrupt,
    ...(reason !== undefined && { reason: reason.slice(0, REASON_LENGTH) }),
    ...(config === true && { config }),
    ...(breaker !== undefined && { breaker }),
    ...(limit !== undefined && { limit }),
    ...(latency && {
      latency: {
        samples: latency.samples,
        p50Ms: round(latency.p50Ms),
        p99Ms: round(latency.p99Ms),
      },
    }),
    ...(rejected && { rejected: Object.values(rejected).reduce((sum, count) => sum + count, 0) }),
  };
}

/** Three digits say enough. */
function round(ms: number): number {
  return Number(ms.toPrecision(3));
}
